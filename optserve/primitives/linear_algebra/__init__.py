"""Linear algebra: matrices in the last two axes, everything before them a batch, as in NumPy."""
