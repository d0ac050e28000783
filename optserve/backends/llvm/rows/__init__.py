"""Passes over rows as native functions: which loops they share, and what stands in lanes."""
