"""What a certificate looks at: each function finds a fault of a rule at one use of it, or none.

They stand in the order in which a first fault is most telling. What costs more than a glance is
left out where the primitive itself takes long (``Looked.spent``).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from optserve.errors import ShapeError
from optserve.graph.aval import Array, aval_of, broadcast_shapes, is_float
from optserve.graph.interpret import interpret
from optserve.graph.primitive import Value
from optserve.jobs.evidence.rules.looks import Fault, Found, Looked
from optserve.jobs.evidence.rules.rightness import (
    right,
    right_elsewhere,
    right_exactly,
    right_twice,
    wide,
)
from optserve.jobs.evidence.rules.uses import Use
from optserve.primitives.tracing import body_of
from optserve.transforms.derivative_check import equation_graph, pullback_graph
from optserve.transforms.probe_points import nearby
from optserve.transforms.promises import (
    changing,
    combined,
    departure,
    linearity,
    mutated,
    pulled,
)
from optserve.transforms.reverse import value_and_pull

__all__ = ["faults_of", "right_at"]

ROUNDING = 4096
"""How many units of rounding two computations of the same may be apart."""

SINGLE = 0.02
"""The largest relative difference of a derivative in single precision from that in double."""


def faults_of(use: Use, looked: Looked) -> Iterator[Fault]:
    """The faults of a rule at one use of it, as they are found."""
    for check in _CHECKS:
        with np.errstate(all="ignore"):
            what = check(use, looked)
        if isinstance(what, Fault):
            yield what
        elif what:
            yield Fault(what, use.operands)


def right_at(use: Use, looked: Looked) -> Iterator[Fault]:
    """Whether the derivative is right at exactly the operands of one more use of a kind."""
    with np.errstate(all="ignore"):
        fault = None if looked.spent else right_exactly(use, looked)
    if isinstance(fault, Fault):
        yield fault


def _well_typed(use: Use, looked: Looked) -> Found:
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
    back = pull(cotangents, False)
    if len(back) != len(use.operands):
        return f"its rule gives {len(back)} cotangents for {len(use.operands)} operands"
    for index in use.active:
        failure = _well_typed_cotangent(index, back[index], use.operands[index])
        if failure:
            return failure
    return None


def _well_typed_cotangent(index: int, cotangent: Any, operand: Array) -> str:
    if cotangent is None or isinstance(cotangent, int | float):
        return ""
    found, wanted = aval_of(cotangent), aval_of(operand)
    # A number in a rule is double on arrays, and takes the precision of the job when recorded.
    if not is_float(found.dtype) or found.dtype.itemsize < wanted.dtype.itemsize:
        return f"the cotangent of operand {index} is {found}, the operand {wanted}"
    try:
        broadcast_shapes(found.shape, wanted.shape)
    except ShapeError:
        return f"the cotangent of operand {index} is {found}, the operand {wanted}"
    return ""


def _pure(use: Use, looked: Looked) -> Found:
    changed = mutated(use.graph, use.operands)
    return f"it changes what it is given in place: {', '.join(changed)}" if changed else None


def _linear(use: Use, looked: Looked) -> Found:
    if not use.finite:
        return None  # what is not finite has no size to compare with; the descent will tell
    off = linearity(use.graph, use.operands)
    if off <= max(_rounding(use), use.primitive.call.tolerance):
        return None
    return f"its pullback is not linear in the cotangent: relative departure {off:.2g}"


def _repeatable(use: Use, looked: Looked) -> Found:
    if looked.spent:
        return None
    domains = use.primitive.domains(len(use.operands))
    others = [
        moved.astype(operand.dtype)
        for moved, operand in zip(
            nearby(use.operands, domains, seed=1, spread=0.1), use.operands, strict=True
        )
    ]
    off = changing(use.graph, use.operands, others)
    if off <= use.primitive.call.tolerance:
        return None
    return (
        f"at the same operands it gives other numbers than before: relative difference {off:.2g}; "
        "what is noisy declares a tolerance"
    )


def _in_blocks(use: Use, looked: Looked) -> Found:
    """Two blocks of rows combine to the whole as its axis rule says."""
    axes, carried = use.primitive.axes, use.carried
    if axes is None or all(axis is None for axis in carried) or looked.spent:
        return None
    avals = [atom.aval for atom in use.equation.operands]
    answered = axes(carried, *avals, **use.equation.attributes)
    answers = answered if isinstance(answered, tuple) else (answered,)
    attributes = use.equation.attributes
    if any(x.shape[a] < 2 for x, a in zip(use.operands, carried, strict=True) if a is not None):
        return None
    for _, answer, joined, whole in combined(
        use.primitive, use.operands, attributes, carried, answers
    ):
        off = np.inf if joined.shape != whole.shape else departure([joined], [whole])
        if off > max(1e3 * _rounding(use), use.primitive.call.tolerance):
            return (
                f"two blocks of rows do not combine to the whole as its axis rule says ({answer}): "
                f"relative difference {off:.2g}"
            )
    return None


def _recorded(use: Use, looked: Looked) -> Found:
    """What the job runs, a recorded rule on a backend, gives what the rule gives on arrays."""
    rng = np.random.default_rng(0)
    values = interpret(use.graph, *use.operands)
    cts = [
        rng.standard_normal(np.shape(value)).astype(atom.aval.dtype)
        for value, atom in zip(values, use.graph.outputs, strict=True)
        if is_float(atom.aval.dtype)
    ]
    expected = [*values, *pulled(use.graph, use.operands, cts)]
    avals = [atom.aval for atom in use.equation.operands]
    graph = equation_graph(use.primitive, avals, use.equation.attributes)
    recorded = pullback_graph(graph, values=True)
    arguments = [*use.operands, *cts]
    limit = max(1e3 * _rounding(use), use.primitive.call.tolerance)
    if (off := departure(interpret(recorded, *arguments), expected)) > limit:
        return (
            f"recorded, its rule gives other numbers than on arrays: relative difference {off:.2g}"
        )
    if (off := _from_body(use, values)) > limit:
        return f"its value is not that of its body: relative difference {off:.2g}"
    if looked.backend is not None and not looked.spent:
        found = looked.backend.compile(recorded)(*arguments)
        if (off := departure(found, expected)) > limit:
            name = looked.backend.name
            return f"on {name} its rule gives other numbers: relative difference {off:.2g}"
    return None


def _from_body(use: Use, values: Sequence[Value]) -> float:
    """How far the value is from that of the body, of which code for backends is made."""
    body = use.primitive.body
    if body is None or body is use.primitive.impl:
        return 0.0
    traced = body_of(use.primitive, list(map(aval_of, use.operands)), use.attributes)
    return departure(interpret(traced.graph, *use.operands, *traced.captured), values)


def _single(use: Use, looked: Looked) -> Found:
    """In single precision it gives about what it gives in double precision, beside the start."""
    if all(operand.dtype != np.float32 for operand in use.operands) or not use.finite:
        return None
    rng = np.random.default_rng(0)
    domains = use.primitive.domains(len(use.operands))
    moved = nearby(use.operands, domains)  # at a threshold the two may choose otherwise
    single = [one.astype(x.dtype) for one, x in zip(moved, use.operands, strict=True)]
    double = wide(single)
    graph = equation_graph(use.primitive, double, use.attributes)
    values = interpret(graph, *double)
    cts = [rng.standard_normal(np.shape(one)).astype(np.float32) for one in values]
    cts = [ct for ct, atom in zip(cts, graph.outputs, strict=True) if is_float(atom.aval.dtype)]
    back = pulled(graph, double, [ct.astype(np.float64) for ct in cts])
    narrow = pulled(use.graph, single, cts)
    off = departure(interpret(use.graph, *single), values)
    off = max(off, departure([one.astype(np.float64) for one in narrow], back))
    if off <= max(SINGLE, use.primitive.call.tolerance):
        return None
    return f"in single precision it gives other numbers: relative difference {off:.2g}"


def _rounding(use: Use) -> float:
    dtypes = [one.dtype for one in use.operands if is_float(one.dtype)]
    return ROUNDING * max((float(np.finfo(dtype).eps) for dtype in dtypes), default=0.0)


_CHECKS: tuple[Callable[[Use, Looked], Found], ...] = (
    _well_typed,
    _pure,
    _linear,
    _repeatable,
    _in_blocks,
    right,
    right_exactly,
    _recorded,
    right_elsewhere,
    right_twice,
    _single,
)
