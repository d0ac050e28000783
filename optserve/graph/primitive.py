"""``Primitive``: an elementary function that carries everything the engine must know of it."""

from __future__ import annotations

import inspect
import operator
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from types import MappingProxyType
from typing import Any, Literal

import numpy as np

from optserve.errors import OptserveError, ShapeError
from optserve.graph.aval import Aval, aval_like, aval_of, is_traced
from optserve.graph.axes import AxisAnswer, aligned, mixed
from optserve.graph.domain import Domain, Example, real
from optserve.graph.facts import NOTHING, Facts

__all__ = [
    "ArrayFunction",
    "Calling",
    "Derivative",
    "Primitive",
    "PrimitiveKind",
    "Steep",
    "Value",
    "listed",
]

Value = Any
"""An array, a scalar or a tracer: what a derivative rule is written over."""

ArrayFunction = Callable[..., Any]
"""A function of arrays, which takes the tracers that stand for them as well."""

PrimitiveKind = Literal["elementwise", "linear", "composite", "opaque", "control"]


@dataclass(frozen=True, eq=False)
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


@dataclass(frozen=True, eq=False, kw_only=True)
class Derivative:
    """The derivative of a primitive, in one of these forms; without any it is that of the body.

    - ``partials(out, *operands, **attributes)``: d out / d operand, elementwise, one an operand
      (``None`` for one that has no derivative, ``Steep`` for one that may overflow);
    - ``transpose(index, cotangent, *operands, **attributes)``: the cotangent of one operand of a
      function that is linear in each (``joint``: in all together);
    - ``pullback(cotangent, out, *operands, **attributes)``: a cotangent for each operand; of
      several results, ``cotangent`` and ``out`` are tuples;
    - ``rule(*operands, **attributes)``: the pair (out, pullback), the general form.

    ``jvp(operands, tangents, **attributes)`` gives (out, tangent), tangents being ``None`` where
    zero. A pullback that is called, and so cannot be differentiated, may still be ``transposed``:
    its results, its operands and their tangents give the tangents of its results. ``selects`` says
    that the cotangent of an operand is exactly 0 where another was chosen.
    """

    partials: Callable[..., tuple[Value | None, ...]] | None = None
    transpose: Callable[..., Value | None] | None = None
    joint: bool = False
    pullback: Callable[..., tuple[Value | None, ...]] | None = None
    rule: Callable[..., tuple[Value, Callable[[Value], tuple[Value | None, ...]]]] | None = None
    jvp: Callable[..., tuple[Value, Value]] | None = None
    transposed: Primitive | None = None
    selects: bool = False


@dataclass(frozen=True, eq=False, kw_only=True)
class Calling:
    """How a primitive is called: by a person, with what, and what becomes of its operands.

    ``arguments`` maps the call that a person writes, of ``signature``, to (operands, attributes).
    The signature is only taken where it is asked for, by ``signed``. ``means`` is the ufunc that a
    person may write for it. Of an ``internal`` primitive nobody writes one: it only stands in
    graphs.

    Before it sees its operands they are cast to one dtype where it ``promotes`` (those that it
    ``keeps`` are left alone: conditions, indices, labels), and where it is ``floating``, integers
    to the precision of the trace.

    ``domain`` says where operands may lie, ``examples`` at which shapes and attributes to test it,
    and ``tolerance`` which relative error its values and derivatives may have beyond rounding.
    """

    signed: Callable[[], inspect.Signature] = inspect.Signature
    arguments: Callable[..., tuple[Sequence[Value], dict[str, Any]]] | None = None
    means: np.ufunc | None = None
    internal: bool = False
    promotes: bool = True
    keeps: frozenset[int] = frozenset()
    floating: bool = False
    domain: Domain | tuple[Domain, ...] = real
    examples: tuple[Example, ...] = ()
    tolerance: float = 0.0

    @cached_property
    def signature(self) -> inspect.Signature:
        """That of the call that a person writes."""
        return self.signed()


@dataclass(frozen=True, eq=False, kw_only=True, repr=False)
class Primitive:
    """One paragraph of vocabulary. Build one with ``elementwise``, ``linear``, ``composite`` or
    ``opaque``; the fields are the contract between a primitive and the floors above it.

    What it computes: ``impl(*arrays, **attributes)`` computes on NumPy arrays and never mutates.
    ``shape(*avals, **attributes)`` gives the result's aval (a tuple of them where there are several
    results), ``axes`` is the axis rule (see ``optserve.graph.axes``). Without them they are those
    of the ``body``, which computes the same of other primitives.

    ``derivative`` holds its rule, ``call`` says how it is called, and ``facts`` what else others
    must know of it.
    """

    name: str
    kind: PrimitiveKind
    impl: Callable[..., Any]
    shape: Callable[..., Any] | None = None
    axes: Callable[..., AxisAnswer | tuple[AxisAnswer, ...]] | None = mixed
    body: Callable[..., Value] | None = None
    derivative: Derivative = Derivative()
    call: Calling = Calling()
    facts: Facts = NOTHING
    doc: str = ""
    stands_for: Primitive | None = None
    """The primitive of which this is only another implementation."""

    def __call__(self, *arguments: Value, **keywords: Any) -> Value:
        """Apply the primitive to arrays (computes) or to tracers (records an equation)."""
        if self.call.arguments is None:
            return self.bind(*arguments, **keywords)
        try:
            operands, attributes = self.call.arguments(*arguments, **keywords)
        except OptserveError:
            raise
        except TypeError as error:
            raise ShapeError(f"{self.name}: {_call_error(error)}", expected=self.usage) from error
        return self._bound(operands, attributes)

    def bind(self, *operands: Value, **attributes: Any) -> Value:
        """Apply to canonical operands and attributes, as they stand in an equation."""
        return self._bound(operands, attributes)

    def _bound(self, operands: Sequence[Value], attributes: dict[str, Any]) -> Value:
        innermost: Any = None
        for operand in operands:
            if type(operand) not in _NEVER_TRACED and is_traced(operand):
                trace = operand.trace
                innermost = (
                    trace if innermost is None or innermost.serial < trace.serial else innermost
                )
        if innermost is not None:
            return innermost.bind(self, operands, attributes)
        given = [*map(_as_array, operands)]
        for i in self.call.keeps:  # labels, indices and conditions, which promote nothing
            given[i] = np.asarray(given[i])
        if self.call.floating and not self.is_ufunc:
            given = _as_floats(given, self.call.keeps)
        try:
            with np.errstate(all="ignore"):  # infinities and NaN are results
                found = self.impl(*given, **attributes)
                return found[()] if type(found) is np.ndarray and not found.ndim else found
        except (ValueError, TypeError, IndexError):
            if self.shape is not None:
                self.shape(*map(aval_of, operands), **attributes)  # it has the better message
            raise

    @cached_property
    def evaluate(self) -> Callable[..., Any]:
        """The same as ``impl``, by Python's operator where there is one: quicker for numbers."""
        return _OPERATORS.get(self.impl, self.impl)

    @cached_property
    def remembered(self) -> dict[Any, Any]:
        """What floors above keep of it from one use to the next; it is gone with the primitive."""
        return {}

    @cached_property
    def is_ufunc(self) -> bool:
        """Whether a ufunc computes it entry by entry."""
        impl = self.impl
        return self.kind == "elementwise" and isinstance(impl, np.ufunc) and impl.nout == 1

    @cached_property
    def takes_alike(self) -> bool:
        """Whether operands of one floating dtype are taken as they are."""
        return self.call.promotes and not self.call.keeps

    @cached_property
    def is_elementwise(self) -> bool:
        """Whether it is applied entry by entry."""
        return self.kind == "elementwise"

    @cached_property
    def states_partials(self) -> bool:
        """Whether it is applied entry by entry, and its partial derivatives are stated."""
        return self.is_elementwise and self.derivative.partials is not None

    @cached_property
    def is_strict(self) -> bool:
        """Whether a result tells its aval: see ``Facts.strict``."""
        return self.is_ufunc or self.facts.strict

    def told(self, value: Value, first: Aval) -> Aval | None:
        """The aval of a result, where its value tells it; ``first`` is that of the first operand,
        which may be the only one unless it is strict."""
        if type(value) not in _RESULTS:
            return None
        if self.is_ufunc or (self.is_strict and value.dtype.kind == "f"):
            return aval_like(value.shape, value.dtype)
        like_it = self.is_elementwise and value.shape == first.shape and value.dtype == first.dtype
        return first if like_it else None

    def domains(self, count: int) -> tuple[Domain, ...]:
        """The domain of each of ``count`` operands."""
        domain = self.call.domain
        return domain if isinstance(domain, tuple) else (domain,) * count

    def linear_groups(self, count: int) -> tuple[frozenset[int], ...]:
        """The groups of ``count`` operands in each of which it is jointly linear."""
        if self.kind != "linear":
            return self.facts.linear
        numbers = range(count)
        return (
            (frozenset(numbers),)
            if self.derivative.joint
            else tuple(frozenset({n}) for n in numbers)
        )

    @property
    def differentiable(self) -> bool:
        """Whether there is a derivative: a rule of its own, or that of the body."""
        own = self.derivative
        stated = (own.partials, own.transpose, own.pullback, own.rule, self.body)
        return self.kind == "control" or any(one is not None for one in stated)

    @property
    def aligns(self) -> bool:
        """Whether its operands broadcast against each other, so that more axes in front may."""
        return self.kind == "elementwise" or self.axes is aligned

    @property
    def states_derivative(self) -> bool:
        """Whether it has a derivative that is not that of its body."""
        own = self.derivative
        stated = (own.partials, own.transpose, own.pullback, own.rule, own.jvp)
        return any(one is not None for one in stated)

    @property
    def usage(self) -> str:
        """How it is called, as in ``sum(x, axis=None, keepdims=False)``."""
        signature = self.call.signature
        bare = [one.replace(annotation=one.empty) for one in signature.parameters.values()]
        shown = str(signature.replace(parameters=bare))
        return self.name + shown.replace("*, ", "").replace(", /", "")

    def __repr__(self) -> str:
        return self.name


_RESULTS = frozenset({np.ndarray, np.float64, np.float32, np.bool_})
_NEVER_TRACED = frozenset({float, int, np.float64, np.ndarray})

_OPERATORS: Mapping[Any, Callable[..., Any]] = MappingProxyType(
    {
        np.add: operator.add,
        np.subtract: operator.sub,
        np.multiply: operator.mul,
        np.divide: operator.truediv,
        np.negative: operator.neg,
    }
)
"""What gives the same bits of NumPy's numbers and arrays."""


def listed(out: Value) -> tuple[Value, ...]:
    """What a primitive gives as a tuple of results."""
    return out if isinstance(out, tuple) else (out,)


def _as_array(operand: Value) -> Value:
    """Lists as arrays; Python numbers stay, and take the precision of what they meet."""
    return np.asarray(operand) if isinstance(operand, list | tuple) else operand


def _as_floats(operands: list[Value], keeps: frozenset[int]) -> list[Value]:
    """Whole numbers as floating-point ones, of the precision of the arrays beside them."""
    kinds = [np.result_type(one).kind for one in operands]
    if all(kind == "f" for kind in kinds):
        return operands
    firm = [one for one, kind in zip(operands, kinds, strict=True) if kind == "f"]
    beside = [one.dtype for one in firm if hasattr(one, "dtype")]  # not numbers of Python
    precision = np.result_type(*beside) if beside else np.dtype(np.float64)
    return [
        np.asarray(one, precision)[()] if kind in "biu" and i not in keeps else one
        for i, (one, kind) in enumerate(zip(operands, kinds, strict=True))
    ]


def _call_error(error: TypeError) -> str:
    """Python's own words on a wrong call, without the name of the inner function."""
    text = str(error)
    return text.split("() ", 1)[1] if "() " in text else text
