"""Whole graphs as native functions, for work so small that calls from Python would outweigh it."""
