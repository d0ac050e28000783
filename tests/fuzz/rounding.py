"""How much rounding may change the outputs of a graph: it is run again with errors put in.

Another order of a sum, a fused multiplication or another way to a logarithm changes last bits. What
that does to an output depends on the program: it may cancel, or decide a comparison. So each
operation that rounds is given errors of a few units in the last place, a few times over, and how
far the outputs go is how far those of a backend may be from ``interpret``.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from optserve.graph.aval import Array, is_float
from optserve.graph.graph import Atom, Equation, Graph, Literal, Var
from optserve.graph.interpret import bind_rows, resolved
from optserve.transforms.expand import expand

__all__ = ["difference"]

CLOSE = 16.0
"""Units in the last place of an output's largest entry that need no second look."""

ERROR = 4.0
"""Units in the last place by which a single operation may be off."""

RUNS = 5
ROOM = 8.0
"""How many times as far as those runs go an output may be off."""


def difference(
    graph: Graph, given: Sequence[Array], found: Sequence[Any], expected: Sequence[Any]
) -> tuple[int, str] | None:
    """The first output that differs from what ``interpret`` gives by more than rounding, and how.

    ``None`` where there is none.
    """
    far = [n for n, pair in enumerate(zip(found, expected, strict=True)) if not _close(*pair)]
    if not far:
        return None
    for number in far:
        have, want = np.asarray(found[number]), np.asarray(expected[number])
        if (have.shape, have.dtype) != (want.shape, want.dtype):
            return number, f"{have.dtype}{have.shape} in place of {want.dtype}{want.shape}"
    spread = _spread(graph, given, expected)
    for number in far:
        have, want = np.asarray(found[number]), np.asarray(expected[number])
        room = ROOM * np.max(spread[number][np.isfinite(spread[number])], initial=0.0) + _unit(want)
        off = (_apart(have, want) > room) & np.isfinite(spread[number])
        if off.any():
            entry = tuple(map(int, np.argwhere(off)[0]))
            return number, (
                f"{have[entry]!s} in place of {want[entry]!s}"
                f" at entry {entry} of {want.dtype}{want.shape},"
                f" {int(off.sum())} such; rounding explains {room:.1e}"
            )
    return None


def _close(found: Any, expected: Any) -> bool:
    have, want = np.asarray(found), np.asarray(expected)
    if (have.shape, have.dtype) != (want.shape, want.dtype):
        return False
    return bool(np.all(_apart(have, want) <= CLOSE * _unit(want)))


def _unit(want: Array) -> float:
    """The unit in the last place of the largest finite entry; of 0 for integers."""
    if not is_float(want.dtype):
        return 0.0
    largest = np.max(np.abs(want[np.isfinite(want)]), initial=0.0)
    return float(largest) * float(np.finfo(want.dtype).eps) + float(np.finfo(want.dtype).tiny)


def _apart(left: Array, right: Array) -> Array:
    """How far apart entries are: 0 where they are the same, infinities and NaN too."""
    with np.errstate(all="ignore"):
        gap = np.abs(left.astype(np.float64) - right.astype(np.float64))
    same = (left == right) | ((left != left) & (right != right))
    return np.asarray(np.where(same, 0.0, np.where(np.isnan(gap), np.inf, gap)))


def _spread(graph: Graph, given: Sequence[Array], expected: Sequence[Any]) -> list[Array]:
    """For each entry of each output how far it goes when every operation is off a little."""
    expanded = expand(graph, lambda primitive: primitive.kind == "composite")
    farthest = [np.zeros(np.shape(want)) for want in expected]
    with np.errstate(all="ignore"):
        for seed in range(RUNS):
            noisy = _evaluate(expanded, given, np.random.default_rng(seed))
            for far, want, value in zip(farthest, expected, noisy, strict=True):
                np.maximum(far, _apart(np.asarray(value), np.asarray(want)), out=far)
    return farthest


def _evaluate(graph: Graph, given: Sequence[Any], rng: np.random.Generator) -> tuple[Any, ...]:
    """``interpret`` with errors."""
    rows = bind_rows(graph.inputs, given)
    values: dict[Var, Any] = dict(zip(graph.inputs, given, strict=True))

    def read(atom: Atom) -> Any:
        return atom.value if isinstance(atom, Literal) else values[atom]

    for equation in graph.equations:
        operands = [read(atom) for atom in equation.operands]
        attributes = resolved(equation.attributes, rows)
        if equation.primitive.kind == "control":
            attributes["evaluate"] = lambda body, *inner: _evaluate(body, inner, rng)
        outcome = equation.primitive.impl(*operands, **attributes)
        outcomes = outcome if isinstance(outcome, tuple) else (outcome,)
        if equation.primitive.kind != "control":
            outcomes = tuple(_off(equation, operands, attributes, out, rng) for out in outcomes)
        values.update(zip(equation.results, outcomes, strict=True))
    return tuple(read(atom) for atom in graph.outputs)


def _off(
    equation: Equation, operands: Sequence[Any], attributes: Any, out: Any, rng: np.random.Generator
) -> Any:
    """``out`` with errors, except for what no arithmetic rounds: whole numbers and copies."""
    value = np.asarray(out)
    if not is_float(value.dtype) or not value.size:
        return out
    size = np.abs(value)
    if equation.primitive.kind == "linear":  # a sum is off by units of what it adds up
        magnitudes = [np.abs(x) if is_float(np.asarray(x).dtype) else x for x in operands]
        size = np.maximum(size, equation.primitive.impl(*magnitudes, **attributes))
    if equation.primitive.name in ("add", "subtract"):  # of what another kernel computes again
        size = np.maximum(size, np.abs(operands[0]) + np.abs(operands[1]))
    floats = [np.abs(np.ravel(x)) for x in operands if is_float(np.asarray(x).dtype)]
    exact = np.isin(np.abs(value), np.concatenate([*floats, np.zeros(0)]))
    if all(np.all(x == np.round(x)) for x in floats):
        exact = exact | (value == np.round(value))
    error = ERROR * np.finfo(value.dtype).eps * size * rng.uniform(-1.0, 1.0, value.shape)
    return np.where(exact | ~np.isfinite(value), value, value + error).astype(value.dtype)[()]
