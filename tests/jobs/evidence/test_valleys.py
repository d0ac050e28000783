"""Valleys that bend: their floors are followed, where a line says nothing of them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from optserve.graph.aval import Array
from optserve.jobs.run import run
from optserve.optimizers import lbfgs
from optserve.primitives.elementary import softplus
from tests.jobs.problems import parameter, problem
from tests.reference.judged import WRONG, attempt
from tests.reference.test_random_fits import random_fit

STARTS = [
    [4.756062679782602, -0.16723268799470503, 1.9285930400821536, -2.675653004644918],
    [4.756149125995254, -0.16723968091532318, 1.9284639097502014, -2.6757944707933485],
    [4.756062596280533, -0.1672326842557283, 1.9285930013412764, -2.675652983240424],
]


@pytest.mark.parametrize("start", [np.array(one) for one in STARTS], ids=str)
def test_a_decay_that_is_over_after_one_observation_has_not_converged(start: Array) -> None:
    """Of a rate that is large enough, its amplitude times that of one observation counts alone."""
    published, _ = random_fit(634)
    worth, why = attempt(published, "lbfgs", start)
    assert worth != WRONG, why


@pytest.mark.parametrize("penalty", [1e-6, 1e-12])
def test_classes_that_a_penalty_alone_keeps_from_parting_have_a_minimum(penalty: float) -> None:
    """Written so that each term cancels, its slope is a staircase and no step makes it 0."""
    rng = np.random.default_rng(0)
    x = np.concatenate([rng.uniform(-3.0, -0.5, 10), rng.uniform(0.5, 3.0, 10)])

    def loss(a: Any, b: Any, x: Any, y: Any) -> Any:
        z = a * x + b
        return np.mean(softplus(z) - y * z) + penalty * (a**2 + b**2)

    def written_well(a: Any, b: Any, x: Any, y: Any) -> Any:
        return np.mean(softplus((1.0 - 2.0 * y) * (a * x + b))) + penalty * (a**2 + b**2)

    data = {"x": x, "y": np.where(x > 0.0, 1.0, 0.0)}
    found, exact = (
        run(problem(one, [parameter("a"), parameter("b")], data)) for one in (loss, written_well)
    )
    assert found.exit_code == exact.exit_code == 0, found.termination.message
    for name in ("a", "b"):
        assert found.parameters[name] == pytest.approx(exact.parameters[name], rel=1e-4)


@pytest.mark.parametrize("values", [(2.0, 2.0, 2.0), (3.7,)], ids=str)
def test_a_density_that_grows_without_end_over_equal_values_has_no_maximum(
    values: tuple[float, ...],
) -> None:
    """Its deviation falls to where rounding of the log-likelihood is larger than all the rest."""

    def loss(m: Any, s: Any, y: Any) -> Any:
        return np.sum(np.log(s) + 0.5 * ((y - m) / s) ** 2)

    parameters = [parameter("m", 1.0), parameter("s", 1.0, low=0.0)]
    found = run(
        problem(loss, parameters, {"y": np.array(values)}, kind="log_likelihood", optimizer=lbfgs())
    )
    assert found.exit_code != 0, found.termination.message
