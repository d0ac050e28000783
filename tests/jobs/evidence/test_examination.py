"""What is found at an end is the same in any unit of the loss, units of parameters and mixture."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from optserve.graph.aval import Array
from optserve.jobs.evidence.budget import Budget
from optserve.jobs.reasons import Reason
from tests.jobs.evidence.landscapes import (
    Landscape,
    Loss,
    View,
    exponentials,
    poisson,
    quadratic,
    squares,
)

seeds = st.integers(0, 10_000)
sizes = st.integers(2, 5)
exponents = st.integers(-30, 30)
quick = settings(max_examples=25, deadline=None)
few = settings(max_examples=12, deadline=None)


def turned(rng: np.random.Generator, size: int) -> Array:
    """A rotation by chance."""
    found: Array = np.linalg.qr(rng.standard_normal((size, size)))[0]
    return found


def bowl(rng: np.random.Generator, values: Array) -> Array:
    """A symmetric matrix (p, p) with these eigenvalues (p,)."""
    axes = turned(rng, values.size)
    found: Array = (axes * values) @ axes.T
    return 0.5 * (found + found.T)


def in_units(rng: np.random.Generator, size: int, exponent: int) -> View:
    """The same coordinates in units from 1e-10 to 1e10, and the loss in 10**exponent."""
    return View(np.eye(size), 10.0 ** rng.uniform(-10.0, 10.0, size), 10.0**exponent)


def mixed(rng: np.random.Generator, size: int, exponent: int) -> View:
    """Coordinates that are mixtures."""
    return View(turned(rng, size), np.ones(size), 10.0**exponent)


def center(rng: np.random.Generator, size: int) -> Array:
    found: Array = rng.uniform(0.5, 2.0, size) * rng.choice((-1.0, 1.0), size)
    return found


@quick
@given(seeds, sizes, exponents)
def test_the_evidence_of_a_quadratic_loss_has_no_units(seed: int, size: int, exponent: int) -> None:
    rng = np.random.default_rng(seed)
    loss = quadratic(bowl(rng, rng.uniform(0.1, 10.0, size)), center(rng, size))
    u = center(rng, size)
    plain = Landscape(loss, View.plain(size)).examined(u, finishes=False).evidence
    for view in (in_units(rng, size, exponent), mixed(rng, size, exponent)):
        found = Landscape(loss, view).examined(u, finishes=False).evidence
        decrease = found.predicted_decrease / view.unit
        assert decrease == pytest.approx(plain.predicted_decrease, rel=1e-9)
        assert decrease == pytest.approx(loss.value(u), rel=1e-9)
        assert found.distance == pytest.approx(plain.distance, rel=1e-9)
        assert found.least_curvature > 0.0
        assert found.verified is plain.verified is False
    found = Landscape(loss, in_units(rng, size, exponent)).examined(u, finishes=False).evidence
    assert found.least_curvature == pytest.approx(plain.least_curvature, rel=1e-9)


@quick
@given(seeds, sizes, exponents, st.booleans())
def test_newton_steps_finish_in_any_units(seed: int, size: int, exponent: int, mixes: bool) -> None:
    rng = np.random.default_rng(seed)
    middle = center(rng, size)
    loss = quadratic(bowl(rng, rng.uniform(0.1, 10.0, size)), middle, quartic=0.5)
    view = (mixed if mixes else in_units)(rng, size, exponent)
    found = Landscape(loss, view).examined(middle + 0.1 * rng.standard_normal(size))
    assert found.reason in {Reason.gradient, Reason.precision}, found.evidence.sentence
    assert found.evidence.verified
    assert found.place is not None
    assert found.evidence.directions == ()
    np.testing.assert_allclose(view.u(found.place.point), middle, rtol=1e-6)


@quick
@given(seeds, sizes, exponents, st.booleans())
def test_a_saddle_is_left_in_any_units(seed: int, size: int, exponent: int, mixes: bool) -> None:
    rng = np.random.default_rng(seed)
    middle = center(rng, size)
    values = rng.uniform(0.1, 10.0, size)
    values[0] = -rng.uniform(0.1, 10.0)
    loss = quadratic(bowl(rng, values), middle, quartic=1.0)
    view = (mixed if mixes else in_units)(rng, size, exponent)
    seen = Landscape(loss, view)
    found = seen.examined(middle, finishes=False)
    assert found.reason is Reason.saddle, found.evidence.sentence
    assert found.evidence.least_curvature < 0.0
    assert found.onward is not None
    assert found.onward.loss < 0.0
    finished = seen.examined(middle)
    if finished.evidence.verified:  # else the descent goes on, from lower down
        lowest = -0.25 * float(np.linalg.eigvalsh(loss.hessian(middle))[0]) ** 2
        assert finished.place is not None
        assert finished.place.loss / view.unit <= 0.99 * lowest
    else:
        assert finished.reason in {None, Reason.saddle}, finished.evidence.sentence


@quick
@given(seeds, st.integers(3, 5), exponents, st.booleans())
def test_a_flat_direction_is_named_in_any_units(
    seed: int, size: int, exponent: int, mixes: bool
) -> None:
    rng = np.random.default_rng(seed)
    axes = turned(rng, size)
    factor = np.sqrt(rng.uniform(0.5, 5.0, size - 1))[:, None] * axes.T[1:]
    middle = center(rng, size)
    loss = squares(factor, middle)
    view = (mixed if mixes else in_units)(rng, size, exponent)
    found = Landscape(loss, view).examined(middle + 0.01 * rng.standard_normal(size))
    assert found.reason in {Reason.gradient, Reason.precision}, found.evidence.sentence
    assert found.evidence.verified
    [direction] = found.evidence.directions
    assert direction.kind == ("trade-off" if len(direction.parameters) > 1 else "flat")
    along = view.u(direction.vector)
    assert abs(along @ axes[:, 0]) == pytest.approx(np.linalg.norm(along), rel=1e-4)


@few
@given(seeds, st.integers(1, 4), st.booleans())
def test_the_optimum_of_a_likelihood_is_found(seed: int, size: int, mixes: bool) -> None:
    rng = np.random.default_rng(seed)
    design, best = rng.standard_normal((20, size)), center(rng, size)
    loss = poisson(design, np.exp(design @ best))
    view = (mixed if mixes else in_units)(rng, size, 0)
    found = Landscape(loss, view).examined(best + 0.05 * rng.standard_normal(size))
    assert found.reason in {Reason.gradient, Reason.precision}, found.evidence.sentence
    assert found.evidence.verified
    assert found.place is not None
    np.testing.assert_allclose(view.u(found.place.point), best, rtol=1e-6)


@few
@given(seeds, st.integers(1, 4), exponents, st.booleans())
def test_a_minimum_at_infinity_is_none_in_any_units(
    seed: int, size: int, exponent: int, mixes: bool
) -> None:
    rng = np.random.default_rng(seed)
    loss = exponentials(rng.uniform(0.5, 2.0, size))
    view = (mixed if mixes else in_units)(rng, size, exponent)
    found = Landscape(loss, view).examined(rng.uniform(5.0, 10.0, size), gained=1e-3)
    assert not found.evidence.verified
    assert found.reason in {None, Reason.runs_away}, found.evidence.sentence
    if found.reason is Reason.runs_away:
        assert {one.kind for one in found.evidence.directions} == {"runs away"}


def losses(rng: np.random.Generator, size: int) -> list[Loss]:
    middle = center(rng, size)
    values = rng.uniform(0.1, 10.0, size)
    saddle, flat = values.copy(), values.copy()
    saddle[0], flat[0] = -1.0, 0.0
    return [
        quadratic(bowl(rng, values), middle, quartic=1.0),
        quadratic(bowl(rng, saddle), middle, quartic=1.0),
        quadratic(bowl(rng, flat), middle),
        exponentials(rng.uniform(0.5, 2.0, size)),
        poisson(rng.standard_normal((9, size)), rng.integers(0, 4, 9).astype(float)),
    ]


@few
@given(seeds, st.integers(1, 40), st.integers(1, 400), st.booleans())
def test_no_examination_exceeds_its_budget(
    seed: int, size: int, limit: int, finishes: bool
) -> None:
    rng = np.random.default_rng(seed)
    for loss in losses(rng, size):
        seen, budget = Landscape(loss, View.plain(size)), Budget()
        budget.allow(limit)
        found = seen.examined(rng.standard_normal(size), finishes=finishes, budget=budget)
        assert seen.asked == budget.spent <= limit
        if found.in_part:
            assert not found.evidence.verified
            assert found.reason is None
            assert "would cost more than the descent did" in found.evidence.sentence


def test_a_loss_that_falls_to_a_kink_nearby_is_at_no_minimum() -> None:
    """A sum of absolute deviations that seen from a little farther off rises in all senses."""
    x = np.arange(8.0)
    y = np.array([1.1, 1.9, 3.2, 3.9, 5.1, 6.2, 6.8, 8.1])

    def deviations(u: Array) -> Array:
        found: Array = u[0] * x + u[1] - y
        return found

    def gradient(u: Array) -> Array:
        signs = np.sign(deviations(u))
        return np.array([signs @ x, signs.sum()])

    loss = Loss(lambda u: float(np.abs(deviations(u)).sum()), gradient, lambda u: np.zeros((2, 2)))
    end = np.array([1.0018441697387483, 1.0879321620393456])
    assert loss.value(end) > loss.value(np.array([1.0, 1.1])) + 0.01
    found = Landscape(loss, View.plain(2)).examined(end)
    assert found.reason is Reason.stalled
    assert "kink" in found.evidence.sentence
