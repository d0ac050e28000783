"""Reverse mode: one walk forward, one walk back, on arrays or on tracers alike.

On arrays it computes a gradient; on tracers it records one, so that differentiating a graph gives a
graph, and differentiating again needs nothing new.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np

from optserve.errors import DerivativeError, OptserveError, ShapeError
from optserve.graph.aval import aval_of, is_float, precision_of
from optserve.graph.graph import Atom, Equation, Graph, Literal, Var
from optserve.graph.interpret import bind_rows, resolved
from optserve.graph.primitive import Primitive, Value, listed
from optserve.graph.trace import Tracer
from optserve.primitives.tracing import body_of
from optserve.transforms.foreign import blamed, is_foreign
from optserve.transforms.loop_derivatives import control_pull
from optserve.transforms.overflow import UNGUARDED, Guard, guards
from optserve.transforms.rules import (
    Cotangents,
    Pull,
    fitted,
    recorded,
    recorded_at,
    stated_pull,
)
from optserve.transforms.simplify import simplify

__all__ = ["Environment", "pulled", "value_and_gradient_graph", "value_and_pull", "vjp"]


class Environment:
    """The values of a graph's variables as a walk over it finds them.

    ``like`` are values, or avals, of the shapes that the graph's inputs have, where the arguments
    have others.
    """

    def __init__(
        self,
        graph: Graph,
        arguments: Sequence[Value],
        known: Mapping[Var, Value] | None = None,
        like: Sequence[Any] | None = None,
    ) -> None:
        traces = [argument.trace for argument in arguments if isinstance(argument, Tracer)]
        self.trace = max(traces, key=lambda trace: trace.serial) if traces else None
        self.rows = {} if traces else bind_rows(graph.inputs, like or arguments)
        self.values: dict[Var, Value] = dict(zip(graph.inputs, arguments, strict=True))
        self._known = known or {}

    def known(self, equation: Equation) -> Sequence[Value] | None:
        """The results of an equation that was computed before."""
        known = self._known
        if equation.results[0] not in known:
            return None
        return [known[result] for result in equation.results]

    def read(self, atom: Atom) -> Value:
        return atom.value if isinstance(atom, Literal) else self.values[atom]

    def bind(self, equation: Equation, operands: Sequence[Value]) -> tuple[Value, ...]:
        """The results of an equation that needs no derivative."""
        known = self.known(equation)
        if known is not None:
            return tuple(known)
        attributes = resolved(equation.attributes, self.rows)
        if self.trace is not None and not any(isinstance(one, Tracer) for one in operands):
            # A row count, or a number repeated for each row: known only where the rows are.
            out = self.trace.bind(equation.primitive, operands, attributes)
        else:
            out = equation.primitive.bind(*operands, **attributes)
        return listed(out)


def vjp(
    graph: Graph,
    arguments: Sequence[Value],
    wrt: Iterable[int],
    *,
    known: Mapping[Var, Value] | None = None,
    guard: Guard = UNGUARDED,
) -> tuple[tuple[Value, ...], Callable[[Sequence[Value | None], bool], Cotangents]]:
    """The outputs of ``graph`` at ``arguments``, and their pullback to the inputs ``wrt``.

    The pullback takes a cotangent (or ``None`` for zero) an output, and whether they are masked,
    and gives a cotangent (or ``None``) for each input of ``wrt``. It may be called any number of
    times. ``known`` are values of variables at these arguments, which then are not computed again.
    ``guard`` is that of the equation whose body ``graph`` is, if it is one.
    """
    wanted = [graph.inputs[index] for index in wrt]
    environment = Environment(graph, arguments, known)
    active = {variable for variable in wanted if is_float(variable.aval.dtype)}
    tape: list[tuple[int, Pull, list[Value]]] = []
    guarded = guards(graph, guard)
    for position, equation in enumerate(graph.equations):
        operands = [environment.read(atom) for atom in equation.operands]
        with recorded_at(operands, equation.place):
            if active.isdisjoint(equation.operands):
                results = environment.bind(equation, operands)
            else:
                results, pull = value_and_pull(
                    equation.primitive,
                    operands,
                    resolved(equation.attributes, environment.rows),
                    wanted=[atom in active for atom in equation.operands],
                    known=environment.known(equation),
                    guard=guarded[position],
                )
                active.update(v for v in equation.results if is_float(v.aval.dtype))
                tape.append((position, pull, operands))
        environment.values.update(zip(equation.results, results, strict=True))

    def pullback(cotangents: Sequence[Value | None], masked: bool = False) -> Cotangents:
        gathered = _Gathered()
        for atom, cotangent in zip(graph.outputs, cotangents, strict=True):
            gathered.add(atom, cotangent, masked)
        for position, pull, operands in reversed(tape):
            equation = graph.equations[position]
            if any(variable in gathered.values for variable in equation.results):
                own = tuple(gathered.values.pop(v, None) for v in equation.results)
                is_masked = any(variable in gathered.masked for variable in equation.results)
                with recorded_at([*operands, *own], equation.place):
                    back = pulled(pull, own, is_masked, equation.primitive.name)
                    for atom, operand, ct in zip(equation.operands, operands, back, strict=True):
                        if atom in active and ct is not None:
                            selected = is_masked or equation.primitive.derivative.selects
                            gathered.add(atom, fitted(ct, aval_of(operand)), selected)
        return tuple(gathered.values.get(variable) for variable in wanted)

    return tuple(environment.read(atom) for atom in graph.outputs), pullback


class _Gathered:
    """Cotangents summed by variable, and which of them came through a primitive that selects."""

    def __init__(self) -> None:
        self.values: dict[Atom, Value] = {}
        self.masked: set[Atom] = set()

    def add(self, atom: Atom, cotangent: Value | None, masked: bool) -> None:
        if cotangent is None or isinstance(atom, Literal):
            return
        before = self.values.get(atom)
        self.values[atom] = cotangent if before is None else before + cotangent
        if masked:
            self.masked.add(atom)


def pulled(pull: Pull, cts: Cotangents, masked: bool, name: str) -> Cotangents:
    """What the pullback of the primitive of that name gives."""
    try:
        return pull(cts, masked)
    except OptserveError:
        raise
    except (ValueError, TypeError, IndexError) as error:
        raise DerivativeError(f"the derivative rule of {name} failed: {error}") from error


def value_and_pull(
    primitive: Primitive,
    operands: Sequence[Value],
    attributes: Mapping[str, Any],
    *,
    wanted: Sequence[bool] | None = None,
    known: Sequence[Value] | None = None,
    guard: Guard = UNGUARDED,
) -> tuple[tuple[Value, ...], Pull]:
    """The results, and the function that takes their cotangents back to the operands.

    ``wanted`` says which operands need one (all that are floating, if it is not given), ``known``
    gives the results where they were computed before, ``guard`` tells what may have overflowed.
    """
    if primitive.kind == "control":
        return control_pull(primitive, operands, attributes, vjp)
    if not is_foreign(primitive):
        return _pull_of(primitive, operands, attributes, wanted, known, guard)
    with blamed(primitive, "derivative rule"):
        results, pull = _pull_of(primitive, operands, attributes, wanted, known, guard)

    def blaming(cts: Cotangents, masked: bool) -> Cotangents:
        with blamed(primitive, "derivative rule"):
            return pull(cts, masked)

    return results, blaming


def _pull_of(
    primitive: Primitive,
    operands: Sequence[Value],
    attributes: Mapping[str, Any],
    wanted: Sequence[bool] | None,
    known: Sequence[Value] | None,
    guard: Guard,
) -> tuple[tuple[Value, ...], Pull]:
    results, pull = stated_pull(primitive, operands, attributes, wanted, known, guard)
    if pull is not None:
        return results, pull
    if primitive.body is not None:
        return results, partial(_pull_body, primitive, operands, attributes, guard)
    return results, partial(_no_rule, primitive)


def _pull_body(
    primitive: Primitive,
    operands: Sequence[Value],
    attributes: Mapping[str, Any],
    guard: Guard,
    cts: Cotangents,
    masked: bool,
) -> Cotangents:
    traced = body_of(primitive, [aval_of(operand) for operand in operands], attributes)
    inputs = [*operands, *traced.captured]
    _, pull = vjp(traced.graph, inputs, range(len(operands)), guard=guard)
    return pull(cts, masked)


def _no_rule(primitive: Primitive, cts: Cotangents, masked: bool) -> Cotangents:
    raise DerivativeError(
        f"{primitive.name} has no derivative rule",
        remedy="give it a pullback, or do not let a differentiated value depend on it",
    )


def value_and_gradient_graph(graph: Graph, wrt: Sequence[int]) -> Graph:
    """All outputs of ``graph``, then the gradients of output 0 with respect to the inputs ``wrt``.

    A gradient with respect to an input that output 0 does not depend on is an array of zeros.
    """
    aval = graph.outputs[0].aval
    if aval.shape:
        raise ShapeError(f"the gradient of {aval}", expected="a scalar as the first output")
    precision = precision_of([aval])
    graph = simplify(graph)  # what is computed twice is then differentiated once

    def walk(*arguments: Value) -> list[Value]:
        outputs, pullback = vjp(graph, arguments, wrt)
        seed = arguments[0].trace.lift(precision.type(1.0))
        cotangents = pullback([seed, *(None for _ in outputs[1:])], False)
        gradients = [
            np.zeros_like(arguments[i]) if ct is None else ct
            for i, ct in zip(wrt, cotangents, strict=True)
        ]
        return [*outputs, *gradients]

    return recorded(walk, graph.inputs, precision)
