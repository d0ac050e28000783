"""Composition and its unit: what the whole engine is made of.

The derivative of a composition is the product of the derivatives. ``identity`` is the unit and
composition is associative; both laws hold as equalities of values, and tests hold them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from optserve.graph.aval import Aval
from optserve.graph.axes import aligned
from optserve.graph.domain import Example
from optserve.graph.facts import Facts
from optserve.graph.primitive import Value
from optserve.graph.trace import Tracer
from optserve.primitives.constructors import linear

__all__ = ["ComposedFunction", "compose", "identity", "pipe", "probe"]

identity = linear(
    "identity",
    lambda x: x,
    shape=lambda x: x,
    transposes=[lambda ct, x: ct],
    axes=aligned,
    examples=(Example(((2, 3),)), Example(((),))),
    promotes=False,
    facts=Facts(moves=True, only_aval=True, cost=0.0),
    doc="The unit of composition: its operand, unchanged.",
)


def _probe_arguments(x: Value, label: str) -> Any:
    return (x,), {"label": str(label)}


probe = linear(
    "probe",
    lambda x, *, label: x,
    shape=lambda x, *, label: Aval(x.shape, x.dtype),
    transposes=[lambda ct, x, label: ct],
    axes=aligned,
    arguments=_probe_arguments,
    examples=(Example(((2, 3),), {"label": "z"}),),
    promotes=False,
    facts=Facts(moves=True),
    doc="Its operand, unchanged, whose value at the best point the result reports under the label.",
)


@dataclass(frozen=True)
class ComposedFunction:
    """Functions of one value applied one after another; ``functions`` is outermost first.

    Two compositions are equal where they apply the same functions in the same order, however they
    were put together.
    """

    functions: tuple[Callable[[Value], Value], ...] = ()

    def __call__(self, value: Value) -> Value:
        for function in reversed(self.functions):
            value = function(value)
            if isinstance(value, Tracer):
                value.trace.seal(value)
        return value


def compose(*functions: Callable[[Value], Value]) -> ComposedFunction:
    """``compose(f, g)(x)`` is ``f(g(x))``; ``compose()`` is the identity.

    >>> from optserve.primitives.elementary import exp, log
    >>> compose(log, compose(exp, identity)) == compose(compose(log, exp), identity)
    True
    """
    parts: list[Callable[[Value], Value]] = []
    for function in functions:
        if isinstance(function, ComposedFunction):
            parts += function.functions
        elif function is not identity:
            parts.append(function)
    return ComposedFunction(tuple(parts))


def pipe(*functions: Callable[[Value], Value]) -> ComposedFunction:
    """``pipe(f, g)(x)`` is ``g(f(x))``: compose, innermost first."""
    return compose(*reversed(functions))
