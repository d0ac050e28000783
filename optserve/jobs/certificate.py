"""The certificate: every rule of a plugin that the loss uses is measured before the first step.

At the operands that the start gives it: shapes, dtypes, linearity in the cotangent, nothing changed
in place. At seeded points nearby, in float64 and away from kinks: agreement with differences of the
value, and the order to which a Taylor expansion holds.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from optserve.errors import DerivativeError, PluginFailure, ShapeError
from optserve.frozen import frozen
from optserve.graph.aval import Array, aval_of, broadcast_shapes, is_float
from optserve.graph.primitive import Primitive
from optserve.jobs.packing import Packing
from optserve.jobs.problem import Problem, Provided
from optserve.jobs.uses import Use, uses_of
from optserve.transforms.check import (
    Agreement,
    agreement,
    equation_graph,
    linearity,
    mutated,
    nearby,
)
from optserve.transforms.foreign import told
from optserve.transforms.reverse import value_and_pull

__all__ = ["Certificate", "certify"]

TOLERANCE = 1e-6
"""The largest relative error of a derivative, beyond the uncertainty of the differences."""

ROUNDING = 4096
"""How many units of rounding a pullback may be away from linear."""

CONCLUSIVE = 0.5
"""The share of entries that has to be measurable at a point that tells about a rule."""

TRIALS = 4
"""Seeded points nearby that are tried until one is conclusive."""


@frozen
class Certificate:
    """What was found of one primitive. ``failure`` is empty where it passed.

    ``error`` is the largest relative error of its derivative, ``order`` the smallest order of its
    Taylor remainders (2 for a right rule; ``None`` where nothing remained to measure).
    ``conclusive`` is the smallest share of entries that could be measured. ``operands`` shows what
    it was given where it failed.
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


def certify(problem: Problem, packing: Packing, start: Array) -> tuple[Certificate, ...]:
    """One certificate for each third-party primitive that the loss uses, at ``start`` (p,)."""
    provided = {one.primitive: one for one in problem.third_party}
    if not provided:
        return ()
    values = packing.natural(start).values()
    arguments = [*values, *problem.objective.arrays]
    varying = [index for index, segment in enumerate(packing.segments) if segment.count]
    found: dict[Primitive, list[Use]] = {}
    for use in uses_of(problem.objective.graph, arguments, varying, frozenset(provided)):
        found.setdefault(use.primitive, []).append(use)
    return tuple(_certificate(provided[primitive], uses) for primitive, uses in found.items())


def _certificate(provided: Provided, uses: Sequence[Use]) -> Certificate:
    """One primitive at every use of it, up to the first that fails."""
    agreements: list[Agreement] = []
    failure = operands = ""
    for use in uses:
        failure = _failure(use, agreements)
        if failure:
            operands = use.shown()
            break
    orders = [one.order for one in agreements if np.isfinite(one.order)]
    return Certificate(
        primitive=provided.primitive.name,
        distribution=provided.distribution,
        version=provided.version,
        uses=len(uses),
        error=max((one.worst for one in agreements), default=0.0),
        order=min(orders, default=None),
        conclusive=min((one.conclusive for one in agreements), default=0.0),
        failure=failure,
        operands=operands,
    )


def _failure(use: Use, agreements: list[Agreement]) -> str:
    """What is wrong with a rule at one use of it, or nothing; what was measured is collected."""
    for check in _CHECKS:
        try:
            with np.errstate(all="ignore"):
                failure = check(use, agreements)
        except (DerivativeError, PluginFailure) as error:
            failure = error.message
        except (Exception, SystemExit) as error:  # a plugin may raise whatever it likes
            failure = f"it {told(error)}"
        if failure:
            return failure
    return ""


def _well_typed(use: Use, agreements: list[Agreement]) -> str:
    """Values and cotangents have the shapes and dtypes that they should."""
    graph = use.graph
    results, pull = value_and_pull(use.primitive, use.operands, use.attributes)
    for value, atom in zip(results, graph.outputs, strict=True):
        if aval_of(value) != atom.aval:
            return f"its value is {aval_of(value)}, its shape rule says {atom.aval}"
    cotangents = tuple(
        np.ones(np.shape(value), atom.aval.dtype) if is_float(atom.aval.dtype) else None
        for value, atom in zip(results, graph.outputs, strict=True)
    )
    pulled = pull(cotangents, False)
    if len(pulled) != len(use.operands):
        return f"its rule gives {len(pulled)} cotangents for {len(use.operands)} operands"
    for index in use.active:
        failure = _well_typed_cotangent(index, pulled[index], use.operands[index])
        if failure:
            return failure
    return ""


def _well_typed_cotangent(index: int, cotangent: Any, operand: Array) -> str:
    if cotangent is None or isinstance(cotangent, int | float):
        return ""
    found, wanted = aval_of(cotangent), aval_of(operand)
    if found.dtype != wanted.dtype:
        return f"the cotangent of operand {index} is {found}, the operand {wanted}"
    try:
        broadcast_shapes(found.shape, wanted.shape)
    except ShapeError:
        return f"the cotangent of operand {index} is {found}, the operand {wanted}"
    return ""


def _pure(use: Use, agreements: list[Agreement]) -> str:
    changed = mutated(use.graph, use.operands)
    return f"it changes what it is given in place: {', '.join(changed)}" if changed else ""


def _linear(use: Use, agreements: list[Agreement]) -> str:
    if not use.finite:
        return ""  # what is not finite has no size to compare with; the descent will tell
    departure = linearity(use.graph, use.operands)
    epsilon = max(float(np.finfo(one.dtype).eps) for one in use.operands if is_float(one.dtype))
    if departure <= ROUNDING * epsilon:
        return ""
    return f"its pullback is not linear in the cotangent: relative departure {departure:.2g}"


def _right(use: Use, agreements: list[Agreement]) -> str:
    """The derivative by each active operand is that of the value."""
    for index in use.active:
        found = _measured(use, index)
        if found is None:
            continue
        agreements.append(found)
        wrong_order = found.order < 1.5 and found.reverse > TOLERANCE
        if found.conclusive >= CONCLUSIVE and (found.worst > TOLERANCE or wrong_order):
            return (
                f"its derivative by operand {index} is not that of its value: relative error "
                f"{found.worst:.2g}, Taylor order {found.order:.2g}"
            )
    return ""


def _measured(use: Use, index: int) -> Agreement | None:
    """At the first of some seeded points nearby that tells; else at the one that tells most."""
    best: Agreement | None = None
    domains = use.primitive.domains(len(use.operands))
    for seed in range(TRIALS):
        moved = nearby(use.operands, domains, seed=seed)
        graph = equation_graph(use.primitive, moved, use.attributes)
        found = agreement(graph, moved, wrt=index, seed=seed)
        if best is None or found.conclusive > best.conclusive:
            best = found
        if best.conclusive >= CONCLUSIVE:
            break
    return best


_CHECKS: tuple[Callable[[Use, list[Agreement]], str], ...] = (_well_typed, _pure, _linear, _right)
