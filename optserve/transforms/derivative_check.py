"""Checking a derivative against what it is the derivative of: the mathematics, without a verdict.

``optserve.testing`` raises on what these functions measure, and a job writes it into its
certificate. All of them take a graph (``equation_graph`` makes one of a single primitive) and
arrays, in float64 where numbers are compared.

>>> import numpy as np
>>> from optserve.primitives.elementary import sin
>>> x = np.array([0.1, 0.7])
>>> found = agreement(equation_graph(sin, [x]), [x], wrt=0)
>>> found.conclusive, round(found.order, 2), found.worst < 1e-9
(1.0, 2.0, True)
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from optserve.errors import DerivativeError
from optserve.graph.aval import Array, Aval, aval_of, is_float, precision_of
from optserve.graph.domain import Domain, real
from optserve.graph.graph import Equation, Graph, Var
from optserve.graph.interpret import interpret
from optserve.graph.primitive import Primitive, Value
from optserve.primitives.tracing import result_avals, trace
from optserve.transforms.differences import Differences, differences, taylor_order
from optserve.transforms.forward import pushforward
from optserve.transforms.reverse import vjp

__all__ = [
    "Agreement",
    "agreement",
    "equation_graph",
    "floating_inputs",
    "pullback_graph",
    "pushforward_graph",
]


def equation_graph(
    primitive: Primitive, operands: Sequence[Value], attributes: Mapping[str, Any] | None = None
) -> Graph:
    """The graph of one equation. ``operands`` are arrays or avals, and stay of their dtypes."""
    avals = [aval_of(operand) for operand in operands]
    inputs = tuple(Var(aval) for aval in avals)
    results = tuple(Var(aval) for aval in result_avals(primitive, avals, (attributes or {})))
    return Graph(inputs, (Equation(primitive, inputs, attributes or {}, results),), results)


def pullback_graph(graph: Graph, *, values: bool = False, masked: bool = False) -> Graph:
    """From the inputs of ``graph`` and a cotangent for each floating output to the inputs' own.

    Its derivative is the second derivative of ``graph``. Outputs stand for the floating inputs, in
    order; with ``values`` the outputs of ``graph`` come first. ``masked`` cotangents are exactly 0
    for what was not selected, as behind a ``where``.
    """
    wrt = floating_inputs(graph)
    cotangents = [atom.aval for atom in graph.outputs if is_float(atom.aval.dtype)]

    def pulled(*given: Value) -> list[Value]:
        arguments, incoming = given[: len(graph.inputs)], iter(given[len(graph.inputs) :])
        outputs, pullback = vjp(graph, arguments, wrt)
        back = pullback(
            [next(incoming) if is_float(atom.aval.dtype) else None for atom in graph.outputs],
            masked,
        )
        cotangents = [
            np.zeros_like(arguments[i]) if ct is None else ct
            for i, ct in zip(wrt, back, strict=True)
        ]
        return [*outputs, *cotangents] if values else cotangents

    return _recorded(pulled, [*(variable.aval for variable in graph.inputs), *cotangents])


def pushforward_graph(graph: Graph) -> Graph:
    """From the inputs of ``graph`` and a tangent for each floating input to the outputs' tangents.

    Outputs stand for the floating outputs, in order.
    """
    wrt = floating_inputs(graph)
    smooth = [i for i, atom in enumerate(graph.outputs) if is_float(atom.aval.dtype)]

    def pushed(*given: Value) -> list[Value]:
        arguments, tangents = given[: len(graph.inputs)], given[len(graph.inputs) :]
        direction: list[Value | None] = [None] * len(arguments)
        for i, tangent in zip(wrt, tangents, strict=True):
            direction[i] = tangent
        outputs, [found] = pushforward(graph, arguments, [tuple(direction)])
        return [np.zeros_like(outputs[i]) if found[i] is None else found[i] for i in smooth]

    avals = [variable.aval for variable in graph.inputs]
    return _recorded(pushed, [*avals, *(avals[i] for i in wrt)])


def _recorded(function: Callable[..., list[Value]], avals: Sequence[Aval]) -> Graph:
    precision = precision_of(avals)
    traced = trace(function, *avals, precision=precision, rewrites=False)
    if traced.captured:
        raise DerivativeError("a derivative rule holds an array constant; make it an operand")
    return traced.graph


@dataclass(frozen=True)
class Agreement:
    """How far a derivative by one input is from measured differences, along a random direction.

    ``reverse``, ``forward`` and ``adjoint`` are relative errors beyond the uncertainty of the
    differences: of the pullback, of the tangents, and of <ct, jvp(t)> = <vjp(ct), t>. They are
    below 1e-6 for a right rule, and NaN where there is no such derivative (an opaque function
    whose pullback cannot be traced has no tangents). ``kink`` is the same where the value has a
    kink: how far the derivative lies outside of the slopes of its two sides. ``order`` is the order
    to which the Taylor remainder vanishes: 2 (or more) for a right pullback and 1 for a wrong one;
    infinite where nothing remains. ``conclusive`` is the share of the entries of the outputs that
    could be measured, ``kinks`` that of those at kinks; the others take no part.

    ``place`` is (output, index of its entry) where the tangents are furthest off.
    """

    reverse: float
    forward: float
    adjoint: float
    order: float
    conclusive: float
    place: tuple[int, tuple[int, ...]]
    kink: float = 0.0
    kinks: float = 0.0

    @property
    def worst(self) -> float:
        """The largest of the errors that there are."""
        found = (self.reverse, self.forward, self.adjoint, self.kink)
        return max(e for e in found if not np.isnan(e))


def agreement(
    graph: Graph,
    arguments: Sequence[Array],
    *,
    wrt: int,
    seed: int = 0,
    domain: Domain = real,
    tolerance: float = 0.0,
    finite: bool = True,
) -> Agreement:
    """The derivative of ``graph`` by its floating input ``wrt`` at ``arguments``, measured.

    ``arguments`` are float64 where they are floating; the input moves as its ``domain`` allows.
    ``tolerance`` is the relative precision of the outputs. A derivative that is not finite where
    the value is smooth is infinitely wrong, or takes no part where it need not be ``finite``.
    Raises ``DerivativeError`` where there is no derivative at all.
    """
    rng = np.random.default_rng(seed)
    direction = domain.direction(np.asarray(arguments[wrt]), rng)
    line = _Line(graph, tuple(arguments), wrt, direction, domain)
    with np.errstate(all="ignore"):
        values = line(0.0)
        measured = differences(line, epsilon=line.epsilon, tolerance=tolerance)
        pushed = line.pushed()
        if pushed is not None and not finite:
            measured = measured.among(np.isfinite(pushed))
        ct = rng.standard_normal(values.shape)
        smooth = np.where(measured.conclusive, ct, 0.0)
        products = line.pulled(smooth)
        # Where the value is not smooth, its derivative may be infinite: times 0 that is no number.
        told = finite and bool(measured.conclusive.all())
        if not told and not np.isfinite(products).all():
            smooth, products = np.zeros_like(smooth), np.zeros_like(products)
        reverse, size = _reverse(smooth, products, values, measured)
        # Of one sign, so that errors do not cancel.
        kink = _at_kinks(line, np.where(measured.kinked, np.abs(ct), 0.0), measured, finite)
        forward, adjoint, worst = np.nan, np.nan, 0
        if pushed is not None:
            errors = _entry_errors(pushed, values, measured)
            forward, worst = float(np.max(errors, initial=0.0)), _argmax(errors)
            kink = max(kink, _outside(pushed, measured))
            along = np.where(smooth == 0.0, 0.0, smooth * pushed)
            rounding = line.epsilon * np.sum(np.abs(along))
            adjoint = _relative(np.sum(products) - np.sum(along), size, rounding)

        def contracted(step: float) -> float:
            return float(np.sum(np.where(smooth == 0.0, 0.0, smooth * line(step))))

        order = taylor_order(contracted, float(np.sum(products)))
        place = line.entry(worst)
    share = float(np.mean(measured.conclusive)) if values.size else 1.0
    kinks = float(np.mean(measured.kinked)) if values.size else 0.0
    return Agreement(reverse, forward, adjoint, order, share, place, kink, kinks)


def _reverse(
    ct: Array, products: Array, values: Array, measured: Differences
) -> tuple[float, float]:
    """The relative error of <vjp(ct), direction>, and the size that it is relative to."""
    taken = ct != 0.0
    expected = np.where(taken, ct * measured.slope, 0.0)
    noise = np.sum(np.where(taken, np.abs(ct) * 8.0 * measured.uncertainty, 0.0))
    size = np.sum(np.abs(expected)) + np.sum(np.abs(products))
    size += 1e-9 * np.sum(np.where(taken, np.abs(ct * values), 0.0))
    return _relative(np.sum(products) - np.sum(expected), size, noise), size


def _at_kinks(line: _Line, ct: Array, measured: Differences, finite: bool) -> float:
    """How far <vjp(ct), direction> lies outside of what the slopes of both sides allow."""
    if not measured.kinked.any():
        return 0.0
    product = float(np.sum(line.pulled(ct)))
    if not np.isfinite(product):
        return np.inf if finite else 0.0
    low = np.sum(np.where(measured.kinked, ct * measured.low, 0.0))
    high = np.sum(np.where(measured.kinked, ct * measured.high, 0.0))
    sizes = np.maximum(np.abs(measured.low), np.abs(measured.high))
    size = float(np.sum(np.where(measured.kinked, ct * sizes, 0.0)))
    outside = max(low - product, product - high, 0.0) - 1e-3 * size
    return max(float(outside), 0.0) / size if size else abs(product)


def _outside(pushed: Array, measured: Differences) -> float:
    """The same for the tangents, each for itself."""
    low, high = measured.low, measured.high
    size = np.maximum(np.abs(low), np.abs(high))
    gap = np.maximum(np.maximum(low - pushed, pushed - high) - 1e-3 * size, 0.0)
    outside = np.where(measured.kinked & (gap > 0.0), gap / np.where(size > 0.0, size, 1.0), 0.0)
    return float(np.max(np.where(np.isnan(outside), np.inf, outside), initial=0.0))


@dataclass(frozen=True)
class _Line:
    """The floating outputs of a graph, end to end, as one input moves along a direction."""

    graph: Graph
    arguments: tuple[Array, ...]
    wrt: int
    direction: Array
    domain: Domain

    @property
    def outputs(self) -> list[int]:
        return [i for i, atom in enumerate(self.graph.outputs) if is_float(atom.aval.dtype)]

    @property
    def epsilon(self) -> float:
        """The coarsest relative spacing of the numbers that the outputs go through."""
        results = [variable.aval for e in self.graph.equations for variable in e.results]
        dtypes = [aval.dtype for aval in results if is_float(aval.dtype)]
        return max((float(np.finfo(dtype).eps) for dtype in dtypes), default=0.0)

    def __call__(self, step: float) -> Array:
        return _joined(self._values(step))

    def _values(self, step: float) -> list[Array]:
        arguments: list[Any] = list(self.arguments)
        arguments[self.wrt] = self.domain.moved(arguments[self.wrt], self.direction, step)
        values = interpret(self.graph, *arguments)
        return [np.asarray(values[i], np.float64) for i in self.outputs]

    def pulled(self, ct: Array) -> Array:
        """The cotangent of the input times the direction, entry by entry."""
        parts = iter(_parted(ct, [value.shape for value in self._values(0.0)]))
        cts = [
            next(parts).astype(atom.aval.dtype) if i in self.outputs else None
            for i, atom in enumerate(self.graph.outputs)
        ]
        if not any(part is not None for part in cts):
            return np.zeros_like(self.direction)
        _, pullback = vjp(self.graph, self.arguments, [self.wrt])
        [back] = pullback(cts, not ct.all())
        if back is None:
            return np.zeros_like(self.direction)
        return np.where(self.direction == 0.0, 0.0, back * self.direction)

    def pushed(self) -> Array | None:
        """The tangents of the outputs; ``None`` where there is no forward rule."""
        one: list[Array | None] = [None] * len(self.arguments)
        one[self.wrt] = self.direction
        try:
            values, [tangents] = pushforward(self.graph, self.arguments, [tuple(one)])
        except DerivativeError:
            return None
        found = [(values[i], tangents[i]) for i in self.outputs]
        return _joined([np.zeros_like(value) if t is None else t for value, t in found])

    def entry(self, position: int) -> tuple[int, tuple[int, ...]]:
        """Which output, and which of its entries, stands at ``position`` of them all."""
        for output, value in zip(self.outputs, self._values(0.0), strict=True):
            if position < value.size:
                return output, tuple(map(int, np.unravel_index(position, value.shape)))
            position -= value.size
        return 0, ()


def floating_inputs(graph: Graph) -> list[int]:
    """The inputs that can be differentiated by."""
    return [i for i, variable in enumerate(graph.inputs) if is_float(variable.aval.dtype)]


def _entry_errors(pushed: Array, values: Array, measured: Differences) -> Array:
    """The relative errors of tangents beyond the uncertainty of what was measured."""
    gap = np.abs(pushed - measured.slope) - 8.0 * measured.uncertainty
    gap = np.where(measured.conclusive, np.where(np.isnan(gap), np.inf, gap), 0.0)
    typical = np.max(np.abs(measured.slope[measured.conclusive]), initial=0.0)
    size = np.maximum(np.abs(pushed), np.abs(measured.slope)) + 1e-9 * (typical + np.abs(values))
    return np.where(gap <= 0.0, 0.0, gap / np.where(size > 0.0, size, 1.0))


def _relative(gap: Any, size: Any, noise: Any) -> float:
    if np.isnan(gap):
        return np.inf
    excess = max(abs(float(gap)) - float(noise), 0.0)
    return excess / float(size) if excess and size else excess


def _argmax(errors: Array) -> int:
    return int(np.argmax(errors)) if errors.size else 0


def _joined(arrays: Sequence[Array]) -> Array:
    return np.concatenate([np.ravel(array) for array in arrays]) if arrays else np.zeros(0)


def _parted(flat: Array, shapes: Sequence[tuple[int, ...]]) -> list[Array]:
    parts = []
    for shape in shapes:
        size = int(np.prod(shape))
        parts.append(flat[:size].reshape(shape))
        flat = flat[size:]
    return parts
