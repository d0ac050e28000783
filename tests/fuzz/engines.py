"""What evaluates random programs, compared with ``interpret``; a failure is told as a small one."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

import optserve
from optserve.backends.backend import Backend, Compiled
from optserve.backends.llvm import loop_of
from optserve.errors import OptserveError
from optserve.graph.aval import Array
from optserve.graph.graph import Graph, to_text
from optserve.graph.interpret import interpret
from optserve.primitives.tracing import verify
from optserve.transforms.derivative_check import pushforward_graph
from optserve.transforms.expand import inlined
from tests.fuzz.programs import Program, arguments
from tests.fuzz.rounding import difference
from tests.fuzz.shrinking import shrunk

__all__ = ["check_backend", "check_eager", "grouped", "together"]

Rows = Mapping[str, int]
Failure = Callable[[Program, Sequence[Array]], str]
"""How a program fails at these arguments; "" where it does not."""

IN_A_GROUP = 10


def grouped(programs: Sequence[Program], empty: Rows) -> list[list[Program]]:
    """Programs to be compiled together, which is many times as fast as one by one.

    Those that are native code from end to end are kept apart from the others, so that they are so
    together too; likewise those of one precision, and those that have values for ``empty`` tables.
    """
    kinds: dict[Any, list[Program]] = {}
    for program in programs:
        _check_recorded(program)
        native = loop_of(program.graph) is not None
        values = _expected(program.graph, arguments(empty, program.precision, 0))
        kinds.setdefault((program.precision, native, values is None), []).append(program)
    return [
        alike[first : first + IN_A_GROUP]
        for alike in kinds.values()
        for first in range(0, len(alike), IN_A_GROUP)
    ]


def together(programs: Sequence[Program]) -> Graph:
    """The graphs of ``programs`` as one."""
    inputs = programs[0].graph.inputs
    parts = [inlined(program.graph, inputs) for program in programs]
    equations = tuple(equation for made, _ in parts for equation in made)
    return Graph(inputs, equations, tuple(atom for _, outputs in parts for atom in outputs))


def check_backend(backend: Backend, programs: Sequence[Program], counts: Sequence[Rows]) -> None:
    """Raise ``AssertionError`` unless ``backend`` agrees with ``interpret`` on ``programs``.

    They are compiled together. One that fails is compiled alone, and made small if it fails so too.
    """

    def alone(program: Program, given: Sequence[Array]) -> str:
        return _failure(
            program.graph, given, lambda: backend.compile(program.graph)(*given), program.outputs
        )

    compiled = None
    for rows in counts:
        given = arguments(rows, programs[0].precision, programs[0].seed)
        if any(_expected(program.graph, given) is None for program in programs):
            continue
        try:
            compiled = compiled or backend.compile(together(programs))
            failed = _failed(compiled, programs, given)
        except Exception as error:  # whatever it is, it is a finding
            failed = [(program, repr(error)) for program in programs]
        for program, _ in failed:
            if alone(program, given):
                raise AssertionError(
                    f"{backend.name} at {dict(rows)}: {_told(program, given, alone)}"
                )
        if failed:
            seeds = [program.seed for program in programs]
            what = "\n".join(map(str, failed[0]))
            raise AssertionError(f"{backend.name} at {dict(rows)}, together {seeds}: {what}")


def check_eager(program: Program, rows: Rows) -> None:
    """Raise ``AssertionError`` unless what runs on arrays gives what ``interpret`` gives."""
    _check_recorded(program)
    given = arguments(rows, program.precision, program.seed)
    for failure in (_reverse, _forward):
        if failure(program, given):
            raise AssertionError(f"eagerly at {dict(rows)}: {_told(program, given, failure)}")


def _check_recorded(program: Program) -> None:
    """Raise ``AssertionError`` where a program does not become a graph, in either mode."""

    def failure(program: Program) -> str:
        try:
            for graph in (program.graph, _tangent_graph(program)):
                verify(graph)
        except Exception as error:  # whatever it is, it is a finding
            return repr(error)
        return ""

    what = failure(program)
    if what:
        small = shrunk(program, lambda other: failure(other) == what)
        raise AssertionError(f"{what}\n{small}\nmade from {program}")


def _tangent_graph(program: Program) -> Graph:
    """The tangent of the loss."""
    return pushforward_graph(replace(program.traced, outputs=program.traced.outputs[:1]))


def _reverse(program: Program, given: Sequence[Array]) -> str:
    """How ``value_and_grad`` fails."""

    def evaluate() -> list[Any]:
        value, gradient = optserve.value_and_grad(program.loss, program.wrt)(*given)
        return _as(program.precision, [value, *gradient])

    outputs, ends = program.graph.outputs, len(program.ends)
    graph = replace(program.graph, outputs=(outputs[0], *outputs[1 + ends :]))
    return _failure(graph, given, evaluate, [program.outputs[0], *program.outputs[1 + ends :]])


def _forward(program: Program, given: Sequence[Array]) -> str:
    """How ``jvp`` fails."""
    rng = np.random.default_rng(program.seed)
    tangents: list[Array | None] = [
        np.asarray(rng.normal(size=x.shape)).astype(x.dtype) if x.dtype.kind == "f" else None
        for x in given
    ]

    def evaluate() -> list[Any]:
        return _as(program.precision, [optserve.jvp(program.loss, given, tangents)[1]])

    graph = _tangent_graph(program)
    moved = [tangent for tangent in tangents if tangent is not None]
    return _failure(graph, [*given, *moved], evaluate, ["the tangent of the loss"])


def _as(precision: str, values: Sequence[Any]) -> list[Any]:
    """On arrays the mean of whole numbers is float64, in a graph it has the precision of it."""
    return [np.asarray(value).astype(precision) for value in values]


def _told(program: Program, given: Sequence[Array], failure: Failure) -> str:
    """How the smallest program that can be found fails, with its graph."""
    kind = failure(program, given).split("(")[0]
    small = shrunk(program, lambda other: failure(other, given).split("(")[0] == kind)
    graph = to_text(small.graph, places=True)
    return f"{failure(small, given)}\n{small}\n{graph}\nmade from {program}"


def _failed(
    compiled: Compiled, programs: Sequence[Program], given: Sequence[Array]
) -> list[tuple[Program, str]]:
    """Those of ``programs``, compiled together, whose outputs are wrong, and how."""
    found = iter(compiled(*given))
    failed = []
    for program in programs:
        own = [next(found) for _ in program.graph.outputs]
        what = _compared(program.graph, given, own, program.outputs)
        failed += [(program, what)] if what else []
    return failed


def _failure(
    graph: Graph,
    given: Sequence[Array],
    evaluate: Callable[[], Sequence[Any]],
    names: Sequence[str],
) -> str:
    """How what ``evaluate`` gives differs from ``graph``."""
    if _expected(graph, given) is None:
        return ""
    try:
        return _compared(graph, given, evaluate(), names)
    except Exception as error:  # whatever it is, it is a finding
        return repr(error)


def _compared(
    graph: Graph, given: Sequence[Array], found: Sequence[Any], names: Sequence[str]
) -> str:
    """The first output that differs, and by how much; derivatives at no rows are not compared."""
    expected = _expected(graph, given)
    assert expected is not None
    if any(0 in argument.shape for argument in given):
        names = [name for name in names if "d loss" not in name]
    count = len(names)
    graph = replace(graph, outputs=graph.outputs[:count])
    what = difference(graph, given, found[:count], expected[:count])
    return "" if what is None else f"differs (in {names[what[0]]}): {what[1]}"


def _expected(graph: Graph, given: Sequence[Array]) -> tuple[Any, ...] | None:
    """What ``interpret`` gives; ``None`` where there is nothing, as for the largest of no rows."""
    try:
        with np.errstate(all="ignore"):
            return interpret(graph, *given)
    except (OptserveError, ValueError, IndexError):
        return None
