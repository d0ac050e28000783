"""Numbers keep what is known, claim no more, and read back to what they stood for."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from optserve.reports.numbers import (
    compact,
    error_text,
    estimate_text,
    interval_text,
    share_text,
    significant,
)

numbers = st.floats(allow_nan=False, allow_infinity=False, min_value=-1e300, max_value=1e300)
sizes = st.floats(min_value=1e-200, max_value=1e200)


@given(numbers, st.integers(1, 17))
def test_significant_is_within_half_a_unit_of_its_last_digit(value: float, digits: int) -> None:
    assert float(significant(value, digits)) == pytest.approx(
        value, rel=0.51 * 10.0 ** (1 - digits)
    )


@given(numbers)
def test_seventeen_digits_are_the_number_itself(value: float) -> None:
    assert float(compact(value, 17)) == value


@given(numbers)
def test_compact_has_no_zeros_to_spare(value: float) -> None:
    mantissa = compact(value).partition("e")[0]
    assert "." not in mantissa or mantissa[-1] not in "0."


@given(numbers, sizes)
def test_an_estimate_is_good_to_a_thousandth_of_its_error(value: float, error: float) -> None:
    allowed = max(1e-3 * error, 1e-14 * abs(value))
    assert abs(float(estimate_text(value, error)) - value) <= allowed


@given(st.floats(-1e6, 1e6), st.floats(1e-3, 1e3))
def test_an_estimate_claims_no_digit_below_its_error(value: float, error: float) -> None:
    mantissa, _, exponent = estimate_text(value, error).partition("e")
    last = int(exponent or 0) - len(mantissa.partition(".")[2])
    assert 10.0**last >= 1e-5 * error or len(mantissa.lstrip("-0.")) == 1  # not 0, all the same


@pytest.mark.parametrize(
    ("value", "error", "text"),
    [
        (238.94212918, 2.7070075241, "238.9421"),
        (5.5015643181e-4, 7.2668688e-6, "5.501564e-4"),
        (1e-9, 2.7, "1e-9"),
        (-1.6e-9, 2.7, "-2e-9"),
        (0.0, 2.7, "0"),
        (123456789.0, 12345.0, "1.23456789e8"),
        (5.0, 0.0, "5"),
        (5.0, math.nan, "5"),
        (math.nan, 1.0, "nan"),
        (math.inf, None, "inf"),
        (1.0, 1e-30, "1.00000000000000"),
        (0.0, None, "0"),
    ],
)
def test_estimates(value: float, error: float | None, text: str) -> None:
    assert estimate_text(value, error) == text


def test_errors_and_intervals() -> None:
    assert error_text(0.000999951) == "0.001000"
    assert error_text(0.0) == "0"
    assert interval_text(5.343e-4, 5.660e-4, 7.267e-6) == "[5.3430e-4, 5.6600e-4]"
    assert interval_text(1e-12, math.inf, 2.5) == "[1.0e-12, inf]"


@given(numbers, sizes | st.none())
def test_only_0_is_printed_as_0(value: float, error: float | None) -> None:
    texts = [estimate_text(value, error), compact(value), share_text(value), error_text(abs(value))]
    assert [float(text) == 0.0 for text in texts] == [value == 0.0] * 4


@given(st.floats(0.0, 1.0) | st.just(1.0 - 2.0**-53))
def test_only_1_is_printed_as_1(share: float) -> None:
    assert (float(share_text(share)) == 1.0) == (share == 1.0)
