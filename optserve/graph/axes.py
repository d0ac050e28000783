"""What an axis rule answers: where a row axis goes when a primitive is applied.

A primitive's axis rule is called with the axis of each operand that carries the rows (``None`` for
an operand that carries none) and answers, for its result, one of

- an ``int``: the axis of the result that carries the rows; each row of the result depends on the
  same row of the operands only;
- ``Reduced(kind)``: the rows are reduced by an associative operation; the results over two
  blocks of rows combine to the result over both;
- ``Mixed(reason)``: neither; the primitive needs all rows at once.

At least one operand carries the rows when the rule is called. A primitive with several results
answers with a tuple.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from optserve.graph.aval import Aval

__all__ = ["AxisAnswer", "Mixed", "Reduced", "Reduction", "aligned", "mixed"]

Reduction = Literal["sum", "prod", "max", "min", "logsumexp", "any", "all"]


@dataclass(frozen=True)
class Reduced:
    """The rows are gone, combined by ``kind``."""

    kind: Reduction


@dataclass(frozen=True)
class Mixed:
    """The rows do not separate; ``reason`` completes "does not separate because ..."."""

    reason: str


AxisAnswer = int | Reduced | Mixed


def aligned(carried: Sequence[int | None], *avals: Aval, **_attributes: object) -> AxisAnswer:
    """The axis rule of everything that broadcasts: axes are aligned from the right."""
    ndim = max(aval.ndim for aval in avals)
    places = {
        axis + ndim - aval.ndim
        for axis, aval in zip(carried, avals, strict=True)
        if axis is not None
    }
    if len(places) > 1:
        return Mixed("its operands carry the rows along different axes")
    return places.pop()


def mixed(carried: Sequence[int | None], *avals: Aval, **_attributes: object) -> AxisAnswer:
    """The axis rule that promises nothing."""
    return Mixed("it needs all rows at once")
