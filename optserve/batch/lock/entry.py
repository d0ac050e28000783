"""``locked``: what the lock holds of one job: its graphs, the rules in them, values at points."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial

import numpy as np

from optserve.batch.lock.canonical import canonical, digests, text_digest
from optserve.batch.lock.locked_points import Point, StoredNumbers, found_at
from optserve.batch.lock.locked_rules import LockedRule, primitives_of, rule_of
from optserve.errors import OptserveError, Place
from optserve.graph.aval import Array, Aval
from optserve.graph.graph import Graph, to_text
from optserve.graph.primitive import Value
from optserve.jobs.parameters import JobParameter
from optserve.jobs.problem import Objective, Problem, Provided
from optserve.memo import Memo
from optserve.primitives.tracing import trace
from optserve.registry.code import code_digest
from optserve.transforms.reverse import vjp
from optserve.transforms.simplify import prune

__all__ = ["KNOWN", "LockEntry", "Locked", "LockedPlugin", "derived", "locked"]

KNOWN = 1000
"""Of how many functions the rules are kept."""

LONGEST = 600
"""Lines up to which a graph is written out."""


@dataclass(frozen=True)
class LockedPlugin:
    """A plugin whose primitives are used; ``code`` is a digest of its syntax."""

    name: str
    version: str
    code: str


@dataclass(frozen=True)
class LockEntry:
    """What the lock holds of a job, or of the jobs of a sweep that are alike.

    ``jobs`` are their labels. ``loss`` and ``gradient`` (by parameter) are digests of graphs that
    are not simplified, whose inputs are called ``inputs`` in the order in which they are met.
    ``transforms`` are digests by parameter, ``shown`` is the graph as text. ``without`` says why
    there are no ``points``.
    """

    config: str
    jobs: tuple[str, ...]
    kind: str
    precision: str
    inputs: tuple[str, ...]
    loss: str
    gradient: Mapping[str, str]
    transforms: Mapping[str, str]
    shown: str
    data: Mapping[str, StoredNumbers]
    points: tuple[Point, ...]
    without: str = ""


@dataclass(frozen=True)
class Locked:
    """An entry, with the rules and plugins that it needs; ``graph`` and ``captured`` are what
    computes its points, ``columns`` are its data, ``places`` where its equations were written."""

    entry: LockEntry
    rules: Mapping[str, LockedRule]
    plugins: Mapping[str, LockedPlugin]
    graph: Graph
    captured: tuple[Array, ...]
    place: Place | None
    places: Mapping[str, Place]
    columns: tuple[str, ...]


def _kind(objective: Objective) -> str:
    """What the loss is, and what the weights of its rows mean, which no graph tells."""
    return objective.kind + (f", weights by {objective.weights}" if objective.weights else "")


def derived(problem: Problem) -> tuple[Graph, tuple[Array, ...]]:
    """The graph of the loss and its derivative by each parameter, not simplified but for what
    nothing needs; and the arrays that its last inputs stand for."""
    loss = replace(problem.objective.graph, outputs=problem.objective.graph.outputs[:1])
    wrt = range(len(problem.parameters))
    precision = np.dtype(problem.precision)

    def walk(*arguments: Value) -> list[Value]:
        outputs, pullback = vjp(loss, arguments, wrt)
        seed = arguments[0].trace.lift(precision.type(1.0))
        found = pullback([seed], False)
        return [
            *outputs,
            *(
                np.zeros_like(arguments[i]) if ct is None else ct
                for i, ct in zip(wrt, found, strict=True)
            ),
        ]

    names = [variable.name for variable in loss.inputs]
    avals = [variable.aval for variable in loss.inputs]
    traced = trace(walk, *avals, precision=precision, names=names, rewrites=False)
    return prune(traced.graph), traced.captured


def locked(
    problem: Problem,
    config: str,
    label: str = "",
    *,
    points: bool = True,
    known: Memo | None = None,
) -> Locked:
    """What the lock holds of ``problem``; without ``points``, nothing is computed. Rules that are
    ``known`` of other problems are not traced again."""
    graph, captured = derived(problem)
    names = [parameter.name for parameter in problem.parameters]
    called = [*names, *problem.objective.data]
    called += [f"constant {text_digest(one.tobytes().hex())}" for one in captured]
    found = canonical(graph, called)
    loss, *gradient = found.outputs
    data: Mapping[str, StoredNumbers] = {}
    at: Sequence[Point] = ()
    without = ""
    if points:
        data, at, without = found_at(graph, names, problem, captured)
    shown = to_text(graph)
    entry = LockEntry(
        config,
        (label,),
        _kind(problem.objective),
        problem.precision,
        found.inputs,
        loss,
        dict(zip(names, gradient, strict=True)),
        {one.name: _transform(one) for one in problem.parameters if one.transform is not None},
        shown if shown.count("\n") < LONGEST else "",
        data,
        (*at,),
        without,
    )
    provided = {one.primitive: one for one in problem.third_party}
    used = primitives_of([graph, problem.objective.graph])
    memo = Memo(KNOWN) if known is None else known
    rules = {
        one.name: memo.of("rule", partial(rule_of, one, provided.get(one)), one) for one in used
    }
    plugins = {one.distribution: _plugin(one) for one in provided.values()}
    places = {
        line.strip(): equation.place
        for line, equation in zip(
            (one for one in shown.splitlines()[1:-1] if not one.startswith("   ")),
            graph.equations,
            strict=False,
        )
        if equation.place is not None
    }
    columns = (*problem.objective.data,)
    return Locked(entry, rules, plugins, graph, captured, problem.objective.place, places, columns)


def _transform(parameter: JobParameter) -> str:
    """The name of the transform of a parameter, and a digest of what it computes."""
    transform = parameter.transform
    assert transform is not None
    try:
        coordinates = np.asarray(transform.inverse(np.asarray(parameter.init)))
        aval = Aval(coordinates.shape, parameter.init.dtype)
        traced = trace(transform.forward, aval, precision=parameter.init.dtype, rewrites=False)
    except OptserveError as error:
        return f"{transform.name} {error.code}"
    return f"{transform.name} {text_digest(*digests(traced.graph))}"


def _plugin(provided: Provided) -> LockedPlugin:
    return LockedPlugin(provided.distribution, provided.version, code_digest(provided.module))
