"""What a method that searches says of its own end, and what it takes for rounding error."""

from __future__ import annotations

__all__ = ["NOISE", "PRECISION", "STALLED", "UNDECIDED", "VERDICTS"]

UNDECIDED, PRECISION, STALLED = "", "precision", "stalled"
VERDICTS = (UNDECIDED, PRECISION, STALLED)
"""The words of ``Optimizer.verdict``; a state holds an index into them."""

NOISE = 64
"""How many rounding errors of the loss a change of it must exceed to be told from noise."""
