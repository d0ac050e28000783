"""The law of the axis rule: what a primitive says of rows holds for any two blocks of them.

Every operand axis that can be the row axis of a table is made one, alone and together with others
of its size, by putting a named row count in its place. The shape rule then gives the same shape,
and the axis rule says what becomes of the rows: they stay apart, along an axis of the result, or
they are reduced. So the value at two blocks of rows must combine to the value at both.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from optserve.errors import DerivativeError, OptserveError
from optserve.graph.aval import Array, Aval, resolve_shape
from optserve.graph.axes import AxisAnswer, Mixed, Reduced
from optserve.graph.dim import Dim, Size
from optserve.graph.interpret import interpret
from optserve.primitives.tracing import result_avals, verify
from optserve.testing.cases import Case, compare, fail
from optserve.transforms.derivative_check import equation_graph, pullback_graph, pushforward_graph
from optserve.transforms.promises import combined

__all__ = ["row_assignments", "row_counts", "rows"]

ROWS = Dim.rows("rows")

Carried = tuple[int | None, ...]


def rows(case: Case) -> None:
    """Blocks of rows combine as its axis rule says; its shape rule accepts row counts."""
    for carried, avals, attributes in row_assignments(case):
        _check_shape(case, carried, avals, attributes)
        axes = case.primitive.axes
        if axes is None:
            continue
        answered = axes(carried, *avals, **attributes)
        answers = answered if isinstance(answered, tuple) else (answered,)
        for index, answer in enumerate(answers):
            _check_answer(case, carried, avals, attributes, index, answer)
        parts = combined(case.primitive, case.operands, attributes, carried, answers)
        for _, answer, joined, whole in parts:
            at = f"rows along {carried}, answered {answer}"
            compare(
                case,
                f"two blocks of rows do not combine to the whole ({at})",
                joined,
                whole,
                tolerance=max(1e-9, case.primitive.call.tolerance),
                remedy="mend the axis rule, or answer Mixed(reason)",
            )


def row_counts(case: Case) -> None:
    """Its rules can be recorded for any number of rows, in reverse and in forward mode."""
    for make in (pullback_graph, pushforward_graph):
        for _, avals, attributes in row_assignments(case):
            try:
                graphs = (make(case.graph), make(equation_graph(case.primitive, avals, attributes)))
            except DerivativeError:
                return  # there is no such rule; whether there may be none is another law's
            fixed, any_rows = map(verify, graphs)
            arguments = [*case.operands]
            for variable in fixed.inputs[len(arguments) :]:
                arguments.append(
                    np.ones(resolve_shape(variable.aval.shape, {}), variable.aval.dtype)
                )
            with np.errstate(all="ignore"):
                expected = interpret(fixed, *arguments)
                found = interpret(any_rows, *arguments)
            for have, want in zip(found, expected, strict=True):
                compare(
                    case,
                    "its rule gives something else where a size is a row count",
                    have,
                    want,
                    tolerance=1e-9,
                    remedy="compute sizes with + - * //, which work on row counts too",
                )


def row_assignments(case: Case) -> Iterator[tuple[Carried, list[Aval], dict[str, Any]]]:
    """Every way to make axes of the operands the rows: (axis of each operand, avals, attributes).

    Attributes that hold sizes (the shape of a reshape) get the row count in their place.
    """
    choices = [(None, *range(axes)) for axes in _free_axes(case)]
    for carried in itertools.product(*choices):
        sizes = {x.shape[a] for x, a in zip(case.operands, carried, strict=True) if a is not None}
        if len(sizes) != 1 or sizes & {0, 1}:
            continue
        [count] = sizes
        avals = [_with_rows(x, axis) for x, axis in zip(case.operands, carried, strict=True)]
        for attributes in _with_row_counts(case.attributes, count):
            if _fits(case, avals, attributes):
                yield carried, avals, attributes
                break


def _free_axes(case: Case) -> Iterator[int]:
    """How many axes of each operand may be rows: not those of a matrix or vector of a structure."""
    domains = case.domains or case.primitive.domains(len(case.operands))
    for operand, domain in zip(case.operands, domains, strict=True):
        held = 0 if domain.structure is None else domain.structure.axes
        yield max(operand.ndim - held, 0)


def _with_rows(x: Array, axis: int | None) -> Aval:
    shape: tuple[Size, ...] = x.shape
    if axis is not None:
        shape = (*shape[:axis], ROWS, *shape[axis + 1 :])
    return Aval(shape, x.dtype)


def _with_row_counts(attributes: Mapping[str, Any], count: int) -> Iterator[dict[str, Any]]:
    """The attributes as they are, then with each size that is a multiple of ``count`` in turn
    written as a multiple of the row count."""
    yield dict(attributes)
    for key, value in attributes.items():
        for replaced in _replaced(value, count):
            yield {**attributes, key: replaced}


def _replaced(value: Any, count: int) -> Iterator[Any]:
    if isinstance(value, tuple):
        for i, entry in enumerate(value):
            for inner in _replaced(entry, count):
                yield (*value[:i], inner, *value[i + 1 :])
    elif isinstance(value, int) and not isinstance(value, bool) and value and value % count == 0:
        yield value // count * ROWS


def _fits(case: Case, avals: Sequence[Aval], attributes: Mapping[str, Any]) -> bool:
    """Whether these are operands that a loss could have: the shape rule accepts them."""
    try:
        result_avals(case.primitive, avals, attributes)
    except (OptserveError, TypeError):
        return False
    return True


def _check_shape(
    case: Case, carried: Carried, avals: Sequence[Aval], attributes: Mapping[str, Any]
) -> None:
    count = _count(case, carried)
    symbolic = result_avals(case.primitive, avals, attributes)
    found = tuple(resolve_shape(aval.shape, {"rows": count}) for aval in symbolic)
    expected = tuple(np.shape(out) for out in case.evaluate())
    if found != expected:
        fail(
            case.primitive.name,
            "with a row count in it, its shape rule gives another shape",
            at=f"{case}, rows along {carried}",
            found=f"{found} in place of {expected}",
            remedy="compute sizes with + - * //, which work on row counts too",
        )


def _check_answer(
    case: Case,
    carried: Carried,
    avals: Sequence[Aval],
    attributes: Mapping[str, Any],
    index: int,
    answer: AxisAnswer,
) -> None:
    if isinstance(answer, Mixed):
        return
    at = f"rows along {carried}, answered {answer}"
    aval = result_avals(case.primitive, avals, attributes)[index]
    holds = [axis for axis, size in enumerate(aval.shape) if isinstance(size, Dim)]
    if holds != ([] if isinstance(answer, Reduced) else [answer]):
        fail(
            case.primitive.name,
            "its axis rule contradicts its shape rule",
            at=f"{case}, {at}",
            found=f"the result is {aval}",
            remedy="answer the axis of the result that has the row count, Reduced or Mixed",
        )


def _count(case: Case, carried: Carried) -> int:
    pairs = zip(case.operands, carried, strict=True)
    return next(int(np.shape(x)[axis]) for x, axis in pairs if axis is not None)
