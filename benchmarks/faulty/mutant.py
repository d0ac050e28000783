"""``Mutant``: a primitive with one fault, and a loss that uses it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from optserve.graph.aval import Array
from optserve.plugin import Aval, Example, Primitive, Value, aligned, broadcast_shapes, opaque
from optserve.plugin import elementwise as elementwise_

__all__ = ["COLUMN", "VECTOR", "Mutant", "called", "entries", "summed"]

COLUMN = np.array([-2.0, -1.0, -0.5, 0.0, 0.25, 0.5, 1.0, 1.0, 3.0])
"""The data of every loss: both signs, 0, 1, a tie."""

VECTOR = (Example(((4,),)),)

Loss = Callable[[Primitive, Value, Value], Value]


def summed(primitive: Primitive, a: Value, x: Value) -> Value:
    """The sum over all rows of the primitive of a * x."""
    return np.sum(primitive(a * x))


def _nothing() -> None:
    pass


@dataclass(frozen=True)
class Mutant:
    """A fault in words, the primitive that has it, and the loss of a parameter ``a`` and a column.

    ``kind`` is where the fault is, ``precision`` that of the job that meets it. ``renew`` makes one
    that keeps something what it was at first.
    """

    kind: str
    fault: str
    primitive: Primitive
    loss: Loss = summed
    precision: str = "float64"
    start: float = 1.0
    column: Array = field(default_factory=lambda: COLUMN)
    renew: Callable[[], None] = _nothing


def entries(
    name: str, body: Callable[..., Value], partials: Callable[..., Any], **more: Any
) -> Primitive:
    """An elementwise primitive of this value and, for each operand, these partials.

    ``partials(out, *operands)`` gives one of them, or a tuple.
    """

    def listed(out: Value, *operands: Value, **attributes: Any) -> Any:
        found = partials(out, *operands, **attributes)
        return found if isinstance(found, tuple) else (found,)

    if isinstance(body, np.ufunc):
        return elementwise_(name, ufunc=body, partials=listed, doc="It has a fault.", **more)
    return elementwise_(name, body, partials=listed, doc="It has a fault.", **more)


def called(
    name: str, value: Callable[..., Value], rule: Callable[..., Any], **more: Any
) -> Primitive:
    """A function of entries that is called out to; the rule gives one cotangent, or a tuple."""

    def listed(ct: Value, out: Value, *operands: Value, **attributes: Any) -> Any:
        found = rule(ct, out, *operands, **attributes)
        return found if isinstance(found, tuple) else (found,)

    given: dict[str, Any] = {
        "shape": lambda *avals: Aval(
            broadcast_shapes(*(one.shape for one in avals)), avals[0].dtype
        ),
        "axes": aligned,
        "examples": VECTOR,
        "doc": "It has a fault.",
    }
    return opaque(name, value, pullback=listed, **{**given, **more})
