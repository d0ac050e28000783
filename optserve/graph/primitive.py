"""``Primitive``: an elementary function that carries everything the engine must know of it."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from typing import Any, Literal, Protocol

import numpy as np

from optserve.errors import OptserveError, ShapeError
from optserve.frozen import frozen
from optserve.graph.aval import aval_of
from optserve.graph.axes import AxisAnswer, mixed
from optserve.graph.domain import Domain, Example, real
from optserve.graph.facts import NOTHING, Facts

__all__ = ["Kind", "Primitive", "Steep", "Traced", "Value"]

Value = Any
"""An array, a scalar or a tracer: what a derivative rule is written over."""

Kind = Literal["elementwise", "linear", "composite", "opaque", "control"]


@frozen(eq=False)
class Steep:
    """A partial derivative that may be infinite because a value overflowed, and not at a pole.

    Where the function of an overflowed value has levelled off, what this is multiplied by is 0, and
    so is the product then: ``exp`` gives ``(Steep(out),)``. ``by`` is the operand that must
    have overflowed for it (``None``: finite operands suffice), ``pole`` tells where it is infinite
    at a pole instead.
    """

    value: Value
    by: int | None = None
    pole: Callable[[], Value] | None = None


class Traced(Protocol):
    """What a primitive needs to know of a tracer: the trace that records its equations."""

    @property
    def trace(self) -> Any: ...


@frozen(eq=False, kw_only=True, repr=False)
class Primitive:
    """One paragraph of vocabulary. Build one with ``elementwise``, ``linear``, ``composite`` or
    ``opaque``; the fields are the contract between a primitive and the floors above it.

    ``impl(*arrays, **attributes)`` computes on NumPy arrays and never mutates. ``shape(*avals,
    **attributes)`` gives the result's aval (a tuple of them where there are several results);
    without it they are those of the body.
    ``axes`` is the axis rule (see ``optserve.graph.axes``); ``None`` leaves it to the body. At most
    one of the following is the derivative; where there is none, the body is differentiated:

    - ``partials(out, *operands, **attributes)``: d out / d operand, elementwise, one an operand
      (``None`` for one that has no derivative, ``Steep`` for one that may overflow);
    - ``transpose(index, cotangent, *operands, **attributes)``: the cotangent of one operand of a
      function that is linear in each (``joint``: in all together);
    - ``pullback(cotangent, out, *operands, **attributes)``: a cotangent for each operand; of
      several results, ``cotangent`` and ``out`` are tuples;
    - ``rule(*operands, **attributes)``: the pair (out, pullback), the general form.

    ``jvp(operands, tangents, **attributes)`` gives (out, tangent), tangents being ``None`` where
    zero. ``arguments`` maps the call a person writes to (operands, attributes).
    """

    name: str
    kind: Kind
    impl: Callable[..., Any]
    shape: Callable[..., Any] | None = None
    axes: Callable[..., AxisAnswer | tuple[AxisAnswer, ...]] | None = mixed
    body: Callable[..., Value] | None = None
    partials: Callable[..., tuple[Value | None, ...]] | None = None
    transpose: Callable[..., Value | None] | None = None
    joint: bool = False
    pullback: Callable[..., tuple[Value | None, ...]] | None = None
    rule: Callable[..., tuple[Value, Callable[[Value], tuple[Value | None, ...]]]] | None = None
    jvp: Callable[..., tuple[Value, Value]] | None = None
    arguments: Callable[..., tuple[Sequence[Value], dict[str, Any]]] | None = None
    signature: inspect.Signature
    domain: Domain | tuple[Domain, ...] = real
    tolerance: float = 0.0
    """The relative error that its values and derivatives may have beyond rounding."""
    examples: tuple[Example, ...] = ()
    doc: str = ""
    differentiable: bool = True
    selects: bool = False
    """Whether the cotangent of an operand is exactly 0 where another was chosen."""
    floating: bool = False
    """Whether integer operands are first cast to the precision of the trace."""
    promotes: bool = True
    """Whether operands are cast to one dtype before the primitive sees them."""
    internal: bool = False
    """Whether it only stands in graphs: expressions may not call it."""
    keeps: frozenset[int] = frozenset()
    """Operands that promotion leaves alone: conditions, indices, labels."""
    facts: Facts = NOTHING
    stands_for: Primitive | None = None
    """The primitive of which this is only another implementation."""

    def __call__(self, *arguments: Value, **keywords: Any) -> Value:
        """Apply the primitive to arrays (computes) or to tracers (records an equation)."""
        if self.arguments is None:
            return self.bind(*arguments, **keywords)
        try:
            operands, attributes = self.arguments(*arguments, **keywords)
        except OptserveError:
            raise
        except TypeError as error:
            raise ShapeError(f"{self.name}: {_call_error(error)}", expected=self.usage) from error
        return self.bind(*operands, **attributes)

    def bind(self, *operands: Value, **attributes: Any) -> Value:
        """Apply to canonical operands and attributes, as they stand in an equation."""
        traces = [operand.trace for operand in operands if hasattr(operand, "aval")]
        if traces:
            innermost = max(traces, key=lambda trace: trace.serial)
            return innermost.bind(self, operands, attributes)
        try:
            with np.errstate(all="ignore"):  # infinities and NaN are results
                return self.impl(*map(_as_array, operands), **attributes)
        except (ValueError, TypeError, IndexError):
            if self.shape is not None:
                self.shape(*map(aval_of, operands), **attributes)  # it has the better message
            raise

    def domains(self, count: int) -> tuple[Domain, ...]:
        """The domain of each of ``count`` operands."""
        return self.domain if isinstance(self.domain, tuple) else (self.domain,) * count

    def linear_groups(self, count: int) -> tuple[frozenset[int], ...]:
        """The groups of ``count`` operands in each of which it is jointly linear."""
        if self.kind != "linear":
            return self.facts.linear
        numbers = range(count)
        return (frozenset(numbers),) if self.joint else tuple(frozenset({n}) for n in numbers)

    @property
    def usage(self) -> str:
        """How it is called, as in ``sum(x, axis=None, keepdims=False)``."""
        parameters = self.signature.parameters.values()
        bare = [parameter.replace(annotation=inspect.Parameter.empty) for parameter in parameters]
        return f"{self.name}{self.signature.replace(parameters=bare)}".replace("*, ", "").replace(
            ", /", ""
        )

    def __repr__(self) -> str:
        return self.name


def _as_array(operand: Value) -> Value:
    """Lists as arrays; Python numbers stay, and take the precision of what they meet."""
    return np.asarray(operand) if isinstance(operand, list | tuple) else operand


def _call_error(error: TypeError) -> str:
    """Python's own words on a wrong call, without the name of the inner function."""
    text = str(error)
    return text.split("() ", 1)[1] if "() " in text else text
