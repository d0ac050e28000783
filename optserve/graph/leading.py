"""``Leading``: how a primitive is applied where its operands have one more axis, in front.

It is what ``vmap`` asks of a primitive that is neither elementwise nor a sum of products: what
becomes of its attributes, and where the new axis is in the result.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from optserve.graph.aval import Aval
from optserve.graph.dim import Size

__all__ = ["Batched", "Leading", "behind", "shifted"]


@dataclass(frozen=True)
class Leading:
    """The ``attributes`` to apply it with, and the ``axis`` of each result that is the new one.

    ``operands`` says what becomes of these. Those without the new axis get it in ``"all"``, and are
    left as they are in ``"some"``. Where they are ``"aligned"`` too, an operand with the new axis
    has axes of size 1 behind it, up to the number that the result has.
    """

    attributes: Mapping[str, Any]
    axis: int = 0
    operands: Literal["all", "some", "aligned"] = "all"


Batched = Callable[..., Leading | Callable[..., Any] | None]
"""``batched(carried, size, *avals, **attributes)``: which operands have one more axis, how many
entries it has, and the avals and attributes without it.

The answer may also be a function of the operands, all of which then have the new axis, that gives
the result; or ``None``: one after the other only."""


def behind(axis: Any) -> Any:
    """An axis, or each of a tuple of axes, where there is one more in front.

    >>> behind(0), behind((0, 2))
    (1, (1, 3))
    """
    return tuple(one + 1 for one in axis) if isinstance(axis, tuple) else axis + 1


def shifted(
    carried: Sequence[bool], size: Size, /, *avals: Aval, axis: int | tuple[int, ...], **others: Any
) -> Leading:
    """The rule of whatever looks along an ``axis``, or several of them."""
    del carried, size, avals
    return Leading({**others, "axis": behind(axis)})
