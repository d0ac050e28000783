"""Densities at the ends: parameters that are the last allowed or none, and infinite values."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from scipy import special, stats

from optserve.primitives.vocabulary import density_primitives
from optserve.transforms.functions import grad

DENSITIES = {density.name: density for density in density_primitives()}
VALUES = (-np.inf, -1.0, 0.0, 0.5, 1.0, 2.0, 2.5, 7.0, np.inf)

DISTRIBUTIONS: dict[str, tuple[Callable[..., Any], tuple[tuple[float, ...], ...]]] = {
    "beta": (stats.beta, ((0.5, 2.0, 0.0, -1.0), (1.0, 0.0, -2.0))),
    "beta_binomial": (stats.betabinom, ((3.0, 2.5), (2.0, 0.0, -1.0), (0.5, -1.0))),
    "binomial": (stats.binom, ((3.0, 0.0, 2.5), (0.0, 0.5, 1.0))),
    "chi2": (stats.chi2, ((1.0, 3.0, 0.0, -1.0),)),
    "gamma": (lambda a, r: stats.gamma(a, scale=1 / r), ((0.5, 2.0, 0.0, -1.0), (2.0, -1.0))),
    "geometric": (lambda p: stats.geom(p, loc=-1), ((0.5, 1.0),)),
    "inverse_gamma": (lambda a, s: stats.invgamma(a, scale=s), ((2.0, 0.0, -1.0), (1.0, -1.0))),
    "lognormal": (lambda m, s: stats.lognorm(s, scale=np.exp(m)), ((0.0,), (1.0, 0.0, -1.0))),
    "negative_binomial": (lambda m, d: stats.nbinom(d, d / (d + m)), ((0.0, 2.0), (2.0, -1.0))),
    "pareto": (lambda m, a: stats.pareto(a, scale=m), ((1.0, -1.0), (2.0, 0.0, -1.0))),
    "poisson": (stats.poisson, ((0.0, 2.0),)),
    "student_t": (stats.t, ((1.0, 3.0), (0.0,), (1.0, -1.0))),
    "uniform": (lambda low, high: stats.uniform(low, high - low), ((0.0, 3.0), (2.0, 1.0))),
    "weibull": (lambda k, s: stats.weibull_min(k, scale=s), ((2.0, 0.0, -1.0), (1.0, 0.0))),
}


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("kind", ["logcdf", "logsf"])
@pytest.mark.parametrize("name", sorted(DISTRIBUTIONS))
def test_log_chances_at_the_ends_are_those_of_scipy_or_none(name: str, kind: str) -> None:
    distribution, choices = DISTRIBUTIONS[name]
    for parameters in itertools.product(*choices):
        ours = np.array(
            [float(DENSITIES[f"{name}_{kind}"](x, *parameters)) for x in VALUES], np.float64
        )
        theirs = getattr(distribution(*parameters), kind)(np.array(VALUES))
        impossible = np.isnan(theirs[2:4]).all()
        if impossible:  # and what scipy takes for certain is none here
            assert not np.isfinite(ours).any(), (parameters, ours)
        else:
            np.testing.assert_allclose(ours, theirs, 1e-10, 1e-12, err_msg=str(parameters))


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", sorted(DISTRIBUTIONS))
def test_what_is_no_number_stays_none(name: str) -> None:
    _, choices = DISTRIBUTIONS[name]
    valid = [one[0] for one in choices]
    for kind, x in itertools.product(("logpdf", "logpmf", "logcdf", "logsf"), (-1.0, 0.0, 2.0)):
        density = DENSITIES.get(f"{name}_{kind}")
        if density is None:
            continue
        assert np.isnan(density(np.nan, *valid))
        for at in range(len(valid)):
            parameters = [np.nan if number == at else one for number, one in enumerate(valid)]
            assert not np.isfinite(density(x, *parameters)), (kind, x, parameters)


@pytest.mark.parametrize(
    ("name", "operands", "at", "slope"),
    [
        ("binomial_logcdf", (0.0, 3.0, 0.0), 2, -3.0),
        ("binomial_logcdf", (1.0, 3.0, 0.0), 2, 0.0),
        ("binomial_logsf", (2.0, 3.0, 1.0), 2, 3.0),
        ("geometric_logcdf", (0.0, 1.0), 1, 1.0),
        ("geometric_logpmf", (0.0, 1.0), 1, 1.0),
        ("negative_binomial_logcdf", (0.0, 0.0, 2.0), 1, -1.0),
        ("poisson_logcdf", (0.0, 0.0), 1, -1.0),
        ("poisson_logsf", (0.0, 0.0), 1, np.inf),
        ("student_t_logcdf", (-1e200, 3.0, 0.0, 1.0), 0, 3e-200),
        ("student_t_logsf", (1e200, 3.0, 0.0, 1.0), 1, -459.60789860724844),
    ],
)
def test_derivatives_at_the_ends(
    name: str, operands: tuple[float, ...], at: int, slope: float
) -> None:
    def value(one: Any) -> Any:
        return DENSITIES[name](*operands[:at], one, *operands[at + 1 :])

    np.testing.assert_allclose(grad(value)(operands[at]), slope, 1e-12)


def test_of_no_trials_there_are_no_successes() -> None:
    operands = (0.0, 2.0, 0.5)
    for kind, value in (("pmf", 0.0), ("cdf", 0.0), ("sf", -np.inf)):
        density = DENSITIES[f"beta_binomial_log{kind}"]
        assert density(0.0, *operands) == value
        assert grad(lambda a, of=density: of(0.0, 0.0, a, 0.5))(2.0) == 0.0


def test_shares_of_another_sum_are_none() -> None:
    counts, shares = np.array([1.0, 2.0, 3.0]), np.array([0.2, 0.3, 0.5])
    multinomial, dirichlet = DENSITIES["multinomial_logpmf"], DENSITIES["dirichlet_logpdf"]
    assert np.isfinite(multinomial(counts, shares))
    assert np.isnan(multinomial(counts, np.ones(3)))
    assert np.isnan(dirichlet(0.5 * shares, np.ones(3)))
    assert np.isnan(dirichlet(shares, np.array([-1.5, -0.5, 3.0])))


@pytest.mark.parametrize("k", [0.0, 3.0, 1e6])
def test_slopes_of_a_negative_binomial_probability(k: float) -> None:
    logpmf, (mean, spread) = DENSITIES["negative_binomial_logpmf"], (2.5, 0.75)
    by_k, by_mean, by_spread = grad(lambda *x: logpmf(*x), argnums=(0, 1, 2))(k, mean, spread)
    inside = mean + spread
    expected = special.psi(k + spread) - special.psi(k + 1.0) + np.log(mean / inside)
    np.testing.assert_allclose(by_k, expected, 1e-12)
    np.testing.assert_allclose(by_mean, spread * (k - mean) / (mean * inside), 1e-12)
    expected = special.psi(k + spread) - special.psi(spread) + np.log(spread / inside)
    np.testing.assert_allclose(by_spread, expected + (mean - k) / inside, 1e-12)
