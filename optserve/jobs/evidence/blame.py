"""Blame: which expression made a loss or its gradient not finite, with what, and what to do."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from optserve.errors import DataFailure, NumericalFailure, Place
from optserve.graph.aval import Array, Shape, aval_of, is_float
from optserve.graph.dim import Dim
from optserve.graph.graph import Equation, Graph
from optserve.graph.interpret import bind_rows, resolved
from optserve.graph.primitive import Primitive
from optserve.graph.streamed import Streamed
from optserve.jobs.evidence.direction_names import listed
from optserve.jobs.evidence.suspects import Suspect, Values, not_finite
from optserve.jobs.packing import Packing, entry_label
from optserve.jobs.problem import Problem
from optserve.jobs.reasons import Reason
from optserve.jobs.work import entries_of
from optserve.transforms.finite_sum import row_counts
from optserve.transforms.reverse import value_and_gradient_graph, value_and_pull

__all__ = ["Blame", "blame", "of_failure"]

_OVERFLOW = "the numbers grow too large: take shorter steps, scale the data, or give bounds"

LARGEST_HELD = 2**25
"""Entries of all values together that are held at once; beyond, blocks of rows are looked at."""


@dataclass(frozen=True)
class Blame:
    """What was not finite, why, where it was written, and what to do about it.

    ``what`` tells the loss from its derivatives. ``operands`` are the ranges of what the primitive
    was given; ``provider`` is the plugin that it comes from, if any.
    """

    message: str
    primitive: str = ""
    place: Place | None = None
    operands: tuple[str, ...] = ()
    remedy: str = ""
    provider: str = ""
    what: str = Reason.non_finite.value


def blame(problem: Problem, packing: Packing, point: Array) -> Blame:
    """Who is to blame that the loss, or its gradient, is not finite at ``point`` (p,)."""
    names = [segment.parameter.name for segment in packing.segments]
    values = list(packing.natural(point).values())
    for name, value in zip(names, values, strict=True):
        if not_finite(value).any():
            return Blame(
                f"the parameter {name} left the range of {packing.dtype}: {_range(value)}",
                remedy="take shorter steps, or give bounds",
            )
    try:
        return _walked_back(problem, packing, values)
    except NumericalFailure as failure:
        return of_failure(failure)


def of_failure(failure: NumericalFailure | DataFailure) -> Blame:
    """Blame for what could not be computed, or not be read: neither has a NaN to go on with."""
    what = Reason.data if isinstance(failure, DataFailure) else Reason.non_finite
    return Blame(failure.message, place=failure.place, remedy=failure.remedy, what=what.value)


def _walked_back(problem: Problem, packing: Packing, values: Sequence[Array]) -> Blame:
    arguments = [*values, *problem.objective.arrays]
    graph = replace(problem.objective.graph, outputs=problem.objective.graph.outputs[:1])
    objective = problem.objective
    maximized = objective.kind == "log_likelihood" and not objective.penalties | objective.priors
    name, sign = ("the log likelihood", -1.0) if maximized else ("the loss", 1.0)
    for part in _blocks(graph, arguments):
        made = Values(graph, part)
        suspect = made.suspect(0)
        if suspect is not None:
            return replace(_of_value(problem, suspect), what=f"{name} is not finite")
        found = _in_derivative(problem, packing, graph, part, made)
        if found is not None:
            whole = made.rows == bind_rows(graph.inputs, arguments)
            value = f" ({sign * float(made.read(graph.outputs[0])):.6g})" if whole else ""
            return replace(found, what=f"{name} is finite{value}, {found.what}")
    return Blame("sums over all rows overflow", remedy="scale the data, or take means")


def _in_derivative(
    problem: Problem, packing: Packing, graph: Graph, arguments: Sequence[Array], made: Values
) -> Blame | None:
    """Blame for a gradient that is not finite although the loss is; ``what`` says by what."""
    wrt = [index for index, segment in enumerate(packing.segments) if segment.count]
    derived = value_and_gradient_graph(graph, wrt)
    back = Values(derived, arguments)
    labels: list[str] = []
    first: Suspect | None = None
    for output, index in enumerate(wrt, 1):
        parameter = packing.segments[index].parameter
        bad = not_finite(back.read(derived.outputs[output])) & ~parameter.fixed
        positions = np.flatnonzero(bad).tolist()
        labels += [entry_label(parameter.name, parameter.shape, one) for one in positions]
        if positions and first is None:
            first = back.suspect(output)
    if first is None:
        return None
    many = len(labels) > 1
    what = f"its derivative{'s' if many else ''} by {listed(labels)} {'are' if many else 'is'} not"
    return replace(_of_derivative(problem, first, made), what=what)


def _of_value(problem: Problem, suspect: Suspect) -> Blame:
    equation = suspect.equation
    if equation is None:
        what, remedy = "a number in the loss", "write a smaller number"
        if suspect.input is not None:
            what = f"the data {problem.objective.graph.inputs[suspect.input].name}"
            remedy = "leave such rows out"
        message = f"{what} is not finite: {_bad(suspect.results)}"
        return Blame(message, place=suspect.place, remedy=remedy)
    primitive = equation.primitive
    name, provider = primitive.name, _provider(problem, primitive)
    return Blame(
        message=f"{name}{f' of {provider}' if provider else ''} gave {_bad(suspect.results)}",
        primitive=name,
        place=equation.place,
        operands=tuple(map(_range, suspect.operands)),
        remedy=_remedy(primitive, suspect.operands),
        provider=provider,
    )


def _of_derivative(problem: Problem, suspect: Suspect, made: Values) -> Blame:
    """The derivative of what was written at the place of the suspect."""
    place = None if suspect.equation is None else suspect.equation.place
    written = [one for one in made.graph.equations if place is not None and one.place == place]
    if not written:
        return replace(_of_value(problem, suspect), message="the gradient is not finite")
    equation = _likeliest(written, made)
    primitive = equation.primitive
    name, provider = primitive.name, _provider(problem, primitive)
    operands = tuple(np.asarray(operand) for operand in made.operands(equation))
    return Blame(
        message=f"the derivative of {name}{f' of {provider}' if provider else ''} is "
        + _bad(suspect.results),
        primitive=name,
        place=place,
        operands=tuple(map(_range, operands)),
        remedy=_OVERFLOW if _large(operands) else primitive.facts.derivative_remedy,
        provider=provider,
    )


def _likeliest(written: Sequence[Equation], made: Values) -> Equation:
    """Of several equations of one place the one whose own derivative is not finite."""
    for equation in written:
        operands = made.operands(equation)
        if equation.primitive.kind == "control" or not operands:
            continue
        attributes = resolved(equation.attributes, made.rows)
        with np.errstate(all="ignore"):
            results, pull = value_and_pull(equation.primitive, operands, attributes)
            if all(is_float(aval_of(value).dtype) for value in results):
                pulled = pull(tuple(np.ones_like(value) for value in results), False)
                if any(ct is not None and not_finite(ct).any() for ct in pulled):
                    return equation
    return written[0]


def _blocks(graph: Graph, arguments: Sequence[Array]) -> Iterator[list[Array]]:
    """All rows where their values are held at once, else blocks of the rows of the only table."""
    tables, entries = row_counts(graph), entries_of(graph, arguments)
    if entries <= LARGEST_HELD or len(tables) != 1:
        yield [one[:] if isinstance(one, Streamed) else one for one in arguments]
        return
    [table] = tables
    count = bind_rows(graph.inputs, arguments)[table.name]
    size = max(1, count * LARGEST_HELD // entries)
    for first in range(0, count, size):
        yield [
            _part(argument, variable.aval.shape, table, first, size)
            for variable, argument in zip(graph.inputs, arguments, strict=True)
        ]


def _part(argument: Any, shape: Shape, table: Dim, first: int, size: int) -> Array:
    """Rows of an argument; a streamed one is sliced along its rows alone."""
    if isinstance(argument, Streamed):
        return argument[first : first + size]
    part: Array = argument[tuple(_cut(entry, table, first, size) for entry in shape)]
    return part


def _cut(entry: Dim | int, table: Dim, first: int, size: int) -> slice:
    return slice(first, first + size) if entry == table else slice(None)


def _provider(problem: Problem, primitive: Primitive) -> str:
    for provided in problem.third_party:
        if provided.primitive is primitive:
            return f"{provided.distribution} {provided.version}".strip()
    return ""


def _remedy(primitive: Primitive, operands: Sequence[Array]) -> str:
    """What to do where the primitive gave a value that is not finite."""
    for domain, operand in zip(primitive.domains(len(operands)), operands, strict=True):
        value = np.asarray(operand)
        if domain.kind == "i" and np.any((value != np.floor(value)) | (value < domain.low)):
            return f"give whole numbers from {domain.low:g} on, as counts are: nothing else is one"
    remedy = primitive.facts.remedy
    tells = bool(remedy) and primitive.facts.overflows and len(operands) == 1
    return _OVERFLOW if _large(operands) and not tells else remedy


def _large(operands: Sequence[Array]) -> bool:
    """Whether some operand is so large that its square overflows."""
    floating = [np.asarray(one) for one in operands if np.asarray(one).dtype.kind == "f"]
    return any(
        np.max(np.abs(one), initial=0.0) >= np.sqrt(np.finfo(one.dtype).max) for one in floating
    )


def _bad(results: Sequence[Array]) -> str:
    """What is not finite in the first bad result, and how much of it."""
    value = next(np.asarray(one) for one in results if not_finite(one).any())
    bad = not_finite(value)
    kinds = {"nan": np.isnan(value), "inf": value == np.inf, "-inf": value == -np.inf}
    what = " and ".join(kind for kind, found in kinds.items() if np.any(found))
    return what if value.ndim == 0 else f"{what} in {int(bad.sum())} of {value.size} entries"


def _range(value: Array) -> str:
    """An operand in words: a number, or from where to where its finite entries lie."""
    array = np.asarray(value)
    if array.ndim == 0:
        return f"{array.item():.6g}"
    if array.size == 0 or array.dtype.kind == "b":
        return f"{array.dtype.name}{list(array.shape)}"
    finite = array[~not_finite(array)]
    if not finite.size:
        return f"nothing finite in {array.size} entries"
    low, high = finite.min().item(), finite.max().item()
    return f"{low:.6g} to {high:.6g} in {array.size} entries"
