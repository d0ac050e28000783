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
from typing import Any

import numpy as np

from optserve.errors import DerivativeError
from optserve.frozen import frozen
from optserve.graph.aval import Array, Aval, aval_of, is_float, precision_of
from optserve.graph.domain import Domain
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
    "linearity",
    "mutated",
    "nearby",
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


def pullback_graph(graph: Graph, *, values: bool = False) -> Graph:
    """From the inputs of ``graph`` and a cotangent for each floating output to the inputs' own.

    Its derivative is the second derivative of ``graph``. Outputs stand for the floating inputs, in
    order; with ``values`` the outputs of ``graph`` come first.
    """
    wrt = _floating(graph)
    cotangents = [atom.aval for atom in graph.outputs if is_float(atom.aval.dtype)]

    def pulled(*given: Value) -> list[Value]:
        arguments, incoming = given[: len(graph.inputs)], iter(given[len(graph.inputs) :])
        outputs, pullback = vjp(graph, arguments, wrt)
        back = pullback(
            [next(incoming) if is_float(atom.aval.dtype) else None for atom in graph.outputs], False
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
    wrt = _floating(graph)
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


@frozen
class Agreement:
    """How far a derivative by one input is from measured differences, along a random direction.

    ``reverse``, ``forward`` and ``adjoint`` are relative errors beyond the uncertainty of the
    differences: of the pullback, of the tangents, and of <ct, jvp(t)> = <vjp(ct), t>. They are
    below 1e-6 for a right rule, and NaN where there is no such derivative (an opaque function
    whose pullback cannot be traced has no tangents). ``order`` is the order to which the Taylor
    remainder vanishes: 2 (or more) for a right pullback and 1 for a wrong one; infinite where
    nothing remains. ``conclusive`` is the share of the entries of the outputs that could be
    measured; the others take no part.

    ``place`` is (output, index of its entry) where the tangents are furthest off.
    """

    reverse: float
    forward: float
    adjoint: float
    order: float
    conclusive: float
    place: tuple[int, tuple[int, ...]]

    @property
    def worst(self) -> float:
        """The largest of the errors that there are."""
        return max(e for e in (self.reverse, self.forward, self.adjoint) if not np.isnan(e))


def agreement(graph: Graph, arguments: Sequence[Array], *, wrt: int, seed: int = 0) -> Agreement:
    """The derivative of ``graph`` by its floating input ``wrt`` at ``arguments``, measured.

    ``arguments`` are float64 where they are floating. Raises ``DerivativeError`` where there is no
    derivative at all.
    """
    rng = np.random.default_rng(seed)
    line = _Line(graph, tuple(arguments), wrt, _direction(np.asarray(arguments[wrt]), rng))
    with np.errstate(all="ignore"):
        values = line(0.0)
        measured = differences(line, epsilon=line.epsilon)
        conclusive = measured.conclusive
        ct = np.where(conclusive, rng.standard_normal(values.shape), 0.0)
        products = line.pulled(ct)
        expected = np.where(conclusive, ct * measured.slope, 0.0)
        noise = np.sum(np.where(conclusive, np.abs(ct) * 8.0 * measured.uncertainty, 0.0))
        size = np.sum(np.abs(expected)) + np.sum(np.abs(products))
        size += 1e-9 * np.sum(np.where(conclusive, np.abs(ct * values), 0.0))
        reverse = _relative(np.sum(products) - np.sum(expected), size, noise)
        forward, adjoint, worst = np.nan, np.nan, 0
        pushed = line.pushed()
        if pushed is not None:
            errors = _entry_errors(pushed, values, measured)
            forward, worst = float(np.max(errors, initial=0.0)), _argmax(errors)
            along = np.where(conclusive, ct * pushed, 0.0)
            rounding = line.epsilon * np.sum(np.abs(along))
            adjoint = _relative(np.sum(products) - np.sum(along), size, rounding)

        def contracted(step: float) -> float:
            return float(np.sum(np.where(ct == 0.0, 0.0, ct * line(step))))

        order = taylor_order(contracted, float(np.sum(products)))
        place = line.entry(worst)
    share = float(np.mean(conclusive)) if values.size else 1.0
    return Agreement(reverse, forward, adjoint, order, share, place)


@frozen
class _Line:
    """The floating outputs of a graph, end to end, as one input moves along a direction."""

    graph: Graph
    arguments: tuple[Array, ...]
    wrt: int
    direction: Array

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
        arguments[self.wrt] = arguments[self.wrt] + step * self.direction
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
        [back] = pullback(cts, False)
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


def linearity(graph: Graph, arguments: Sequence[Array], *, seed: int = 0) -> float:
    """How far the pullback of ``graph`` is from linear in the cotangents, relative to its size."""
    rng = np.random.default_rng(seed)
    with np.errstate(all="ignore"):
        outputs, pullback = vjp(graph, arguments, _floating(graph))
        first, second = _cotangents(outputs, rng), _cotangents(outputs, rng)
        a, b = 0.75, -1.5  # exact in every floating dtype
        both = [
            None if x is None or y is None else a * x + b * y
            for x, y in zip(first, second, strict=True)
        ]
        worst = 0.0
        for x, y, z in zip(*(pullback(cts, False) for cts in (first, second, both)), strict=True):
            if x is None or y is None or z is None:
                worst = worst if x is y is z else np.inf
                continue
            size = np.max(np.abs(a * x) + np.abs(b * y), initial=0.0)
            gap = np.max(np.abs(z - (a * x + b * y)), initial=0.0)
            worst = max(worst, _relative(gap, size, 0.0))
    return worst


def mutated(graph: Graph, arguments: Sequence[Array], *, seed: int = 0) -> list[str]:
    """What evaluating ``graph`` and pulling back through it changed; nothing, where all is well."""
    rng = np.random.default_rng(seed)
    operands = [np.array(argument) for argument in arguments]
    with np.errstate(all="ignore"):
        watched = {f"operand {i}": operand for i, operand in enumerate(operands)}
        before = {name: value.tobytes() for name, value in watched.items()}
        outputs, pullback = vjp(graph, operands, _floating(graph))
        by_value = [name for name, value in watched.items() if value.tobytes() != before[name]]
        cts = _cotangents(outputs, rng)
        watched |= {f"result {i}": np.asarray(out) for i, out in enumerate(outputs)}
        watched |= {f"cotangent {i}": ct for i, ct in enumerate(cts) if ct is not None}
        before = {name: value.tobytes() for name, value in watched.items()}
        pullback(cts, False)
        by_rule = [name for name, value in watched.items() if value.tobytes() != before[name]]
    return [*(f"{name} by the value" for name in by_value), *(f"{n} by the rule" for n in by_rule)]


def nearby(
    arguments: Sequence[Array], domains: Sequence[Domain], *, seed: int = 0, spread: float = 0.01
) -> list[Array]:
    """``arguments`` in float64, each floating entry moved by about ``spread`` of itself.

    What would leave its domain is reflected back into it, so that a point on a kink or at the end
    of a domain moves off it, inside.
    """
    rng = np.random.default_rng(seed)
    moved: list[Array] = []
    for argument, domain in zip(arguments, domains, strict=True):
        x = np.asarray(argument)
        if is_float(x.dtype):
            x = x.astype(np.float64)
            step = spread * _direction(x, rng)
            x = x + step
            x = np.where(x <= domain.low, 2.0 * domain.low - x + np.abs(step), x)
            x = np.where(x >= domain.high, 2.0 * domain.high - x - np.abs(step), x)
        moved.append(x)
    return moved


def _floating(graph: Graph) -> list[int]:
    return [i for i, variable in enumerate(graph.inputs) if is_float(variable.aval.dtype)]


def _direction(x: Array, rng: np.random.Generator) -> Array:
    """A random direction in proportion to the entries, so that a step keeps them in a domain."""
    typical = float(np.sqrt(np.mean(np.square(x)))) if x.size else 1.0
    signs = np.where(rng.random(x.shape) < 0.5, -1.0, 1.0)
    return signs * rng.uniform(0.5, 1.0, x.shape) * (np.abs(x) + 1e-3 * (typical or 1.0))


def _cotangents(outputs: Sequence[Array], rng: np.random.Generator) -> list[Array | None]:
    """Random cotangents of few bits, so that small multiples and sums of them are exact."""
    return [
        (rng.integers(-8, 9, np.shape(out)) / 8.0).astype(aval_of(out).dtype)
        if is_float(aval_of(out).dtype)
        else None
        for out in outputs
    ]


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
