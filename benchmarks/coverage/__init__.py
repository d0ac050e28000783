"""Coverage by simulation, beside that of a peer's same interval on the same data sets."""
