"""A function of arrays that only foreign code computes, and its pullback, as a primitive."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from optserve.plugin import Aval, Dim, Primitive, ShapeError, opaque

__all__ = ["Array", "Call", "Shape", "foreign", "named", "shape_by_trial"]

Array = np.ndarray[Any, np.dtype[Any]]
Shape = tuple[int | Dim, ...]
Call = Callable[..., Array]
"""Arrays to an array."""

TRIALS = (7, 11)
"""Numbers of rows at which a function is tried, to see which axes of its result are rows."""


def named(call: Callable[..., Any], operands: Sequence[str]) -> Callable[..., Any]:
    """``call``, whose positional parameters are called ``operands``."""

    def function(*values: Any) -> Any:
        return call(*values)

    kind = inspect.Parameter.POSITIONAL_OR_KEYWORD
    signature = inspect.Signature([inspect.Parameter(name, kind) for name in operands])
    function.__signature__ = signature  # type: ignore[attr-defined]
    return function


def foreign(
    name: str,
    call: Call,
    operands: Sequence[str],
    *,
    shape: Callable[..., Shape],
    pullback: Callable[..., tuple[Any, ...]],
    **options: Any,
) -> Primitive:
    """The primitive ``name`` of ``operands``, whose value ``call`` computes.

    ``shape`` maps the shapes of the operands to that of the value, which has their dtype.
    ``pullback(cotangent, out, *operands)`` gives a cotangent for each operand; ``options`` are
    those of ``optserve.plugin.opaque``.
    """

    def impl(*values: Any) -> Array:
        arrays = [*map(np.asarray, values)]
        return np.array(call(*arrays), dtype=np.result_type(*arrays))

    return opaque(
        name,
        named(impl, operands),
        shape=lambda *avals: Aval((*shape(*(one.shape for one in avals)),), avals[0].dtype),
        pullback=pullback,
        **options,
    )


def shape_by_trial(name: str, tried: Callable[..., Sequence[int]]) -> Callable[..., Shape]:
    """A shape rule from ``tried``, which maps shapes of numbers to that of the value.

    Where an operand has the rows of a table, it is tried at two numbers of rows; an axis of the
    value that follows has the table's rows. Anything else that depends on them is refused.
    """

    def at(given: Sequence[Shape], rows: int) -> tuple[int, ...]:
        """The shape of the value where the rows of a table are so many."""
        sizes = [(*(one if isinstance(one, int) else rows for one in each),) for each in given]
        try:
            return (*map(int, tried(*sizes)),)
        except Exception as error:  # each framework raises errors of its own
            raise ShapeError(
                f"{name} is not defined for operands of shapes {sizes}: {error}"
            ) from error

    def shape(*given: Shape) -> Shape:
        rows = [size for one in given for size in one if not isinstance(size, int)]
        if not rows:
            return at(given, 0)
        if any(size != rows[0] for size in rows):
            raise ShapeError(
                f"{name}: its operands have the rows of several tables",
                remedy="say by `shape` what its value has",
            )
        found = [at(given, count) for count in TRIALS]
        sizes = zip(*found, strict=True) if len(found[0]) == len(found[1]) else ()
        followed = (*(rows[0] if pair == TRIALS else pair[0] for pair in sizes),)
        for n, one in zip(TRIALS, found, strict=True):
            if (*(n if size is rows[0] else size for size in followed),) != one:
                raise ShapeError(
                    f"{name}: at {TRIALS[0]} and {TRIALS[1]} rows its value has the shapes "
                    f"{found[0]} and {found[1]}, whose rule is not seen",
                    remedy="say it by `shape`",
                )
        return followed

    return shape
