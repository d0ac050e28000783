"""Pullbacks of single primitives at arrays, each made once for all operands of its kind.

The rule of a primitive is recorded, simplified and written out as a function of arrays, which gives
the bits that ``reverse`` gives. What is elementwise is recorded for numbers, and serves all shapes.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from optserve.errors import OptserveError
from optserve.graph.aval import aval_like, is_float, precision_of
from optserve.graph.graph import Graph, Literal, Var
from optserve.graph.made import Made
from optserve.graph.primitive import Value, listed
from optserve.primitives.arithmetic import power
from optserve.primitives.shaping import cast
from optserve.transforms.foreign import is_foreign
from optserve.transforms.reverse import value_and_pull
from optserve.transforms.rules import fitted, recorded
from optserve.transforms.simplify import frozen
from optserve.transforms.straight import straight_line

__all__ = ["Kept", "Pulled", "pullback_at"]

Pulled = Callable[..., tuple[Value | None, ...]]
"""(cotangent, result, *operands) -> a cotangent for each operand, or ``None``, of its shape."""

SECOND = 2
"""The use of a pullback by shapes, or of a power by its exponent, at which it is worth recording:
most come again."""

LARGEST = 512
"""Pullbacks that are kept of one primitive: beyond, those who use it change their shapes."""


class Kept:
    """The pullback of a primitive at operands of one kind; ``is_foreign`` where it is not ours.

    It is recorded when it is used for the first time or, ``later``, the second.
    """

    __slots__ = ("is_foreign", "later", "numbers", "pullback", "selects", "tried", "uses")

    def __init__(self, made: Made, numbers: bool, exponent: str | None) -> None:
        primitive = made.primitive
        avals = [one.aval for one in (*made.results, *made.operands)]
        # In single precision a rule has other bits when NumPy runs it, with numbers of its own.
        exact = all(aval.dtype == np.float64 or not is_float(aval.dtype) for aval in avals)
        self.is_foreign = is_foreign(primitive)
        self.selects = primitive.derivative.selects
        self.numbers = numbers
        many = not numbers or exponent is not None  # which may change from call to call
        self.later = many and primitive.states_derivative and exact
        self.uses = 0
        self.tried = self.is_foreign
        self.pullback: Pulled | None = None

    def at(self, made: Made, masked: bool) -> Pulled | None:
        """The pullback, where it is recorded."""
        if self.tried:
            return self.pullback
        self.uses += 1
        if not self.later or self.uses == SECOND:
            self.tried = True
            self.pullback = _recorded(made, masked, self.numbers)
        return self.pullback


def pullback_at(made: Made, masked: bool) -> Kept:
    """What is kept for one operation; ``masked`` says whether its cotangent came through a
    primitive that selects."""
    primitive, operands = made.primitive, made.operands
    numbers = primitive.states_partials
    exponent = None
    if numbers:
        shape = made.results[0].atom.aval.shape
        for one in operands:
            numbers = numbers and (not one.varies or one.atom.aval.shape == shape)
        if primitive is power and (number := _exponent(made)) is not None:
            exponent = float(number).hex()
    key: Any = operands[0].atom.aval.dtype if numbers else operands[0].atom.aval
    if masked or len(operands) > 1 or made.attributes:
        key = (
            masked,
            exponent,
            frozen(made.attributes) if made.attributes else None,
            *[one.varies for one in operands],
            *[one.atom.aval.dtype if numbers else one.atom.aval for one in operands],
        )
    kept: dict[Any, Kept] = primitive.remembered
    found = kept.get(key)
    if found is None:
        if len(kept) >= LARGEST:
            kept.clear()
        found = kept[key] = Kept(made, numbers, exponent)
    return found


def _recorded(made: Made, masked: bool, numbers: bool) -> Pulled | None:
    """The pullback, written out; ``None`` where the rule is not one that is recorded."""
    primitive, derivative = made.primitive, made.primitive.derivative
    if primitive.kind == "control" or len(made.results) > 1:
        return None
    if derivative.rule is not None or not primitive.differentiable:
        return None
    avals = [one.aval for one in (*made.results, *made.operands)]
    if numbers:
        avals = [aval_like((), aval.dtype) for aval in avals]
    out, *of_operands = avals
    wanted = [one.varies for one in made.operands]
    exponent = _exponent(made)
    given: list[int | None] = []

    def pulled(ct: Value, out: Value, *operands: Value) -> list[Value]:
        at = operands if exponent is None else (operands[0], exponent)
        _, pull = value_and_pull(
            primitive, at, dict(made.attributes), wanted=wanted, known=listed(out)
        )
        found: list[Value] = []
        for asked, back, aval in zip(wanted, pull((ct,), masked), of_operands, strict=True):
            given.append(len(found) if asked and back is not None else None)
            if given[-1] is not None:
                found.append(fitted(back, aval))
        return found

    inputs = [Var(aval) for aval in (out, *avals)]
    try:
        graph = recorded(pulled, inputs, precision_of(avals))
    except OptserveError:  # it is told by who evaluates the rule as it stands
        return None
    if numbers and not _serves_all_shapes(graph):
        return None
    return straight_line(graph, given)


def _exponent(made: Made) -> Value | None:
    """The exponent of a power, where it stands there as a number: its rule looks at it."""
    if made.primitive is power:
        atom = made.operands[1].atom
        return atom.value if isinstance(atom, Literal) else None
    return None


def _serves_all_shapes(graph: Graph) -> bool:
    """Whether what was recorded for numbers holds entry by entry."""
    return all(
        equation.primitive.kind == "elementwise" or equation.primitive is cast
        for equation in graph.equations
    )
