"""A walk from a start to where it ends, judged point by point."""
