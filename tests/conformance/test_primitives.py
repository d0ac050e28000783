"""Every built-in primitive keeps every law; a new one is covered by being listed in its module."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from optserve import testing
from optserve.graph.domain import real
from optserve.graph.primitive import Primitive
from optserve.primitives.vocabulary import builtin_primitives
from optserve.testing.derivatives import special_second_derivative
from tests.conformance.composed import is_composed

LONG = {
    "many",
    "row_counts",
    "rows",
    "second_derivative",
    "special_derivative",
    "special_second_derivative",
}
"""Laws that are tried nightly of what is made of other primitives, which are held to them."""


def each_check() -> list[Any]:
    """All checks; the long ones of compositions without a rule of their own are nightly."""
    checks = []
    for check in testing.checks(builtin_primitives()):
        long = is_composed(check.primitive) and str(check).rpartition("-")[2] in LONG
        marks = [pytest.mark.nightly] if long else []
        checks.append(pytest.param(check, marks=marks, id=str(check)))
    return checks


@pytest.mark.parametrize("check", each_check())
def test_law(check: testing.Check) -> None:
    check()


BOUNDED = [
    one
    for one in builtin_primitives()
    if one.kind == "elementwise" and one.differentiable and not is_composed(one)
    if any(domain is not real for domain in one.domains(len(testing.cases(one)[0].operands)))
]


@pytest.mark.parametrize("primitive", BOUNDED, ids=str)
def test_second_derivatives_at_the_ends_of_domains_and_beyond(primitive: Primitive) -> None:
    """Powers of negative numbers and of 0 are smooth too, by some exponents."""
    case = testing.cases(primitive)[0]
    domains = tuple(real if one.kind == "f" else one for one in case.domains)
    special_second_derivative(replace(case, domains=domains))


def test_names_are_those_of_the_primitives_and_all_differ() -> None:
    names = [primitive.name for primitive in builtin_primitives()]
    assert len(set(names)) == len(names)
    assert all(name.isidentifier() and name.islower() for name in names)
