"""Floor 7, batches: many configs, each a job in a process of its own, and one record of all."""
