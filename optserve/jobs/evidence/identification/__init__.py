"""Whether the data tell the parameters apart, asked before a descent: ``identification``."""
