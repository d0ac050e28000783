"""Floor 7, batches: many configs, each a job in a supervised process, and one record of all."""
