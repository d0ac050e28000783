"""Python functions as compiled code."""
