"""Awkward but right rules: neither the kit nor a certificate refuses any of them."""

from __future__ import annotations

import numpy as np
import pytest

from optserve import testing
from optserve.jobs.run import run
from optserve.optimizers import lbfgs
from tests.jobs.evidence.rules.awkward import AWKWARD, Awkward
from tests.jobs.problems import parameter, problem


def test_there_are_enough() -> None:
    assert len(AWKWARD) >= 30
    assert len({each.primitive.name for each in AWKWARD}) == len(AWKWARD)


@pytest.mark.parametrize("awkward", AWKWARD, ids=lambda each: each.primitive.name)
def test_no_certificate_refuses_it(awkward: Awkward) -> None:
    for start in (0.5, 1.0):
        made = problem(
            lambda a, x: awkward.loss(awkward.primitive, a, x) + 0.0 * np.sum(x * a),
            [parameter("a", start, precision=awkward.precision)],
            {"x": awkward.data},
            optimizer=lbfgs(),
            plugin=[awkward.primitive],
            precision=awkward.precision,
        )
        result = run(made)
        [certificate] = result.plugins
        assert certificate.passed, certificate.failure
        assert result.termination.reason not in ("certificate", "plugin"), result.termination


@pytest.mark.parametrize(
    "awkward", [one for one in AWKWARD if one.kit], ids=lambda each: each.primitive.name
)
def test_the_kit_accepts_it(awkward: Awkward) -> None:
    testing.check_primitive(awkward.primitive)
