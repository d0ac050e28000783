"""The law of ``vmap``: of many values at once a primitive gives each what it gives it alone."""

from __future__ import annotations

import itertools

import numpy as np

from optserve.graph.aval import Array, aval_of, is_float
from optserve.graph.interpret import interpret
from optserve.primitives.tracing import trace, verify
from optserve.testing.cases import Case, compare
from optserve.transforms.vmap import vmap

__all__ = ["many"]

COUNT = 3
"""How many values; of the examples' sizes, so that one axis may be taken for another."""

ROUNDING = 2.0**12
"""Units in the last place by which two computations of one value may differ."""


def many(case: Case) -> None:
    """Applied to many values at once it gives each of them what it gives it alone."""
    for given in (case, case.cast(np.float32)):
        drawn = [_drawn(given, index) for index in range(len(given.operands))]
        for carried in itertools.product((False, True), repeat=len(drawn)):
            if any(carried):
                _check(given, drawn, carried)


def _drawn(case: Case, index: int) -> list[Array]:
    """Several values of an operand."""
    own = case.operands[index]
    domain = (case.domains or case.primitive.domains(len(case.operands)))[index]
    rng = np.random.default_rng(index)
    more = (domain.sample(rng, own.shape, np.dtype(np.float64)) for _ in range(COUNT - 1))
    return [own, *(np.asarray(one).astype(own.dtype) for one in more)]


def _check(case: Case, drawn: list[list[Array]], carried: tuple[bool, ...]) -> None:
    entries = [
        [x[k] if flag else x[0] for x, flag in zip(drawn, carried, strict=True)]
        for k in range(COUNT)
    ]
    given = [np.stack(x) if flag else x[0] for x, flag in zip(drawn, carried, strict=True)]
    avals = [aval_of(x) for x in given]
    graph = trace(lambda *xs: vmap(case.graph, xs, carried, COUNT)[0], *avals).graph
    with np.errstate(all="ignore"):
        alone = [interpret(case.graph, *one) for one in entries]
        found = interpret(verify(graph), *given)
    for have, want in zip(found, map(np.stack, zip(*alone, strict=True)), strict=True):
        rounding = ROUNDING * float(np.finfo(want.dtype).eps) if is_float(want.dtype) else 0.0
        compare(
            case,
            "applied to many values at once it gives them something else than alone "
            f"(operands with one more axis: {carried})",
            have,
            want,
            tolerance=max(rounding, case.primitive.call.tolerance),
            remedy="mend the fact `batched`, or leave it out; of what is `aligned`, the axis rule",
        )
