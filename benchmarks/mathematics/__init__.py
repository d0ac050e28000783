"""How precise and how fast the vector mathematics of the native backend is."""
