"""What is drawn from a density is distributed as it says."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from optserve.primitives.random_terms import drawn_of
from optserve.primitives.vocabulary import density_primitives

DENSITIES = {one.name: one for one in density_primitives()}
DRAWN = sorted(name for name, one in DENSITIES.items() if one.facts.draws is not None)
PARAMETERS: dict[str, tuple[float, ...]] = {
    "bernoulli": (0.3,),
    "bernoulli_logit": (0.4,),
    "beta": (0.7, 2.0),
    "beta_binomial": (9.0, 0.7, 2.0),
    "binomial": (9.0, 0.3),
    "cauchy": (1.0, 2.0),
    "chi2": (3.0,),
    "exponential": (2.0,),
    "gamma": (0.7, 2.0),
    "geometric": (0.3,),
    "gumbel": (1.0, 2.0),
    "half_normal": (2.0,),
    "inverse_gamma": (2.5, 3.0),
    "laplace": (1.0, 2.0),
    "logistic": (1.0, 2.0),
    "lognormal": (0.3, 0.8),
    "negative_binomial": (4.0, 1.5),
    "normal": (1.0, 2.0),
    "pareto": (0.5, 3.0),
    "poisson": (4.0,),
    "skew_normal": (1.0, 2.0, -3.0),
    "student_t": (3.0, 1.0, 2.0),
    "uniform": (-1.0, 2.0),
    "von_mises": (0.0, 2.0),
    "weibull": (1.5, 2.0),
    "zero_inflated_binomial": (9.0, 0.3, 0.4),
    "zero_inflated_negative_binomial": (4.0, 1.5, 0.4),
    "zero_inflated_poisson": (4.0, 0.4),
}
COUNT = 4000


@pytest.mark.parametrize("name", DRAWN)
def test_drawn_numbers_have_the_distribution_function(name: str) -> None:
    family, _, kind = name.rpartition("_log")
    parameters = [np.full(COUNT, one) for one in PARAMETERS[family]]
    drawn = np.asarray(drawn_of(DENSITIES[name], np.random.default_rng(0), parameters)) * 1
    assert drawn.shape == (COUNT,)
    up_to = DENSITIES[f"{family}_logcdf"]
    if kind == "pdf":
        chances = np.exp(up_to(drawn, *PARAMETERS[family]))
        assert stats.kstest(chances, "uniform").pvalue > 1e-3
        return
    values = np.arange(int(np.quantile(drawn, 0.99)) + 1, dtype=np.float64)
    chances = np.diff(np.exp(up_to(values, *PARAMETERS[family])), prepend=0.0)
    chances = np.append(chances, 1.0 - chances.sum())
    counts = np.bincount(np.minimum(drawn, len(values)).astype(int), minlength=len(chances))
    held = chances > 1e-12
    assert not counts[~held].any()
    assert stats.chisquare(counts[held], COUNT * chances[held]).pvalue > 1e-3
