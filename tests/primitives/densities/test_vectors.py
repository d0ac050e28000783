"""Densities of vectors, matrices and classes against SciPy and formulas of their own."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
import scipy.special
import scipy.stats

from optserve.errors import OptserveError
from optserve.primitives.densities import (
    classes,
    matrices,
    multivariate,
    simplexes,
)
from optserve.transforms.functions import grad, vjp

RNG = np.random.default_rng(0)
ROOT = np.tril(RNG.uniform(-0.5, 0.5, (4, 4))) + np.diag([1.0, 0.8, 1.3, 0.5])
COVARIANCE = ROOT @ ROOT.T
MEAN = RNG.standard_normal(4)
Y = RNG.standard_normal((5, 4))


def test_the_three_forms_of_the_multivariate_normal_agree_with_scipy() -> None:
    expected = np.asarray(scipy.stats.multivariate_normal.logpdf(Y, MEAN, COVARIANCE))
    forms = (
        multivariate.multivariate_normal_logpdf(Y, MEAN, covariance=COVARIANCE),
        multivariate.multivariate_normal_cholesky_logpdf(Y, MEAN, factor=ROOT),
        multivariate.multivariate_normal_precision_logpdf(
            Y, MEAN, precision=np.linalg.inv(COVARIANCE)
        ),
    )
    for found in forms:
        np.testing.assert_allclose(found, expected, rtol=1e-12)
    one = multivariate.multivariate_normal_logpdf(Y[0], MEAN, COVARIANCE)
    assert float(one) == pytest.approx(expected[0], rel=1e-13)


def test_far_out_and_of_tiny_variances() -> None:
    scale = 1e-120
    found = multivariate.multivariate_normal_logpdf(
        1e3 * scale * Y, np.zeros(4), scale**2 * COVARIANCE
    )
    plain = scipy.stats.multivariate_normal.logpdf(1e3 * Y, np.zeros(4), COVARIANCE)
    np.testing.assert_allclose(found, plain - 4 * math.log(scale), rtol=1e-10)


def test_a_covariance_that_is_none_is_nan_and_a_wrong_shape_an_error() -> None:
    assert np.isnan(multivariate.multivariate_normal_logpdf(np.ones(2), np.zeros(2), -np.eye(2)))
    with pytest.raises(OptserveError, match="do not match"):
        multivariate.multivariate_normal_logpdf(np.ones(3), np.zeros(3), np.eye(2))


def test_wishart_agrees_with_scipy() -> None:
    x = 3.0 * COVARIANCE + 0.3 * np.eye(4)
    expected = scipy.stats.wishart.logpdf(x, 6.5, COVARIANCE)
    assert float(matrices.wishart_logpdf(x, dof=6.5, scale=COVARIANCE)) == pytest.approx(expected)
    assert np.isnan(matrices.wishart_logpdf(x, 2.5, COVARIANCE))


def test_lkj_of_two_is_a_beta_and_of_three_is_uniform_over_its_volume() -> None:
    x = np.array([[1.0, 0.3], [0.3, 1.0]])
    expected = scipy.stats.beta.logpdf(0.65, 2.5, 2.5) - math.log(2.0)
    assert float(matrices.lkj_logpdf(x, shape=2.5)) == pytest.approx(expected)
    volume = math.pi**2 / 2.0
    assert float(matrices.lkj_logpdf(np.eye(3), 1.0)) == pytest.approx(-math.log(volume))


def test_shares_and_their_counts_agree_with_scipy() -> None:
    shares, concentration = np.array([0.2, 0.5, 0.3]), np.array([0.7, 3.0, 11.0])
    expected = scipy.stats.dirichlet.logpdf(shares, concentration)
    assert float(simplexes.dirichlet_logpdf(shares, concentration)) == pytest.approx(expected)
    counts = np.array([30, 0, 70])
    expected = scipy.stats.multinomial.logpmf(counts, 100, shares)
    assert float(simplexes.multinomial_logpmf(counts, shares)) == pytest.approx(expected)
    assert float(simplexes.multinomial_logpmf(np.array([-1, 2, 3]), shares)) == -np.inf
    assert float(simplexes.dirichlet_logpdf(np.array([-0.1, 0.6, 0.5]), concentration)) == -np.inf


def test_classes_by_logits_sum_to_one_and_others_have_none() -> None:
    logits = np.array([[1.0, -800.0, 3.0], [0.0, 1.0, 2.0]])
    found = np.stack([classes.categorical_logit_logpmf(k, logits) for k in range(3)])
    np.testing.assert_allclose(found, scipy.special.log_softmax(logits, axis=1).T, rtol=1e-14)
    for k in (-1, 3, 0.5):
        assert classes.categorical_logit_logpmf(k, logits[0]) == -np.inf


def test_parts_of_classes_by_logits_are_sums_of_them_and_right_in_both_tails() -> None:
    logits = np.array([[1.0, -800.0, 3.0], [0.0, 1.0, 2.0]])
    shares = scipy.special.softmax(logits, axis=1)
    for k in (0, 1, 1.7):
        up_to = classes.categorical_logit_logcdf(k, logits)
        more = classes.categorical_logit_logsf(k, logits)
        np.testing.assert_allclose(np.exp(up_to), shares[:, : int(k) + 1].sum(axis=1), rtol=1e-14)
        np.testing.assert_allclose(np.exp(more), shares[:, int(k) + 1 :].sum(axis=1), rtol=1e-14)
    far = np.array([0.0, 800.0, 801.0])
    assert float(classes.categorical_logit_logcdf(0, far)) == pytest.approx(-801.3132616875182)
    assert float(classes.categorical_logit_logsf(1, -far)) == pytest.approx(-801.0, rel=1e-15)
    assert float(classes.categorical_logit_logsf(0, -far)) == pytest.approx(-799.6867383124818)
    slope = grad(lambda x: classes.categorical_logit_logcdf(0, x))(far)
    np.testing.assert_allclose(slope, [1.0, -0.26894142136999516, -0.7310585786300049], 1e-13)
    for k, ends in ((-1, (-np.inf, 0.0)), (2, (0.0, -np.inf)), (np.inf, (0.0, -np.inf))):
        assert classes.categorical_logit_logcdf(k, far) == ends[0]
        assert classes.categorical_logit_logsf(k, far) == ends[1]
        _, pull = vjp(lambda x, k=k: classes.categorical_logit_logcdf(k, x), far)
        assert not pull(np.float64(1.0))[0].any()


def test_ordered_classes_are_differences_of_logistic_functions_in_both_tails() -> None:
    cuts = np.array([-1.0, 0.5, 2.0])
    for eta, k in itertools.product((-2.0, 0.3, 4.0), range(4)):
        ends = np.concatenate([[-np.inf], cuts, [np.inf]]) - eta
        expected = math.log(scipy.special.expit(ends[k + 1]) - scipy.special.expit(ends[k]))
        found = classes.ordered_logistic_logpmf(k, eta, cuts)
        assert float(found) == pytest.approx(expected, rel=1e-12)
    far = float(classes.ordered_logistic_logpmf(1, 800.0, cuts))
    assert far == pytest.approx(0.5 - 800.0 + math.log(-math.expm1(-1.5)), rel=1e-14)
    slope = grad(lambda eta: classes.ordered_logistic_logpmf(1, eta, cuts))(800.0)
    assert float(slope) == pytest.approx(-1.0)
    assert classes.ordered_logistic_logpmf(4, 0.0, cuts) == -np.inf
    assert np.isnan(classes.ordered_logistic_logpmf(1, 0.0, cuts[::-1]))


def test_parts_of_ordered_classes_are_sums_of_them_and_right_in_both_tails() -> None:
    cuts, k = np.array([-1.0, 0.5, 2.0]), np.arange(4)
    each = np.exp(classes.ordered_logistic_logpmf(k, 0.3, cuts))
    up_to = classes.ordered_logistic_logcdf(k, 0.3, cuts)
    more = classes.ordered_logistic_logsf(k, 0.3, cuts)
    np.testing.assert_allclose(np.exp(up_to), np.cumsum(each), rtol=1e-13)
    np.testing.assert_allclose(np.exp(more), 1.0 - np.cumsum(each), rtol=1e-13, atol=1e-15)
    assert float(classes.ordered_logistic_logcdf(1, 800.0, cuts)) == -799.5
    assert float(classes.ordered_logistic_logsf(1.7, -800.0, cuts)) == -800.5
    assert classes.ordered_logistic_logcdf(-1, 0.0, cuts) == -np.inf
    assert classes.ordered_logistic_logsf(-1, 0.0, cuts) == 0.0
    assert (up_to[3], more[3]) == (0.0, -np.inf)


def test_tails_of_shaped_distributions_beyond_what_their_series_reach() -> None:
    from optserve.primitives.densities import circular, shaped_normal

    # Mills' ratio, twice; the next term of its series is a part in some thousands.
    far = float(shaped_normal.skew_normal_logcdf(-12.0, 0.0, 1.0, 5.0))
    density = float(shaped_normal.skew_normal_logpdf(-12.0, 0.0, 1.0, 5.0))
    assert far == pytest.approx(density - math.log(12.0 * 26.0), abs=1e-3)
    # A narrow von Mises distribution is normal, but for a part in its concentration.
    narrow = float(circular.von_mises_logsf(3e-5, 0.0, 1e10))
    assert narrow == pytest.approx(float(scipy.special.log_ndtr(-3.0)), rel=1e-8)
    # It has a period, and both halves are one half.
    assert float(circular.von_mises_logcdf(7.0 + 0.4, 7.0, 2.0)) == pytest.approx(
        float(circular.von_mises_logcdf(7.0 + 0.4 - 2.0 * math.pi, 7.0, 2.0)), rel=1e-13
    )
    assert float(circular.von_mises_logsf(0.5, 0.5, 3.0)) == pytest.approx(math.log(0.5), rel=1e-15)
