"""Every built-in primitive would pass a certificate: none refuses a rule that is right."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

from optserve.backends.numpy import numpy_backend
from optserve.errors import DerivativeError
from optserve.graph.aval import is_float
from optserve.graph.graph import Equation
from optserve.graph.primitive import Primitive
from optserve.jobs.evidence.rules.certifying import faults_of
from optserve.jobs.evidence.rules.looks import Looked
from optserve.jobs.evidence.rules.uses import Use
from optserve.primitives.vocabulary import builtin_primitives
from optserve.testing.cases import Case, cases
from optserve.transforms.probe_points import special
from tests.conformance.composed import is_composed

BACKEND = numpy_backend(1)


def use_of(case: Case) -> Use:
    [equation] = case.graph.equations
    floating = tuple(i for i, one in enumerate(case.operands) if is_float(one.dtype))
    return Use(
        Equation(case.primitive, equation.operands, equation.attributes, equation.results),
        case.attributes,
        case.operands,
        floating,
    )


def special_numbers(case: Case) -> Case:
    """The case at 0, 1, ties: a start that data often give."""
    return case.with_operands(special(case.operands, case.domains, case.floating))


STARTS: dict[str, Callable[[Case], Case]] = {
    "float64": lambda case: case,
    "float32": lambda case: case.cast(np.float32),
    "special": special_numbers,
}


def each_differentiable() -> Iterator[Any]:
    """Nightly where the derivative is that of the body, whose parts are certified here."""
    for one in builtin_primitives():
        if one.differentiable:
            marks = [pytest.mark.nightly] if is_composed(one) else []
            yield pytest.param(one, marks=marks, id=str(one))


@pytest.mark.parametrize("start", STARTS)
@pytest.mark.parametrize("primitive", [*each_differentiable()])
def test_none_is_refused(primitive: Primitive, start: str) -> None:
    whole = [case for case in cases(primitive) if all(operand.size for operand in case.operands)]
    for case in whole[:3]:
        if not case.floating:
            continue
        use = use_of(STARTS[start](case))
        try:
            found = [fault.what for fault in faults_of(use, Looked(BACKEND, second=True))]
        except DerivativeError:  # there is no derivative, and it says so
            continue
        assert not found, str(case)
