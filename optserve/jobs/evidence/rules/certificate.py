"""The certificate: every rule of a plugin that the loss uses is measured before the first step.

At the operands that the start gives it: shapes, dtypes, linearity in cotangents of any size,
nothing changed in place or kept between calls, rows that combine as promised, and a recorded rule
that gives on the backend what it gives on arrays. Against differences of the value, in float64: the
first derivative at the operands of the start, near them and away from them, at kinks and at special
numbers; the second one where the job takes it, with every primitive of a plugin that the rule
itself uses.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from optserve.backends.backend import Backend
from optserve.errors import DerivativeError, PluginFailure
from optserve.graph.aval import Array, resolve_shape
from optserve.graph.graph import Graph
from optserve.graph.primitive import Primitive
from optserve.jobs.evidence.rules.certifying import faults_of, right_at
from optserve.jobs.evidence.rules.looks import Looked
from optserve.jobs.evidence.rules.rightness import CONCLUSIVE
from optserve.jobs.evidence.rules.uses import Use, uses_of
from optserve.jobs.packing import Packing
from optserve.jobs.problem import Problem, Provided
from optserve.transforms.derivative_check import floating_inputs, pullback_graph
from optserve.transforms.foreign import is_foreign, told

__all__ = ["Certificate", "certify"]

MORE = 8
"""Uses of one kind that are looked at beside the first."""


@dataclass(frozen=True)
class Certificate:
    """What was found of one primitive. ``failure`` is empty where it passed.

    ``error`` is the largest relative error of its derivative, ``order`` the smallest order of its
    Taylor remainders (2 for a right rule; ``None`` where nothing remained to measure).
    ``conclusive`` is the smallest share of entries that could be measured. ``operands`` shows what
    it was given where it failed. ``partial`` says that it takes too long to be looked at away from
    the start.
    """

    primitive: str
    distribution: str
    version: str
    uses: int
    error: float = 0.0
    order: float | None = None
    conclusive: float = 1.0
    failure: str = ""
    operands: str = ""
    partial: bool = False

    @property
    def passed(self) -> bool:
        return not self.failure

    @property
    def measured(self) -> bool:
        """Whether enough of it could be measured to tell."""
        return self.conclusive >= CONCLUSIVE

    @property
    def sentence(self) -> str:
        """Who, what, by how much, and at which operands."""
        home = f"{self.distribution} {self.version}".strip()
        return f"{self.primitive} of {home}: {self.failure}, at {self.operands}"


def certify(
    problem: Problem, packing: Packing, start: Array, backend: Backend | None = None
) -> tuple[Certificate, ...]:
    """One certificate for each third-party primitive that the loss uses, at ``start`` (p,).

    Those that only rules use come after those of the loss.
    """
    provided = {one.primitive: one for one in problem.third_party}
    if not provided:
        return ()
    values = packing.natural(start).values()
    arguments = [*values, *problem.objective.arrays]
    varying = [index for index, segment in enumerate(packing.segments) if segment.count]
    kinds = uses_of(problem.objective.graph, arguments, varying, frozenset(provided))
    second = problem.optimizer is not None
    if second:
        for use in [kind[0] for kind in kinds]:
            for primitive, inner in _inside(use, provided):
                provided.setdefault(
                    primitive, replace(provided[use.primitive], primitive=primitive)
                )
                kinds.append(inner)
    grouped: dict[Primitive, list[list[Use]]] = {}
    for kind in kinds:
        grouped.setdefault(kind[0].primitive, []).append(kind)
    return tuple(
        _certificate(provided[primitive], found, Looked(backend, second=second))
        for primitive, found in grouped.items()
    )


def _inside(use: Use, known: Collection[Primitive]) -> Iterator[tuple[Primitive, list[Use]]]:
    """The primitives of plugins that the rule of one uses, and their uses there."""
    try:
        graph = pullback_graph(use.graph)
        others = {one for one in _foreign(graph) if one is not use.primitive and one not in known}
        if not others:
            return
        cts = [
            np.ones(resolve_shape(variable.aval.shape, {}), variable.aval.dtype)
            for variable in graph.inputs[len(use.operands) :]
        ]
        found = uses_of(graph, [*use.operands, *cts], floating_inputs(graph), others)
    except (Exception, SystemExit):  # what is wrong with it is found where it is looked at
        return
    for kind in found:
        yield kind[0].primitive, kind


def _foreign(graph: Graph) -> Iterator[Primitive]:
    for equation in graph.equations:
        if is_foreign(equation.primitive) and equation.primitive.differentiable:
            yield equation.primitive
        for value in equation.attributes.values():
            if isinstance(value, Graph):
                yield from _foreign(value)


def _certificate(provided: Provided, kinds: Sequence[Sequence[Use]], looked: Looked) -> Certificate:
    """One primitive at every use of it, up to the first that fails."""
    failure = operands = ""
    for kind in kinds:
        failure, operands = _failure(kind, looked)
        if failure:
            break
    orders = [one.order for one in looked.agreements if np.isfinite(one.order)]
    return Certificate(
        primitive=provided.primitive.name,
        distribution=provided.distribution,
        version=provided.version,
        uses=len(kinds),
        error=max((one.worst for one in looked.agreements), default=0.0),
        order=min(orders, default=None),
        conclusive=min((one.conclusive for one in looked.agreements), default=0.0),
        failure=failure,
        operands=operands,
        partial=looked.left_out,
    )


def _failure(kind: Sequence[Use], looked: Looked) -> tuple[str, str]:
    """What is wrong with a rule at uses of one kind, and at which operands; or nothing."""
    first, *more = kind
    use = first
    try:
        for fault in faults_of(first, looked):
            return fault.what, first.at(fault.operands)
        for use in more[:MORE]:
            for fault in right_at(use, looked):
                return fault.what, use.at(fault.operands)
    except (DerivativeError, PluginFailure) as error:
        return error.message, use.at(use.operands)
    except (Exception, SystemExit) as error:  # a plugin may raise whatever it likes
        return f"it {told(error)}", use.at(use.operands)
    return "", ""
