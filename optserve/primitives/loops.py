"""Control flow: ``scan``, a loop that carries a value, and ``cond``, a choice between functions.

Both take Python functions, trace them into graphs and stand in a graph as one equation each. What
the functions close over becomes operands.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from optserve.errors import ShapeError
from optserve.graph.aval import Aval, Shape, aval_of, is_traced
from optserve.graph.dim import Size
from optserve.graph.graph import Graph, Var
from optserve.graph.interpret import interpret
from optserve.graph.primitive import ArrayFunction, Calling, Primitive, Value
from optserve.graph.trace import TracedFunction, Tracer
from optserve.graph.trees import form_of, leaves, rebuilt
from optserve.primitives.shaping import cast
from optserve.primitives.tracing import trace

__all__ = ["cond", "cond_primitive", "fori_loop", "leaves", "rebuilt", "scan", "scan_primitive"]


Evaluate = Callable[..., tuple[Value, ...]]
"""Evaluates a body: ``interpret``, or what a backend has compiled in its place."""


def _run_scan(
    *operands: Value,
    body: Graph,
    carries: int,
    scanned: int,
    length: int,
    backward: bool,
    evaluate: Evaluate = interpret,
) -> Value:
    carry = list(operands[:carries])
    xs = operands[carries : carries + scanned]
    constants = operands[carries + scanned :]
    stacked: list[list[Value]] = [[] for _ in body.outputs[carries:]]
    order = range(length - 1, -1, -1) if backward else range(length)
    for i in order:
        out = evaluate(body, *carry, *(x[i] for x in xs), *constants)
        carry = list(out[:carries])
        for values, value in zip(stacked, out[carries:], strict=True):
            values.append(value)
    results = carry
    for values, atom in zip(stacked, body.outputs[carries:], strict=True):
        if values:
            results.append(np.stack(values[::-1] if backward else values))
        else:
            results.append(np.zeros((0, *_numbers(atom.aval.shape)), atom.aval.dtype))
    return tuple(results) if len(results) > 1 else results[0]


def _numbers(shape: Shape) -> tuple[int, ...]:
    return tuple(size for size in shape if isinstance(size, int))


def _scan_shape(
    *avals: Aval, body: Graph, carries: int, scanned: int, length: Size, backward: bool
) -> tuple[Aval, ...]:
    del avals, scanned, backward
    outputs = [atom.aval for atom in body.outputs]
    stacked = [Aval((length, *aval.shape), aval.dtype) for aval in outputs[carries:]]
    return (*outputs[:carries], *stacked)


scan_primitive = Primitive(
    name="scan",
    kind="control",
    impl=_run_scan,
    shape=_scan_shape,
    call=Calling(promotes=False),
    doc="A loop that carries a value; call it as scan(step, init, xs).",
)


def scan(step: ArrayFunction, init: Value, xs: Value, backward: bool = False) -> Value:
    """Fold ``step`` over the leading axis of ``xs``; returns (final carry, stacked outputs).

    ``step(carry, x) -> (carry, output)`` is called for ``x = xs[0], xs[1], ...`` (from the end with
    ``backward``). ``init`` and ``xs`` are arrays or trees of arrays (tuples, of tuples); the carry
    keeps its tree, and each array its shape and dtype.

    >>> import numpy as np
    >>> final, path = scan(lambda s, x: (s + x, s), 0.0, np.array([1.0, 2.0, 3.0]))
    >>> float(final), path.tolist()
    (6.0, [0.0, 1.0, 3.0])
    """
    carry, sequences = _numbers_of(init), _numbers_of(xs)
    length = _length(sequences)
    traced, output = _traced_step(step, init, xs, [*carry, *sequences])
    wanted = [atom.aval for atom in traced.graph.outputs[: len(carry)]]
    if [aval_of(value) for value in carry] != wanted:  # ints and literals take the carry's dtype
        carry = [_as(value, aval) for value, aval in zip(carry, wanted, strict=True)]
        traced, output = _traced_step(step, init, xs, [*carry, *sequences])
    for value, atom in zip(carry, traced.graph.outputs, strict=False):
        if aval_of(value) != atom.aval:
            raise ShapeError(
                f"scan: the carry begins as {aval_of(value)} and becomes {atom.aval}",
                expected="a step that returns a carry of the shape and dtype it was given",
            )
    results = scan_primitive.bind(
        *carry,
        *sequences,
        *traced.captured,
        body=traced.graph,
        carries=len(carry),
        scanned=len(sequences),
        length=length,
        backward=backward,
    )
    results = results if isinstance(results, tuple) else (results,)
    return rebuilt(init, results[: len(carry)]), rebuilt(output, results[len(carry) :])


def _traced_step(
    step: ArrayFunction, init: Value, xs: Value, operands: Sequence[Value]
) -> tuple[TracedFunction, Value]:
    """The step as a graph, and its output as a tree."""
    carries = len(leaves(init))
    output: list[Value] = []

    def flat(*values: Value) -> list[Value]:
        returned = step(rebuilt(init, values[:carries]), rebuilt(xs, values[carries:]))
        if not isinstance(returned, tuple | list) or len(returned) != 2:
            raise ShapeError(
                "scan: the step must return two values", expected="(next carry, output)"
            )
        following = leaves(returned[0])
        if form_of(returned[0]) != form_of(init):
            raise ShapeError(
                f"scan: the step returns a carry of {len(following)} values, expected {carries}",
                expected="a carry of the tree that it was given",
            )
        output.append(returned[1])
        return [*following, *leaves(returned[1])]

    avals = [aval_of(value) for value in operands]
    slices = [*avals[:carries], *(Aval(aval.shape[1:], aval.dtype) for aval in avals[carries:])]
    return _traced_like(flat, slices, operands), output[-1]


def _traced_like(
    function: ArrayFunction, avals: Sequence[Aval], operands: Sequence[Value]
) -> TracedFunction:
    """``function`` as a graph, in the precision of the operands' trace."""
    traces = [operand.trace for operand in operands if isinstance(operand, Tracer)]
    if not traces:
        return trace(function, *avals)
    outer = max(traces, key=lambda entry: entry.serial)
    return trace(function, *avals, precision=outer.precision, rewrites=outer.rewrites)


def _numbers_of(tree: Value) -> list[Value]:
    return [_number(entry) for entry in leaves(tree)]


def _number(value: Value) -> Value:
    return value if is_traced(value) else np.asarray(value)


def _as(value: Value, aval: Aval) -> Value:
    if value.dtype == aval.dtype or (value.dtype.kind == "f" and aval.dtype.kind != "f"):
        return value
    return cast(value, dtype=aval.dtype)


def _length(sequences: Sequence[Value]) -> Size:
    lengths: set[Size] = {np.shape(x)[0] for x in sequences if np.ndim(x)}
    if len(lengths) != 1 or not all(np.ndim(x) for x in sequences):
        shapes = " and ".join(str(np.shape(x)) for x in sequences)
        raise ShapeError(f"scan: sequences of shapes {shapes}", expected="one leading length")
    return lengths.pop()


def _run_cond(
    condition: Value,
    *operands: Value,
    if_true: Graph,
    if_false: Graph,
    evaluate: Evaluate = interpret,
) -> Value:
    out = evaluate(if_true if condition else if_false, *operands)
    return out if len(out) > 1 else out[0]


cond_primitive = Primitive(
    name="cond",
    kind="control",
    impl=_run_cond,
    shape=lambda condition, *avals, if_true, if_false: tuple(a.aval for a in if_true.outputs),
    call=Calling(promotes=False),
    doc="A choice between two functions; call it as cond(condition, if_true, if_false, x).",
)


def cond(
    condition: Value, if_true: ArrayFunction, if_false: ArrayFunction, *operands: Value
) -> Value:
    """``if_true(*operands)`` where the scalar condition holds, else ``if_false(*operands)``.

    Only the chosen function is evaluated. Both return the same shapes and dtypes; operands and
    results may be trees.

    >>> float(cond(True, lambda x: x + 1.0, lambda x: x * 0.0, 2.0))
    3.0
    """
    values = _numbers_of(operands)
    chosen = _number(condition)
    if np.shape(chosen) != () or chosen.dtype.kind != "b":
        raise ShapeError(
            f"cond: the condition is {aval_of(chosen)}",
            expected="one truth value",
            remedy="use where(condition, x, y) to choose entry by entry",
        )
    avals = [aval_of(value) for value in values]
    results: list[Value] = []

    def flat(function: ArrayFunction) -> ArrayFunction:
        def called(*given: Value) -> list[Value]:
            results.append(function(*rebuilt(operands, given)))
            return leaves(results[-1])

        return called

    yes, no = (
        _traced_like(flat(branch), avals, [chosen, *values]) for branch in (if_true, if_false)
    )
    found = [[atom.aval for atom in traced.graph.outputs] for traced in (yes, no)]
    if found[0] != found[1] or form_of(results[0]) != form_of(results[1]):
        raise ShapeError(
            f"cond: one branch gives {found[0]} and the other {found[1]}",
            expected="the same shapes and dtypes from both",
        )
    count = len(values)
    ours = list(yes.graph.inputs[count:])
    theirs = list(no.graph.inputs[count:])
    out = cond_primitive.bind(
        chosen,
        *values,
        *yes.captured,
        *no.captured,
        if_true=_with_inputs(yes.graph, [*yes.graph.inputs, *map(_copy, theirs)]),
        if_false=_with_inputs(no.graph, [*no.graph.inputs[:count], *map(_copy, ours), *theirs]),
    )
    return rebuilt(results[0], out if isinstance(out, tuple) else [out])


def fori_loop(lower: int, upper: int, step: ArrayFunction, init: Value) -> Value:
    """``init`` after ``init = step(i, init)`` for each i from ``lower`` to below ``upper``.

    The carry is a tree that keeps its shapes and dtypes.

    >>> float(fori_loop(0, 3, lambda i, total: total + i, 10.0))
    13.0
    """
    numbers = np.arange(lower, upper)
    return scan(lambda carry, number: (step(number, carry), ()), init, numbers)[0]


def _copy(variable: Var) -> Var:
    return Var(variable.aval)


def _with_inputs(graph: Graph, inputs: Sequence[Var]) -> Graph:
    return Graph(tuple(inputs), graph.equations, graph.outputs)
