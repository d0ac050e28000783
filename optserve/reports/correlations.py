"""Which estimates are correlated, in one line."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from optserve.jobs.record.result import Result

__all__ = ["correlations_lines"]

LEAST = 0.1
"""Correlations below, in absolute value, are not told."""

SHOWN = 6
"""Pairs that are listed, the most correlated first."""


def correlations_lines(result: Result) -> Iterator[str]:
    """The pairs of estimates that are correlated, but for those that a warning names."""
    matrix = result.correlation
    if matrix is None or result.uncertainty == "none":
        return
    pairs = [
        (value, f"{result.labels[column]}, {result.labels[row]}")
        for row in range(len(matrix))
        for column in range(row)
        if (value := matrix[column][row]) is not None and abs(value) >= LEAST
        if not _is_told(result, result.labels[column], result.labels[row])
    ]
    pairs.sort(key=lambda pair: -abs(pair[0]))
    told = [f"{names} {value:.4f}" for value, names in pairs[:SHOWN]]
    if len(pairs) > SHOWN:
        told.append(f"and {len(pairs) - SHOWN} more above {LEAST}")
    if told:
        yield "; ".join(told)


def _is_told(result: Result, one: str, other: str) -> bool:
    told = (f"{one} and {other} correlate ", f"{other} and {one} correlate ")
    return any(warning.startswith(told) for warning in result.warnings)
