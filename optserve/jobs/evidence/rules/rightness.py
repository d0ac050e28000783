"""Whether derivatives are those of the value: at the start, around it, and away from it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from optserve.errors import OptserveError
from optserve.graph.aval import Array, is_float, resolve_shape
from optserve.graph.graph import Graph
from optserve.jobs.evidence.rules.looks import Fault, Found, Looked
from optserve.jobs.evidence.rules.uses import Use
from optserve.transforms.derivative_check import (
    Agreement,
    agreement,
    equation_graph,
    pullback_graph,
)
from optserve.transforms.probe_points import away, nearby, special

__all__ = ["CONCLUSIVE", "right", "right_elsewhere", "right_exactly", "right_twice", "wide"]

TOLERANCE = 1e-6
"""The largest relative error of a derivative, beyond the uncertainty of the differences."""

SECOND = 1e-3
"""The same for a second derivative, near the start; rules that are right lose digits there."""

ELSEWHERE = 1e-2
"""The same away from the start, where values may be no smooth numbers of the scale of a step."""

CONCLUSIVE = 0.5
"""The share of entries that has to be measurable at a point that tells about a rule."""

TRIALS = 4
"""Seeded points nearby that are tried until one is conclusive."""

PROBES = 45
"""Entries of an elementwise primitive at which it is looked at away from the start."""


def right(use: Use, looked: Looked) -> Found:
    """The derivative by each active operand is that of the value, at a point nearby that tells."""
    domains = use.primitive.domains(len(use.operands))
    for index in use.active:
        best: Agreement | None = None
        for seed in range(TRIALS):
            moved = nearby(use.operands, domains, seed=seed)
            found = _measured(use, moved, index, seed)
            if best is None or found.conclusive > best.conclusive:
                best = found
            if best.conclusive >= CONCLUSIVE or looked.spent:
                break
        assert best is not None
        looked.agreements.append(best)
        if best.conclusive >= CONCLUSIVE and best.worst > _allowed(use):
            return Fault(_wrong("its derivative", index, best), use.operands)
    return None


def right_exactly(use: Use, looked: Looked) -> Found:
    """The same at exactly the operands of the start: at kinks between the slopes of the sides."""
    if not use.finite:
        return None
    operands = wide(use.operands)
    for index in use.active:
        # One that is not finite there ends the descent, which tells where it comes from.
        found = _measured(use, operands, index, 0, finite=False)
        if found.worst > _allowed(use):
            return _fault(use, operands, "its derivative", index, found)
    return None


def right_elsewhere(use: Use, looked: Looked) -> Found:
    """The same away from the start, and at numbers for which formulas have cases of their own."""
    for operands, seed in _elsewhere(use):
        for index in use.active:
            if looked.spent:
                return None
            try:
                found = _measured(use, operands, index, seed, finite=False)
            except Exception:  # it may be defined where the start is, and not everywhere
                break
            if found.worst > max(ELSEWHERE, _allowed(use)):
                return _fault(use, operands, "away from the start, its derivative", index, found)
    return None


def right_twice(use: Use, looked: Looked) -> Found:
    """The derivative of the derivative, where the job takes second ones."""
    if not looked.second:
        return None
    domains = use.primitive.domains(len(use.operands))
    # Not at special numbers: relu(x**2) has another second derivative at 0 than its rule has.
    points = [(nearby(use.operands, domains), 0, SECOND), *_away(use)]
    rng = np.random.default_rng(0)
    for operands, seed, limit in points:
        if looked.spent:
            return None
        try:
            graph = equation_graph(use.primitive, operands, use.attributes)
            results = [atom.aval for atom in graph.outputs if is_float(atom.aval.dtype)]
            cts = [rng.standard_normal(resolve_shape(one.shape, {})) for one in results]
            twice = pullback_graph(graph)
            for index in use.active:
                found = _measured(use, operands, index, seed, finite=False, graph=twice, cts=cts)
                if found.worst > max(limit, _allowed(use)):
                    return _fault(use, operands, "its second derivative", index, found, which=twice)
        except OptserveError:
            return None  # it has no second derivative, and a job that needs one does without
        except Exception:  # it may be defined where the start is, and not everywhere
            if limit is SECOND:
                raise
    return None


def _measured(
    use: Use,
    operands: Sequence[Array],
    index: int,
    seed: int,
    *,
    finite: bool = True,
    graph: Graph | None = None,
    cts: Sequence[Array] = (),
) -> Agreement:
    graph = graph or equation_graph(use.primitive, operands, use.attributes)
    return agreement(
        graph,
        [*operands, *cts],
        wrt=index,
        seed=seed,
        domain=use.primitive.domains(len(use.operands))[index],
        tolerance=use.primitive.call.tolerance,
        finite=finite,
    )


def _elsewhere(use: Use) -> Iterator[tuple[list[Array], int]]:
    """Operands away from the start, of which those that do not vary stay as they are."""
    operands, seeds = _probes(use)
    domains = use.primitive.domains(len(operands))
    for seed in range(seeds):
        yield special(operands, domains, use.active, seed=seed), seed
        yield away(operands, domains, use.active, seed=seed), seed


def _away(use: Use) -> Iterator[tuple[list[Array], int, float]]:
    """The same without special numbers, and how far off a second derivative may be there."""
    operands, _ = _probes(use)
    domains = use.primitive.domains(len(operands))
    moved = away(operands, domains, use.active)
    yield nearby(moved, domains), 0, ELSEWHERE  # off the zeros that it has left


def _probes(use: Use) -> tuple[Sequence[Array], int]:
    """The operands to vary, of an elementwise primitive some entries; how often to vary them."""
    operands: Sequence[Array] = use.operands
    if use.primitive.kind == "elementwise":
        whole = np.broadcast_arrays(*operands)
        chosen = np.linspace(0, max(whole[0].size - 1, 0), PROBES).astype(np.intp)
        return [one.reshape(-1)[chosen] for one in whole] if whole[0].size else operands, 1
    few = max((operands[i].size for i in use.active), default=0) < PROBES
    return operands, 3 if few else 1


def _fault(
    use: Use,
    operands: Sequence[Array],
    what: str,
    index: int,
    found: Agreement,
    which: Graph | None = None,
) -> Fault:
    """A wrong derivative, at the entry where it is furthest off if that is one of elementwise."""
    output, entry = found.place
    shown = operands
    if use.primitive.kind == "elementwise" and not found.kink and which is None and output == 0:
        shown = [one[entry] for one in np.broadcast_arrays(*operands)]
    return Fault(_wrong(what, index, found), [np.asarray(one) for one in shown])


def _wrong(what: str, index: int, found: Agreement) -> str:
    if found.kink == found.worst:
        return (
            f"{what} by operand {index} lies outside of the slopes of the two sides of a kink: by "
            f"{found.kink:.2g} of them"
        )
    return (
        f"{what} by operand {index} is not that of its value: relative error {found.worst:.2g}, "
        f"Taylor order {found.order:.2g}"
    )


def _allowed(use: Use) -> float:
    return max(TOLERANCE, 10.0 * use.primitive.call.tolerance)


def wide(operands: Sequence[Array]) -> list[Array]:
    """The operands in double precision."""
    return [one.astype(np.float64) if is_float(one.dtype) else one for one in operands]
