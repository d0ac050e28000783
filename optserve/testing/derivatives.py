"""The laws of derivatives: first and second ones, near the operands drawn and at special ones."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from optserve.errors import DerivativeError, OptserveError
from optserve.graph.aval import Array, is_float
from optserve.graph.domain import real
from optserve.graph.graph import Graph
from optserve.graph.interpret import interpret
from optserve.primitives.tracing import verify
from optserve.testing.cases import ROUNDING, Case, compare, fail
from optserve.transforms.derivative_check import Agreement, agreement, pullback_graph
from optserve.transforms.probe_points import away, nearby, special
from optserve.transforms.promises import pulled

__all__ = [
    "accept",
    "cotangents",
    "derivative",
    "second_derivative",
    "special_derivative",
    "special_second_derivative",
]

TOLERANCE = 1e-6
"""The largest relative error of a derivative, beyond the uncertainty of the differences."""


def derivative(case: Case) -> None:
    """Its pullback and its tangents are those of its value, by every operand."""
    _check_derivative(case, case.graph, case.operands, case.floating, "the derivative")


def special_derivative(case: Case) -> None:
    """The same at 0, 1 and other numbers that formulas have cases for, and away from the origin.

    What cannot be computed there, or is no smooth function, is not held against it.
    """
    for seed in range(3):
        for drawn, where in ((special, "at special numbers"), (away, "away from the origin")):
            given = _elsewhere(case, drawn, seed)
            if given is None:
                return
            which, finite = f"{where}, the derivative", drawn is special
            _check_special(given, given.graph, given.operands, which, seed, finite=finite)


def second_derivative(case: Case) -> None:
    """The derivative of its derivative is right, where its rule can be traced."""
    if not case.floating:
        return
    try:
        graph = verify(pullback_graph(case.graph))
    except DerivativeError as error:
        accept(case, error)
        return
    cts = cotangents(case.graph)
    arguments = [*case.operands, *cts]
    expected = pulled(case.graph, case.operands, cts)
    with np.errstate(all="ignore"):
        recorded = interpret(graph, *arguments)
    for have, want in zip(recorded, expected, strict=True):
        compare(
            case,
            "its rule gives one derivative on arrays and another when traced",
            have,
            want,
            tolerance=ROUNDING,
            remedy="a rule may not look at the values, nor at the type, of its operands",
        )
    wrt = [i for i, argument in enumerate(arguments) if is_float(argument.dtype)]
    _check_derivative(case, graph, arguments, wrt, "the second derivative")


def special_second_derivative(case: Case) -> None:
    """The derivative of its derivative at special numbers, where its rule can be traced.

    A rule that selects by equality, as ``where(y == 0, 0, ...)``, may be right there and have lost
    what its derivative is. Cotangents are special too: 0, and masked as they are in a branch.
    """
    for seed in range(3):
        given = _elsewhere(case, special, seed)
        if given is None:
            return
        try:
            graph = pullback_graph(given.graph, masked=seed > 0)
        except DerivativeError as error:
            accept(case, error)
            return
        numbers = np.roll((1.0, 0.0, -2.0, 0.5), -seed)
        cts = [np.resize(numbers, ct.shape) for ct in cotangents(given.graph)]
        which = "at special numbers, the second derivative"
        _check_special(given, graph, [*given.operands, *cts], which, seed, finite=True)


def _elsewhere(case: Case, drawn: Callable[..., list[Array]], seed: int) -> Case | None:
    """The case at operands ``drawn`` away from its own, where there are any to move."""
    if not case.floating or not all(operand.size for operand in case.operands):
        return None
    if case.primitive.kind == "elementwise":
        case = case.with_operands([np.resize(operand, 45) for operand in case.operands])
    return case.with_operands(drawn(case.operands, case.domains, case.floating, seed=seed))


def _check_special(
    case: Case, graph: Graph, arguments: Sequence[Array], which: str, seed: int, *, finite: bool
) -> None:
    for index in [i for i, argument in enumerate(arguments) if is_float(argument.dtype)]:
        by = f"operand {index}" if index < len(case.operands) else "its cotangent"
        try:
            found = _agreement(case, graph, arguments, index, seed, finite=finite)
        except (ArithmeticError, ValueError, np.linalg.LinAlgError, OptserveError):
            return
        if found.worst > _allowed(case):
            _fail_derivative(case, f"{which} by {by}", found)


def _check_derivative(
    case: Case, graph: Graph, arguments: Sequence[Array], wrt: Sequence[int], which: str
) -> None:
    for index in wrt:
        by = f"operand {index}" if index < len(case.operands) else "its cotangent"
        try:
            found = _measured(case, graph, arguments, index)
        except DerivativeError as error:
            accept(case, error)
            return
        if found.conclusive < 0.9:
            fail(
                case.primitive.name,
                f"{which} by {by} could not be measured",
                at=str(case),
                found=f"{found.conclusive:.0%} of the entries are smooth there",
                remedy="give a domain, or examples with domains, in which it is smooth",
            )
        if np.isnan(found.forward) and not _is_called_out(case):
            fail(
                case.primitive.name,
                f"{which} by {by} exists in reverse mode only",
                at=str(case),
                remedy="write the pullback in NumPy functions or primitives, or give a jvp",
            )
        if found.worst > _allowed(case):
            _fail_derivative(case, f"{which} by {by}", found)


def _fail_derivative(case: Case, which: str, found: Agreement) -> None:
    result, entry = found.place
    fail(
        case.primitive.name,
        f"{which} is not that of the value",
        at=str(case),
        found=f"relative error {found.reverse:.2g} of the pullback, {found.forward:.2g} of "
        f"the tangents, worst at entry {entry} of result {result}"
        + (f"; {found.kink:.2g} outside of the slopes at a kink" if found.kink else ""),
        remedy="compare the partials, transposes or pullback with the formula of the value, "
        "or give a domain where that is smooth",
    )


def _allowed(case: Case) -> float:
    """The largest relative error of a derivative."""
    return max(TOLERANCE, 10.0 * case.primitive.call.tolerance)


def _agreement(
    case: Case, graph: Graph, arguments: Sequence[Array], wrt: int, seed: int, *, finite: bool
) -> Agreement:
    domain = case.domains[wrt] if wrt < len(case.domains) else real
    tolerance = case.primitive.call.tolerance
    return agreement(
        graph, arguments, wrt=wrt, seed=seed, domain=domain, tolerance=tolerance, finite=finite
    )


def _measured(case: Case, graph: Graph, arguments: Sequence[Array], wrt: int) -> Agreement:
    """The agreement at the arguments, or, where they lie at kinks, at points nearby."""
    found = _agreement(case, graph, arguments, wrt, 0, finite=True)
    for seed in range(4):
        if found.conclusive >= 0.9:
            break
        moved = nearby(case.operands, case.domains, seed=seed, spread=0.1)
        there = [*moved, *arguments[len(moved) :]]
        found = _agreement(case, graph, there, wrt, seed, finite=True)
    return found


def accept(case: Case, error: DerivativeError) -> None:
    """A derivative may be missing where the primitive says so, in words that name it."""
    opaque = case.primitive.kind == "opaque"
    if not (opaque and error.message.startswith(case.primitive.name)):
        raise error


def _is_called_out(case: Case) -> bool:
    """Whether the rule cannot be traced, so that there is neither forward mode nor a second one."""
    return any(
        equation.primitive.kind == "opaque"
        and not equation.primitive.differentiable
        and any(is_float(variable.aval.dtype) for variable in equation.results)
        for equation in pullback_graph(case.graph).equations
        if equation.operands
    )


def cotangents(graph: Graph) -> list[Array]:
    """A fixed cotangent of few bits for each floating output."""
    found: list[Array] = []
    for atom in graph.outputs:
        if is_float(atom.aval.dtype):
            sizes = tuple(size for size in atom.aval.shape if isinstance(size, int))
            steps = np.arange(int(np.prod(sizes))) % 5
            found.append((0.5 * steps - 0.75).reshape(sizes).astype(atom.aval.dtype))
    return found
