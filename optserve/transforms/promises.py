"""What a primitive promises beside its derivative, measured without a verdict.

Its pullback is linear, nothing is changed in place, the same operands give the same numbers
whatever was computed between, a recorded rule gives what the rule itself gives, and blocks of rows
combine as the axis rule says.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from optserve.graph.aval import Array, aval_of, is_float
from optserve.graph.axes import AxisAnswer, Reduced
from optserve.graph.graph import Graph
from optserve.graph.interpret import resolved
from optserve.graph.primitive import Primitive, Value
from optserve.primitives.map_reduce import COMBINE
from optserve.transforms.derivative_check import floating_inputs
from optserve.transforms.reverse import vjp

__all__ = ["changing", "combined", "departure", "linearity", "mutated", "pulled"]

SCALES = (1.0, 2.0**40, 2.0**-40)
"""Sizes of cotangents at which a pullback is looked at: a loss may be in any unit."""


def linearity(graph: Graph, arguments: Sequence[Array], *, seed: int = 0) -> float:
    """How far the pullback of ``graph`` is from linear in the cotangents, relative to its size.

    Large and small ones are tried too, which a rule may have clipped or dropped.
    """
    rng = np.random.default_rng(seed)
    with np.errstate(all="ignore"):
        outputs, pullback = vjp(graph, arguments, floating_inputs(graph))
        first, second = _cotangents(outputs, rng), _cotangents(outputs, rng)
        a, b = 0.75, -1.5  # exact in every floating dtype
        both = [
            None if x is None or y is None else a * x + b * y
            for x, y in zip(first, second, strict=True)
        ]
        at_first = pullback(first, False)
        worst = _departure(at_first, pullback(second, False), pullback(both, False), a, b)
        for scale in SCALES[1:]:
            scaled = [None if ct is None else ct * ct.dtype.type(scale) for ct in first]
            found = pullback(scaled, False)
            back = [None if ct is None else ct / scale for ct in found]
            worst = max(worst, _departure(at_first, at_first, back, 1.0, 0.0))
    return worst


def _departure(
    first: Sequence[Value], second: Sequence[Value], both: Sequence[Value], a: float, b: float
) -> float:
    worst = 0.0
    for x, y, z in zip(first, second, both, strict=True):
        if x is None or y is None or z is None:
            worst = worst if x is y is z else np.inf
            continue
        expected = a * x + b * y
        known = np.isfinite(expected)  # where a derivative is infinite, nothing is left to compare
        size = np.max(np.where(known, np.abs(a * x) + np.abs(b * y), 0.0), initial=0.0)
        gap = np.max(np.where(known, np.abs(z - expected), 0.0), initial=0.0)
        worst = max(worst, _relative(gap, size))
    return worst


def _relative(gap: Any, size: Any) -> float:
    if np.isnan(gap):
        return np.inf
    return float(gap) / float(size) if gap and size else float(gap)


def mutated(graph: Graph, arguments: Sequence[Array], *, seed: int = 0) -> list[str]:
    """What evaluating ``graph`` and pulling back through it changed; nothing, where all is well."""
    rng = np.random.default_rng(seed)
    operands = [np.array(argument) for argument in arguments]
    with np.errstate(all="ignore"):
        watched = {f"operand {i}": operand for i, operand in enumerate(operands)}
        before = {name: value.tobytes() for name, value in watched.items()}
        outputs, pullback = vjp(graph, operands, floating_inputs(graph))
        by_value = [name for name, value in watched.items() if value.tobytes() != before[name]]
        cts = _cotangents(outputs, rng)
        watched |= {f"result {i}": np.asarray(out) for i, out in enumerate(outputs)}
        watched |= {f"cotangent {i}": ct for i, ct in enumerate(cts) if ct is not None}
        before = {name: value.tobytes() for name, value in watched.items()}
        pullback(cts, False)
        by_rule = [name for name, value in watched.items() if value.tobytes() != before[name]]
    return [*(f"{name} by the value" for name in by_value), *(f"{n} by the rule" for n in by_rule)]


def changing(
    graph: Graph, arguments: Sequence[Array], others: Sequence[Array], *, seed: int = 0
) -> float:
    """How far values and pullback at ``arguments`` depend on what was computed before.

    They are compared with those after an evaluation at ``others``; relative to their size.
    """
    rng = np.random.default_rng(seed)
    with np.errstate(all="ignore"):
        outputs, pullback = vjp(graph, arguments, floating_inputs(graph))
        before, cts = [np.array(out) for out in outputs], _cotangents(outputs, rng)
        first = [None if ct is None else np.array(ct) for ct in pullback(cts, False)]
        for between in (arguments, others):
            again, pull_again = vjp(graph, between, floating_inputs(graph))
            pull_again(_cotangents(again, rng), False)
        second = pullback(cts, False)
        kept = departure(outputs, before)  # not in a buffer that the next call uses again
        after, _ = vjp(graph, arguments, ())
    return max(kept, departure(before, after), departure(first, second))


def departure(found: Sequence[Value], expected: Sequence[Value]) -> float:
    """The largest difference of two lists of arrays, relative to the largest entry of each.

    What is not finite in both takes no part; a ``None`` stands for zeros.
    """
    worst = 0.0
    for have, want in zip(found, expected, strict=True):
        if have is None and want is None:
            continue
        x, y = (np.zeros(()) if one is None else np.asarray(one) for one in (have, want))
        if x.dtype.kind != "f" or y.dtype.kind != "f":
            worst = worst if np.array_equal(x, y) else np.inf
            continue
        with np.errstate(all="ignore"):
            same = (x == y) | (np.isnan(x) & np.isnan(y))
            size = np.max(np.abs(y[np.isfinite(y)]), initial=0.0)
            gap = np.max(np.where(same, 0.0, np.abs(x - y)), initial=0.0)
        worst = max(worst, _relative(gap, size))
    return worst


def pulled(graph: Graph, arguments: Sequence[Array], cts: Sequence[Array]) -> list[Array]:
    """The cotangents of the floating inputs, computed on arrays; zeros where there is none.

    ``cts`` holds one for each floating output.
    """
    wrt = floating_inputs(graph)
    if not cts:
        return [np.zeros_like(arguments[i]) for i in wrt]
    remaining = iter(cts)
    with np.errstate(all="ignore"):
        _, pullback = vjp(graph, arguments, wrt)
        back = pullback(
            [next(remaining) if is_float(a.aval.dtype) else None for a in graph.outputs], False
        )
    return [
        np.zeros_like(arguments[i]) if ct is None else ct for i, ct in zip(wrt, back, strict=True)
    ]


def combined(
    primitive: Primitive,
    operands: Sequence[Array],
    attributes: Mapping[str, Any],
    carried: Sequence[int | None],
    answers: Sequence[AxisAnswer],
) -> Iterator[tuple[int, AxisAnswer, Array, Array]]:
    """For each result of which rows stay apart or are reduced: (its number, the answer, what two
    blocks of rows combine to, what it is of all rows).

    The blocks are two halves, in this order and in the other one, and one row and the others.
    ``attributes`` may hold the row count.
    """
    if not any(isinstance(answer, int | Reduced) for answer in answers):
        return
    pairs = zip(operands, carried, strict=True)
    count = next(int(np.shape(x)[axis]) for x, axis in pairs if axis is not None)

    def computed(rows: Array) -> Sequence[Value]:
        block = [
            x if axis is None else np.take(x, rows, axis)
            for x, axis in zip(operands, carried, strict=True)
        ]
        sizes = resolved(attributes, {"rows": len(rows)})
        with np.errstate(all="ignore"):
            out = primitive.impl(*map(np.array, block), **sizes)
        return out if isinstance(out, tuple) else (out,)

    half, rows = count // 2, np.arange(count)
    for order, split in ((rows, half), (rows, 1), (np.roll(rows, -half), count - half)):
        whole = computed(order)
        parts = [computed(order[:split]), computed(order[split:])]
        for index, answer in enumerate(answers):
            if not isinstance(answer, int | Reduced):
                continue
            first, second = (np.asarray(part[index]) for part in parts)
            with np.errstate(all="ignore"):
                if isinstance(answer, Reduced):
                    joined = np.asarray(COMBINE[answer.kind](first, second))
                else:
                    joined = np.concatenate([first, second], axis=answer)
            yield index, answer, joined, np.asarray(whole[index])


def _cotangents(outputs: Sequence[Array], rng: np.random.Generator) -> list[Array | None]:
    """Random cotangents of few bits, so that small multiples and sums of them are exact."""
    return [
        (rng.integers(-8, 9, np.shape(out)) / 8.0).astype(aval_of(out).dtype)
        if is_float(aval_of(out).dtype)
        else None
        for out in outputs
    ]
