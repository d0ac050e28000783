from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from optserve.optimizers.line_search import (
    CURVATURE,
    MAX_TRIALS,
    SUFFICIENT_DECREASE,
    advance,
    begin,
)

Curve = Callable[[float], tuple[float, float]]
PRECISION = float(np.finfo(float).eps)


def search(curve: Curve, step: float, most: float = 1e10) -> tuple[float, str, int]:
    """The step where a search along ``curve`` ends, how it ends, and the number of trials."""
    state = begin(*curve(0.0), step, most)
    for trials in range(1, MAX_TRIALS + 2):
        state, outcome = advance(state, *curve(state.step), PRECISION)
        if outcome != "continue":
            return state.step, outcome, trials
    raise AssertionError("the search does not end")


def is_acceptable(curve: Curve, step: float) -> bool:
    """Whether the strong Wolfe conditions hold, or a minimum with less is within a hundredth."""
    (value0, slope0), (value, slope) = curve(0.0), curve(step)
    enough = value <= value0 + SUFFICIENT_DECREASE * step * slope0
    flat = abs(slope) <= CURVATURE * abs(slope0)
    around = curve(step / 1.01)[1] < 0 < curve(step * 1.01)[1]
    return enough and (flat or around)


def flattening(x: float) -> tuple[float, float]:
    """Moré & Thuente (1994), function 5.1 with beta 2."""
    return -x / (x * x + 2), (x * x - 2) / (x * x + 2) ** 2


def steep(x: float) -> tuple[float, float]:
    """Function 5.2 with beta 0.004."""
    return (x + 0.004) ** 5 - 2 * (x + 0.004) ** 4, 5 * (x + 0.004) ** 4 - 8 * (x + 0.004) ** 3


def wavy(x: float) -> tuple[float, float]:
    """Function 5.3 with beta 0.01 and l 39."""
    beta, waves = 0.01, 39 * math.pi / 2
    if x <= 1 - beta:
        value, slope = 1 - x, -1.0
    elif x >= 1 + beta:
        value, slope = x - 1, 1.0
    else:
        value, slope = (x - 1) ** 2 / (2 * beta) + beta / 2, (x - 1) / beta
    wave = 2 * (1 - beta) / (39 * math.pi) * math.sin(waves * x)
    return value + wave, slope + (1 - beta) * math.cos(waves * x)


def yanai(beta1: float, beta2: float) -> Curve:
    """Functions 5.4 of Moré & Thuente (1994)."""

    def gamma(beta: float) -> float:
        return math.sqrt(1 + beta * beta) - beta

    def curve(x: float) -> tuple[float, float]:
        left, right = math.hypot(1 - x, beta2), math.hypot(x, beta1)
        value = gamma(beta1) * left + gamma(beta2) * right
        return value, -gamma(beta1) * (1 - x) / left + gamma(beta2) * x / right

    return curve


CURVES = {
    "flattening": flattening,
    "steep": steep,
    "wavy": wavy,
    "yanai-1": yanai(1e-3, 1e-3),
    "yanai-2": yanai(1e-2, 1e-3),
    "yanai-3": yanai(1e-3, 1e-2),
}


@pytest.mark.parametrize("name", CURVES)
@pytest.mark.parametrize("step", [1e-3, 1e-1, 1e1, 1e3])
def test_an_acceptable_step_on_the_published_functions(name: str, step: float) -> None:
    found, outcome, trials = search(CURVES[name], step)
    assert outcome == "accept"
    assert is_acceptable(CURVES[name], found)
    assert trials <= 12


@given(st.floats(1e-3, 1e3), st.floats(1e-6, 1e6), st.floats(1e-6, 1e6), st.floats(-1e3, 1e3))
def test_a_step_of_the_right_length_on_any_parabola(
    minimum: float, curvature: float, step: float, offset: float
) -> None:
    def curve(x: float) -> tuple[float, float]:
        return (
            offset + 0.5 * curvature * (x - minimum) ** 2,
            curvature * (x - minimum),
        )

    found, outcome, _ = search(curve, step)
    assert outcome in {"accept", "settle"}
    assert abs(found - minimum) <= minimum


def test_a_step_to_the_end_of_the_way_is_accepted() -> None:
    assert search(lambda x: (-x, -1.0), 1.0, most=5.0)[:2] == (5.0, "accept")


@pytest.mark.parametrize("edge", [0.9, 1e-4])
def test_a_value_that_is_not_finite_shortens_the_step(edge: float) -> None:
    def curve(x: float) -> tuple[float, float]:
        return (math.nan, math.nan) if x > edge else ((x - edge / 2) ** 2, 2 * x - edge)

    found, outcome, _ = search(curve, 1.0)
    assert outcome == "accept"
    assert found <= edge


def test_ascent_fails() -> None:
    assert search(lambda x: (x, -1.0), 1.0)[1] == "fail"


def test_a_valley_that_is_not_smooth_is_settled_in() -> None:
    found, outcome, _ = search(lambda x: (abs(x - 0.3), math.copysign(1.0, x - 0.3)), 1.0)
    assert outcome in {"accept", "settle"}
    assert found == pytest.approx(0.3, abs=0.02)


def test_slopes_decide_where_values_are_rounding() -> None:
    def curve(x: float) -> tuple[float, float]:
        return 1e20, x - 1.0

    found, outcome, _ = search(curve, 0.1)
    assert outcome == "accept"
    assert 0.1 <= found <= 1.9


def test_slopes_do_not_hide_a_kink() -> None:
    def curve(x: float) -> tuple[float, float]:
        return 1e20, -1.0 if x < 1e-12 else 1.0

    assert search(curve, 1.0)[1] == "fail"
