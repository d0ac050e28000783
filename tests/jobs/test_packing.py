from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from optserve.errors import ConfigError
from optserve.graph.aval import Array
from optserve.jobs.bijections import interval, log, softplus
from optserve.jobs.packing import Packing
from optserve.jobs.parameters import JobParameter, ParameterTransform
from tests.jobs.problems import parameter

F8 = np.dtype(np.float64)


def softmax_with_zero() -> ParameterTransform:
    """Two coordinates to three shares: a transform that mixes entries and changes the shape."""

    def forward(u: Array) -> Array:
        weights = np.exp(np.concatenate([u, np.zeros_like(u[:1])]))
        shares: Array = weights / np.sum(weights)
        return shares

    return ParameterTransform(
        "shares",
        forward,
        inverse=lambda p: np.log(p[:-1] / p[-1]),
        contains=lambda p: bool(np.all(p > 0)),
        domain="positive",
    )


def test_free_coordinates_are_joined_in_order() -> None:
    packing = Packing(
        [
            parameter("a", 2.0),
            parameter("held", [7.0, 8.0], fixed=True),
            parameter("k", [1.0, np.e], transform=log()),
            parameter("W", np.arange(6.0).reshape(2, 3)),
        ],
        F8,
    )
    flat = packing.flat({})
    assert flat.tolist() == [2.0, 0.0, 1.0, 0.0, 1.0, 2.0, 3.0, 4.0, 5.0]
    assert packing.labels[:4] == ("a", "k[0]", "k[1]", "W[0][0]")
    natural = packing.natural(flat)
    assert natural["held"].tolist() == [7.0, 8.0]
    np.testing.assert_allclose(natural["k"], [1.0, np.e], rtol=1e-15)
    assert natural["W"].tolist() == np.arange(6.0).reshape(2, 3).tolist()


@given(st.lists(st.booleans(), min_size=6, max_size=6), st.booleans())
def test_fixed_entries_stay_and_the_others_follow_the_vector(
    fixed: list[bool], logarithmic: bool
) -> None:
    init = np.array([[0.5, 1.5, 2.5], [3.5, 4.5, 5.5]])
    held = np.array(fixed).reshape(2, 3)
    one = parameter("w", init, fixed=held, transform=log() if logarithmic else None)
    packing = Packing([one, parameter("after", 3.0)], F8)
    flat = packing.flat({})
    assert packing.size == 1 + np.sum(~held)
    moved = packing.natural(flat + 0.5)
    assert moved["w"][held].tolist() == init[held].tolist()
    expected = init[~held] * np.exp(0.5) if logarithmic else init[~held] + 0.5
    np.testing.assert_allclose(moved["w"][~held], expected, rtol=1e-14)
    assert moved["after"] == 3.5


def test_a_start_replaces_the_values_that_it_names() -> None:
    packing = Packing([parameter("a", 1.0), parameter("k", 1.0, transform=log())], F8)
    assert packing.flat({"k": np.array(np.e)}).tolist() == [1.0, 1.0]


def test_bounds_are_those_of_the_coordinates() -> None:
    packing = Packing(
        [
            parameter("a", 0.0, low=-1.0, high=2.0),
            parameter("k", 1.0, low=0.0, high=np.e, transform=log()),
            parameter("n", 1.0, low=-3.0, transform=log()),
            parameter("free", 0.0),
        ],
        F8,
    )
    assert packing.lower is not None
    assert packing.upper is not None
    assert packing.lower.tolist() == [-1.0, -np.inf, -np.inf, -np.inf]
    assert packing.upper.tolist() == [2.0, 1.0, np.inf, np.inf]
    assert Packing([parameter("free", 0.0)], F8).lower is None


@pytest.mark.parametrize(
    "transform", [log(), softplus(), interval(0.0, 3.0)], ids=lambda one: one.name
)
def test_a_bound_is_not_passed_by_rounding(transform: ParameterTransform) -> None:
    for bound in np.linspace(0.1, 2.9, 50):
        low = Packing([parameter("k", 2.95, low=bound, transform=transform)], F8)
        high = Packing([parameter("k", 0.05, high=bound, transform=transform)], F8)
        assert low.lower is not None
        assert high.upper is not None
        assert bound <= low.natural(low.lower)["k"] <= bound * (1.0 + 1e-14)
        assert bound >= high.natural(high.upper)["k"] >= bound * (1.0 - 1e-14)


def test_a_start_outside_its_bounds_is_moved_to_them() -> None:
    packing = Packing([parameter("a", 0.0, low=-1.0, high=2.0)], F8)
    assert packing.flat({"a": np.array(5.0)}).tolist() == [2.0]


def test_a_transform_may_change_the_shape() -> None:
    packing = Packing([parameter("p", [0.2, 0.3, 0.5], transform=softmax_with_zero())], F8)
    assert packing.size == 2
    np.testing.assert_allclose(packing.natural(packing.flat({}))["p"], [0.2, 0.3, 0.5], rtol=1e-14)


@pytest.mark.parametrize(
    ("one", "words"),
    [
        (parameter("k", -1.0, transform=log()), "'k' starts where the transform log is not"),
        (
            parameter("p", [0.2, 0.3, 0.5], low=0.1, transform=softmax_with_zero()),
            "shares mixes its entries, and it has bounds",
        ),
        (
            parameter(
                "p", [0.2, 0.3, 0.5], fixed=[True, False, False], transform=softmax_with_zero()
            ),
            "shares mixes its entries, and an entry is fixed",
        ),
    ],
)
def test_what_makes_no_sense_is_refused_with_its_place(one: JobParameter, words: str) -> None:
    with pytest.raises(ConfigError, match=words) as caught:
        Packing([one], F8)
    assert str(caught.value).startswith("fit.yaml:4:3: ")
