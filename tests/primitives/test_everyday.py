"""Everyday functions against SciPy, or against what they are written out."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import pytest
import scipy.interpolate
import scipy.signal
import scipy.special
import scipy.stats

from optserve.errors import NumericalFailure, ShapeError
from optserve.graph.aval import Array
from optserve.primitives.activations import (
    elu,
    gelu,
    layer_norm,
    leaky_relu,
    log_softmax,
    silu,
    softmax,
)
from optserve.primitives.convolution import avg_pool, conv1d, conv2d, max_pool
from optserve.primitives.groups import (
    embedding,
    one_hot,
    segment_max,
    segment_mean,
    segment_min,
    segment_sum,
)
from optserve.primitives.interpolation import interp
from optserve.primitives.kernels import matern, rbf
from optserve.primitives.ranks import quantile, rank, weighted_mean
from optserve.primitives.survival import cox_log_likelihood
from optserve.transforms.functions import grad
from optserve.transforms.jacobians import hessian, hvp

RNG = np.random.default_rng(21)
X = RNG.standard_normal(7)


def differs(function: Callable[[Any], Any], x: Array, *, rel: float = 1e-7) -> None:
    """Compare a gradient, and a product of the Hessian, with differences."""
    direction, step = RNG.standard_normal(x.shape), 1e-5
    slope = (function(x + step * direction) - function(x - step * direction)) / (2 * step)
    assert np.sum(grad(function)(x) * direction) == pytest.approx(slope, rel=rel, abs=1e-7)
    ahead, behind = (grad(function)(x + sign * step * direction) for sign in (1.0, -1.0))
    second = np.asarray(hvp(function)(x, direction))
    np.testing.assert_allclose(second, (ahead - behind) / (2 * step), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("scale", [1e-3, 1.0, 30.0, 1000.0])
def test_softmax(scale: float) -> None:
    x = scale * RNG.standard_normal((3, 5))
    np.testing.assert_allclose(softmax(x), scipy.special.softmax(x, -1), rtol=1e-12)
    np.testing.assert_allclose(softmax(x, axis=0), scipy.special.softmax(x, 0), rtol=1e-12)
    np.testing.assert_allclose(log_softmax(x), scipy.special.log_softmax(x, -1), rtol=1e-12)
    slope = grad(lambda x: log_softmax(x)[0, 1])(x)
    expected = (np.arange(5) == 1) - scipy.special.softmax(x[0])
    np.testing.assert_allclose(slope[0], expected, atol=1e-14)


@pytest.mark.parametrize(
    "function", [gelu, silu, elu, leaky_relu, softmax, log_softmax, layer_norm]
)
def test_derivatives_of_activations(function: Callable[[Any], Any]) -> None:
    weights = RNG.standard_normal(7)
    differs(lambda x: np.sum(weights * function(x)), X)


def test_activations_far_out() -> None:
    far = np.array([-1000.0, -40.0, 0.0, 40.0, 1000.0])
    np.testing.assert_allclose(gelu(far), far * scipy.stats.norm.cdf(far))
    np.testing.assert_allclose(silu(far), far * scipy.special.expit(far))
    np.testing.assert_array_equal(elu(far), np.where(far > 0.0, far, np.expm1(np.minimum(far, 0))))
    for function in (gelu, silu, elu, leaky_relu):
        slope = grad(lambda x, f=function: np.sum(f(x)))(far)
        assert np.isfinite(slope).all()
        assert slope[-1] == 1.0
        curved = np.diag(hessian(lambda x, f=function: np.sum(f(x)))(far))
        assert np.isfinite(curved).all()
    assert grad(elu)(0.0) == 1.0
    assert grad(leaky_relu)(0.0) == 0.01


@pytest.mark.parametrize("padding", [0, 2, "same"])
def test_a_convolution_of_series(padding: Any) -> None:
    x, w = RNG.standard_normal((2, 3, 9)), RNG.standard_normal((4, 3, 3))
    found = conv1d(x, w, padding=padding)
    width = 1 if padding == "same" else padding
    padded = np.pad(x, ((0, 0), (0, 0), (width, width)))
    expected = np.array(
        [
            [sum(scipy.signal.correlate(one[c], v[c], "valid") for c in range(3)) for v in w]
            for one in padded
        ]
    )
    np.testing.assert_allclose(found, expected, atol=1e-12)
    np.testing.assert_allclose(conv1d(x, w, 2, padding), expected[..., ::2], atol=1e-12)


def test_a_convolution_of_images() -> None:
    x, w = RNG.standard_normal((2, 2, 6, 5)), RNG.standard_normal((3, 2, 3, 2))
    expected = np.array(
        [
            [sum(scipy.signal.correlate2d(one[c], v[c], "valid") for c in range(2)) for v in w]
            for one in x
        ]
    )
    np.testing.assert_allclose(conv2d(x, w), expected, atol=1e-12)
    np.testing.assert_allclose(conv2d(x, w, (2, 1)), expected[:, :, ::2], atol=1e-12)
    spread = np.zeros((3, 2, 5, 3))
    spread[:, :, ::2, ::2] = w
    np.testing.assert_allclose(conv2d(x, w, dilation=2), conv2d(x, spread), atol=1e-12)
    assert conv2d(x, w, padding="same").shape == (2, 3, 6, 5)
    differs(lambda w: np.sum(conv2d(x, w, stride=2, padding=1) ** 2), w)


def test_pools() -> None:
    x = RNG.standard_normal((2, 4, 6))
    blocks = x.reshape(2, 2, 2, 3, 2).swapaxes(2, 3).reshape(2, 2, 3, 4)
    np.testing.assert_array_equal(max_pool(x, 2), blocks.max(-1))
    np.testing.assert_allclose(avg_pool(x, 2), blocks.mean(-1))
    assert max_pool(x, (3,), stride=1).shape == (2, 4, 4)
    np.testing.assert_array_equal(grad(lambda x: max_pool(x, (2,))[0])(np.ones(2)), [0.5, 0.5])


def test_groups() -> None:
    group, x = np.array([2, 0, 2, 1, 0]), RNG.standard_normal((5, 2))
    expected = np.array([x[group == g].sum(0) for g in range(3)])
    np.testing.assert_allclose(segment_sum(x, group, 3), expected)
    counts = np.array([2, 1, 2])[:, None]
    np.testing.assert_allclose(segment_mean(x, group, 3), expected / counts)
    largest = np.array([x[group == g].max(0) for g in range(3)])
    np.testing.assert_array_equal(segment_max(x, group, 3), largest)
    np.testing.assert_array_equal(segment_min(-x, group, 3), -largest)
    np.testing.assert_array_equal(one_hot(group, 3), np.eye(3)[group])
    np.testing.assert_array_equal(embedding(x, group), x[group])
    assert segment_sum(np.array([True, True, False, True, True]), group, 3).tolist() == [2, 1, 1]
    ties = grad(lambda x: segment_max(x, [0, 0, 1], 2)[0])(np.array([1.0, 1.0, 3.0]))
    assert ties.tolist() == [0.5, 0.5, 0.0]
    differs(lambda x: np.sum(np.square(segment_mean(x, group, 3))), x)


@np.errstate(invalid="ignore")
def test_groups_that_are_none() -> None:
    assert np.isnan(segment_sum([1.0, 2.0], [0, 5], 2)).any()
    assert np.isnan(segment_sum([1.0, 2.0], [0, -1], 2)).any()
    assert np.isnan(segment_mean([1.0, 2.0], [0, 0], 2))[1]
    assert np.isnan(one_hot([0, 3], 3))[1].all()
    with pytest.raises(NumericalFailure, match="group 5 is none of 2"):
        segment_max([1.0, 2.0], [0, 5], 2)
    with pytest.raises(ShapeError, match="float64"):
        segment_sum([1.0, 2.0], [0.0, 1.0], 2)


def test_a_cubic_curve_is_the_natural_spline() -> None:
    xp = np.sort(RNG.uniform(0.0, 5.0, 8))
    fp = RNG.standard_normal(8)
    x = np.linspace(xp[0], xp[-1], 101)
    spline = scipy.interpolate.CubicSpline(xp, fp, bc_type="natural")
    np.testing.assert_allclose(interp(x, xp, fp, kind="cubic"), spline(x), atol=1e-12)
    np.testing.assert_array_equal(interp(xp, xp, fp), fp)
    slope = [grad(lambda one: interp(one, xp, fp, kind="cubic"))(one) for one in x[1:-1]]
    np.testing.assert_allclose(slope, spline(x[1:-1], 1), atol=1e-10)
    curve = [grad(grad(lambda one: interp(one, xp, fp, kind="cubic")))(one) for one in x[1:-1]]
    np.testing.assert_allclose(curve, spline(x[1:-1], 2), atol=1e-9)
    differs(lambda fp: np.sum(interp(x, xp, fp, kind="cubic") ** 2), fp)
    differs(lambda xp: np.sum(interp(x[3:-3], xp, fp, kind="cubic") ** 2), xp, rel=1e-6)


def test_a_curve_outside_of_its_points() -> None:
    found = interp([-1.0, 0.0, 2.0, 9.0], [0.0, 2.0], [1.0, 3.0], left=7.0)
    assert found.tolist() == [7.0, 1.0, 3.0, 3.0]
    assert grad(lambda x: interp(x, [0.0, 2.0], [1.0, 3.0]))(5.0) == 0.0
    assert interp([-1.0, 4.0], [0.0], [2.0]).tolist() == [2.0, 2.0]


def test_ranks_and_quantiles() -> None:
    x = RNG.integers(0, 5, 12).astype(float)
    np.testing.assert_array_equal(rank(x), scipy.stats.rankdata(x))
    slope = grad(lambda x: quantile(x, 0.25))(np.array([4.0, 1.0, 2.0]))
    np.testing.assert_allclose(slope, [0.0, 0.5, 0.5])
    np.testing.assert_allclose(grad(lambda q: quantile([1.0, 2.0, 4.0], q))(0.75), 4.0)
    assert weighted_mean([[1.0, 2.0], [3.0, 6.0]], [1.0, 3.0], axis=1).tolist() == [1.75, 5.25]


def _squares(x: Array, nu: float, length: Any) -> Any:
    return np.sum(matern(x, x, length, nu) ** 2)


def test_kernels() -> None:
    x, z = RNG.standard_normal((4, 2)), RNG.standard_normal((3, 2))
    length = np.array([0.5, 2.0])
    r = np.sqrt(np.sum(((x[:, None] - z) / length) ** 2, axis=-1))
    np.testing.assert_allclose(rbf(x, z, length), np.exp(-(r**2) / 2))
    for nu in (0.5, 1.5, 2.5):
        s = np.sqrt(2 * nu) * r
        expected = 2.0 ** (1 - nu) / scipy.special.gamma(nu) * s**nu * scipy.special.kv(nu, s)
        np.testing.assert_allclose(matern(x, z, length, nu), expected)
        differs(partial(_squares, x, nu), length)
    differs(lambda v: np.sum(rbf(x, x, v) ** 2), length)


@pytest.mark.parametrize("kind", ["linear", "cubic"])
def test_points_in_disorder_have_no_curve(kind: Any) -> None:
    for x in (-1.0, 1.5, 9.0):
        assert np.isnan(interp(x, [2.0, 0.0, 1.0], [1.0, 2.0, 3.0], kind=kind))
    points = np.array([0, 1, 1, 2], np.float32)
    assert interp(np.float32(1.5), points, points).dtype == np.float32
    assert interp(0.5, [0.0, 1.0, 1.0, 2.0], [1.0, 2.0, 3.0, 4.0]) == 1.5


def test_codes_of_events_are_0_and_1() -> None:
    """In data of other programs they are 1 and 2."""
    assert np.isnan(cox_log_likelihood([0.1, 0.2], [3.0, 5.0], [1, 2]))


def cox_written_out(eta: Array, time: Array, event: Array, ties: str) -> float:
    total = 0.0
    for t in np.unique(time[event > 0]):
        died = (time == t) & (event > 0)
        at_risk, dying = np.exp(eta[time >= t]).sum(), np.exp(eta[died]).sum()
        for number in range(int(died.sum())):
            share = number / died.sum() if ties == "efron" else 0.0
            total -= np.log(at_risk - share * dying)
        total += eta[died].sum()
    return float(total)


@pytest.mark.parametrize("ties", ["efron", "breslow"])
def test_coxs_partial_likelihood(ties: Any) -> None:
    for _ in range(5):
        eta = RNG.standard_normal(30)
        time, event = RNG.integers(0, 9, 30), RNG.integers(0, 2, 30)
        found = cox_log_likelihood(eta, time, event, ties=ties)
        assert found == pytest.approx(cox_written_out(eta, time, event, ties), rel=1e-13)
        assert cox_log_likelihood(eta + 1e3, time, event > 0, ties) == pytest.approx(float(found))
    differs(lambda eta: cox_log_likelihood(eta, time, event, ties=ties), eta)
