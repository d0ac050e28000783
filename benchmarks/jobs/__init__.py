"""Whole jobs, from the start of a process to the answer, beside their natural peers."""
