"""The laws that every primitive keeps, each a function of a case that fails where it is broken."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

import numpy as np

from optserve.errors import DerivativeError, OptserveError
from optserve.graph.aval import Array, aval_of, is_float
from optserve.graph.domain import Domain, real
from optserve.graph.graph import Graph
from optserve.graph.interpret import interpret
from optserve.primitives.tracing import trace, verify
from optserve.testing.cases import Case, compare, fail
from optserve.testing.many import many
from optserve.testing.rows import row_counts, rows
from optserve.transforms.check import Agreement, agreement, pullback_graph
from optserve.transforms.points import away, nearby, special
from optserve.transforms.promises import changing, linearity, mutated, pulled

__all__ = ["LAWS"]

TOLERANCE = 1e-6
"""The largest relative error of a derivative, beyond the uncertainty of the differences."""

ROUNDING = 1e-9
"""The largest relative difference of two computations of one value in float64."""


def documented(case: Case) -> None:
    """It says in a sentence what it computes."""
    doc = case.primitive.doc.strip()
    if not doc[:1].strip() or not doc.endswith((".", ")")):
        fail(
            case.primitive.name,
            "it does not say in a sentence what it computes",
            found=f"doc={doc!r}",
            remedy="give it doc='...', with a full stop at its end",
        )


def shape(case: Case) -> None:
    """Its results have the shapes and dtypes that its shape rule gives, in any precision."""
    for dtype in (np.float64, np.float32):
        given = case.cast(dtype)
        expected = tuple(atom.aval for atom in given.graph.outputs)
        found = tuple(map(aval_of, given.evaluate()))
        if found != expected:
            fail(
                case.primitive.name,
                "its value has another shape or dtype than its shape rule says",
                at=str(given),
                found=f"{found} in place of {expected}",
                remedy="mend the shape rule, or compute in the dtype of the operands",
            )
        widened = [aval for aval in found if is_float(aval.dtype) and aval.dtype != dtype]
        if widened and case.floating and "dtype" not in case.attributes:
            fail(
                case.primitive.name,
                "its value has another precision than its operands",
                at=str(given),
                found=f"{widened[0]}",
                remedy="use Python numbers, which take the precision of what they meet",
            )


def integers(case: Case) -> None:
    """Called with integers it gives what its shape rule says, or refuses them."""
    structured = any(domain.structure is not None for domain in case.domains)
    if structured or any(low > high for low, high in map(_integers_within, case.domains)):
        return
    given = case.with_operands(
        [
            np.clip(np.rint(x), *_integers_within(domain)).astype(np.int64)
            if x.dtype.kind == "f"
            else x
            for x, domain in zip(case.operands, case.domains, strict=True)
        ]
    )
    try:
        traced = trace(
            lambda *x: case.primitive.bind(*x, **case.attributes),
            *given.operands,
        )
    except OptserveError:
        return
    verify(traced.graph)
    with np.errstate(all="ignore"):
        found = [*map(aval_of, interpret(traced.graph, *given.operands, *traced.captured))]
    expected = [atom.aval for atom in traced.graph.outputs]
    if found != expected:
        fail(
            case.primitive.name,
            "of integers its value has another shape or dtype than its shape rule says",
            at=str(given),
            found=f"{found} in place of {expected}",
            remedy="give floating=True, so that integers are made floats first",
        )


def _integers_within(domain: Domain) -> tuple[float, float]:
    """The least and the greatest integer strictly inside a domain."""
    return float(np.floor(domain.low) + 1.0), float(np.ceil(domain.high) - 1.0)


def value(case: Case) -> None:
    """Its implementation agrees with its body, where it has both."""
    body = case.primitive.body
    if body is None:
        return
    traced = trace(
        partial(body, **case.attributes),
        *case.operands,
        rewrites=False,
    )
    verify(traced.graph)
    with np.errstate(all="ignore"):
        expected = interpret(traced.graph, *case.operands, *traced.captured)
    for have, want in zip(case.evaluate(), expected, strict=True):
        compare(
            case,
            "its implementation disagrees with its body",
            have,
            want,
            tolerance=ROUNDING,
            remedy="they must compute the same; leave one of them out",
        )


def derivative(case: Case) -> None:
    """Its pullback and its tangents are those of its value, by every operand."""
    _check_derivative(case, case.graph, case.operands, case.floating, "the derivative")


def special_derivative(case: Case) -> None:
    """The same at 0, 1 and other numbers that formulas have cases for, and away from the origin.

    What cannot be computed there, or is no smooth function, is not held against it.
    """
    if not case.floating or not all(operand.size for operand in case.operands):
        return
    if case.primitive.kind == "elementwise":
        case = case.with_operands([np.resize(operand, 45) for operand in case.operands])
    for seed in range(3):
        for drawn in (special, away):
            arguments = drawn(case.operands, case.domains, case.floating, seed=seed)
            _check_special(case.with_operands(arguments), drawn is special, seed)


def _check_special(case: Case, at_special: bool, seed: int) -> None:
    where = "at special numbers" if at_special else "away from the origin"
    for index in case.floating:
        try:
            found = _agreement(case, case.graph, case.operands, index, seed, finite=at_special)
        except (ArithmeticError, ValueError, np.linalg.LinAlgError, OptserveError):
            return
        if found.worst > _allowed(case):
            _fail_derivative(case, f"{where}, the derivative by operand {index}", found)


def second_derivative(case: Case) -> None:
    """The derivative of its derivative is right, where its rule can be traced."""
    if not case.floating:
        return
    try:
        graph = verify(pullback_graph(case.graph))
    except DerivativeError as error:
        _accept(case, error)
        return
    cts = _cotangents(case.graph)
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


def single_precision(case: Case) -> None:
    """Of float32 operands its value is near that in float64; its derivative too, and float32."""
    single = case.cast(np.float32)
    for have, want in zip(single.evaluate(), case.evaluate(), strict=True):
        if is_float(aval_of(want).dtype) and "dtype" not in case.attributes:
            compare(
                single,
                "its value in single precision differs from that in double precision",
                have,
                np.asarray(want).astype(np.float32),
                tolerance=1e-3,
                remedy="compute in the dtype of the operands",
            )
    try:
        expected = pulled(case.graph, case.operands, _cotangents(case.graph))
        found = pulled(single.graph, single.operands, _cotangents(single.graph))
    except DerivativeError as error:
        _accept(case, error)
        return
    for have, want in zip(found, expected, strict=True):
        compare(
            single,
            "its derivative in single precision differs from that in double precision",
            have,
            want.astype(np.float32),
            tolerance=1e-3,
            remedy="use Python numbers in the rule, which take the precision of what they meet",
        )


def linear_pullback(case: Case) -> None:
    """Its pullback is linear in the cotangent."""
    try:
        departure = linearity(case.graph, case.operands)
    except DerivativeError as error:
        _accept(case, error)
        return
    if departure > max(ROUNDING, case.primitive.call.tolerance):
        fail(
            case.primitive.name,
            "its pullback is not linear in the cotangent",
            at=str(case),
            found=f"relative departure {departure:.2g}",
            remedy="only multiply the cotangent, and sum it; never test it or add to it",
        )


def purity(case: Case) -> None:
    """Neither its value nor its rule changes what it is given."""
    try:
        changed = mutated(case.graph, case.operands)
    except DerivativeError as error:
        _accept(case, error)
        return
    if changed:
        fail(
            case.primitive.name,
            "it changes what it is given",
            at=str(case),
            found=f"changed: {', '.join(changed)}",
            remedy="make a copy first, or write `x = x + y` for `x += y`",
        )


def repeatable(case: Case) -> None:
    """Its values and derivatives depend on its operands alone, not on what it computed before."""
    others = nearby(case.operands, case.domains, seed=1, spread=0.1)
    try:
        departure = changing(case.graph, case.operands, others)
    except DerivativeError as error:
        _accept(case, error)
        return
    if departure > case.primitive.call.tolerance:
        fail(
            case.primitive.name,
            "at the same operands it gives other numbers than before",
            at=str(case),
            found=f"relative difference {departure:.2g}",
            remedy="keep nothing from one call to the next; declare the tolerance of what is noisy",
        )


LAWS: tuple[Callable[[Case], None], ...] = (
    documented,
    shape,
    integers,
    value,
    derivative,
    special_derivative,
    second_derivative,
    single_precision,
    linear_pullback,
    repeatable,
    purity,
    rows,
    row_counts,
    many,
)
"""Every law that is checked, in the order in which a first failure is most telling."""


def _check_derivative(
    case: Case, graph: Graph, arguments: Sequence[Array], wrt: Sequence[int], which: str
) -> None:
    for index in wrt:
        by = f"operand {index}" if index < len(case.operands) else "its cotangent"
        try:
            found = _measured(case, graph, arguments, index)
        except DerivativeError as error:
            _accept(case, error)
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
        remedy="compare the partials, transposes or pullback with the formula of the value",
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


def _accept(case: Case, error: DerivativeError) -> None:
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


def _cotangents(graph: Graph) -> list[Array]:
    """A fixed cotangent of few bits for each floating output."""
    cotangents = []
    for atom in graph.outputs:
        if is_float(atom.aval.dtype):
            sizes = tuple(size for size in atom.aval.shape if isinstance(size, int))
            steps = np.arange(int(np.prod(sizes))) % 5
            cotangents.append((0.5 * steps - 0.75).reshape(sizes).astype(atom.aval.dtype))
    return cotangents
