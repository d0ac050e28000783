"""Functions of expressions that are given complex numbers."""

from __future__ import annotations

from inspect import BoundArguments
from typing import Any

from optserve.config.expressions.arguments import takes_function
from optserve.config.expressions.complex_numbers import (
    FUNCTIONS,
    Complex,
    Part,
    each_part,
    no_complex,
    parts_of,
)
from optserve.errors import ShapeError
from optserve.graph.primitive import Primitive

__all__ = ["calls_back", "complex_call", "holds_complex"]


_BY_PARTS = frozenset({"mean"})
"""Words beside the primitives that say so, which are linear too."""


def holds_complex(bound: BoundArguments) -> bool:
    """Whether an argument is complex, or one of those in a tuple."""
    return any(map(_holds, bound.arguments.values()))


def _holds(value: Any) -> bool:
    if isinstance(value, tuple):
        return any(map(_holds, value))
    return isinstance(value, Complex)


def calls_back(bound: BoundArguments) -> bool:
    """Whether the function takes another, as ``scan`` does: its values are of any kind."""
    return any(map(takes_function, bound.signature.parameters.values()))


def complex_call(name: str, primitive: Primitive | None, bound: BoundArguments) -> Complex | Part:
    """What the function makes of complex numbers.

    It is one of those that are known for them; or ``where``; or a primitive that is linear in the
    one operand that is complex, which is applied to either part.
    """
    given = bound.arguments
    own = [key for key, value in given.items() if isinstance(value, Complex)]
    if name in FUNCTIONS and len(own) == len(given) == 1:
        return FUNCTIONS[name](given[own[0]])
    if name == "where" and primitive is not None and not isinstance(given["condition"], Complex):
        real, imaginary = parts_of([given["x"], given["y"]])
        return Complex(
            primitive(given["condition"], *real), primitive(given["condition"], *imaginary)
        )
    linear = primitive is not None and primitive.kind == "linear"
    if primitive is not None and len(own) == 1 and (linear or name in _BY_PARTS):

        def of(part: Any) -> Any:
            return primitive(*_replaced(bound, own[0], part).args, **bound.kwargs)

        return each_part(given[own[0]], of)
    raise _refused(name)


def _replaced(bound: BoundArguments, key: str, part: Any) -> BoundArguments:
    return BoundArguments(bound.signature, {**bound.arguments, key: part})


def _refused(name: str) -> ShapeError:
    error = no_complex(name)
    error.remedy = (
        f"complex numbers are taken by + - * / ** @, where, sum, mean, {', '.join(FUNCTIONS)}"
    )
    return error
