"""Standard errors and intervals of what was estimated, and how well it fits."""
