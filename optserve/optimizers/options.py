"""Checks of the options of a method: each error names the option, what is right, and a remedy."""

from __future__ import annotations

import math

from optserve.errors import ConfigError

__all__ = ["count", "fraction", "nonnegative", "number", "positive"]


def number(owner: str, option: str, value: object, such_as: float, expected: str) -> float:
    """``value`` as a float, or a ``ConfigError`` where it is no finite number."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise _error(owner, option, value, such_as, expected)
    return float(value)


def positive(owner: str, option: str, value: float, such_as: float) -> float:
    """A finite number above 0.

    >>> positive("adam", "epsilon", 1e-8, such_as=1e-8)
    1e-08
    >>> positive("adam", "epsilon", -1.0, such_as=1e-8)
    Traceback (most recent call last):
    optserve.errors.ConfigError: adam: epsilon is -1.0
      expected: a positive number
      remedy: give one such as 1e-08
    """
    expected = "a positive number"
    if number(owner, option, value, such_as, expected) <= 0:
        raise _error(owner, option, value, such_as, expected)
    return float(value)


def nonnegative(owner: str, option: str, value: float, such_as: float) -> float:
    """A finite number of at least 0."""
    expected = "a number of at least 0"
    if number(owner, option, value, such_as, expected) < 0:
        raise _error(owner, option, value, such_as, expected)
    return float(value)


def fraction(owner: str, option: str, value: float, such_as: float) -> float:
    """A number of at least 0 and below 1."""
    expected = "a number of at least 0 and below 1"
    if not 0 <= number(owner, option, value, such_as, expected) < 1:
        raise _error(owner, option, value, such_as, expected)
    return float(value)


def count(owner: str, option: str, value: object, such_as: int, least: int = 1) -> int:
    """An integer of at least ``least``."""
    if isinstance(value, bool) or not isinstance(value, int) or value < least:
        raise _error(owner, option, value, such_as, f"an integer of at least {least}")
    return value


def _error(owner: str, option: str, value: object, such_as: float, expected: str) -> ConfigError:
    return ConfigError(
        f"{owner}: {option} is {value!r}",
        expected=expected,
        remedy=f"give one such as {such_as!r}",
    )
