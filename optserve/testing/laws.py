"""The laws that every primitive keeps, each a function of a case that fails where it is broken."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np

from optserve.errors import DerivativeError, OptserveError
from optserve.graph.aval import aval_of, is_float
from optserve.graph.domain import Domain
from optserve.graph.interpret import interpret
from optserve.primitives.tracing import trace, verify
from optserve.testing.cases import ROUNDING, Case, compare, fail
from optserve.testing.derivatives import (
    accept,
    cotangents,
    derivative,
    second_derivative,
    special_derivative,
    special_second_derivative,
)
from optserve.testing.many import many
from optserve.testing.rows import row_counts, rows
from optserve.transforms.probe_points import nearby
from optserve.transforms.promises import changing, linearity, mutated, pulled

__all__ = ["LAWS"]


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
        expected = pulled(case.graph, case.operands, cotangents(case.graph))
        found = pulled(single.graph, single.operands, cotangents(single.graph))
    except DerivativeError as error:
        accept(case, error)
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
        accept(case, error)
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
        accept(case, error)
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
        accept(case, error)
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
    special_second_derivative,
    single_precision,
    linear_pullback,
    repeatable,
    purity,
    rows,
    row_counts,
    many,
)
"""Every law that is checked, in the order in which a first failure is most telling."""
