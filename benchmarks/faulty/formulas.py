"""Derivatives of entries that are wrong, everywhere or only somewhere."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from benchmarks.faulty.mutant import COLUMN, Mutant, entries
from optserve.plugin import Value, positive

__all__ = ["MUTANTS"]

UP = np.array([0.1, 0.25, 0.5, 1.0, 1.0, 2.0, 3.0, 4.0])
FORMULA, PLACE = "formula", "only somewhere"


def logistic(x: Value) -> Value:
    return 1.0 / (1.0 + np.exp(-x))


def everywhere(fault: str, *given: Any, **more: Any) -> Mutant:
    return Mutant(FORMULA, fault, entries(*given, **more))


def upward(fault: str, *given: Any, **more: Any) -> Mutant:
    """One of positive numbers."""
    return Mutant(FORMULA, fault, entries(*given, domain=positive, **more), column=UP)


def of_two(fault: str, *given: Any, **more: Any) -> Mutant:
    """One of a parameter's multiples and the parameter."""
    return Mutant(
        FORMULA,
        fault,
        entries(*given, domain=positive, **more),
        lambda f, a, x: np.sum(f(a * x, a)),
        column=UP,
        start=1.5,
    )


def somewhere(fault: str, *given: Any, **more: Any) -> Mutant:
    fields = {key: more.pop(key) for key in ("loss", "column", "start") if key in more}
    return Mutant(PLACE, fault, entries(*given, **more), **fields)


MUTANTS = (
    everywhere("sign", "sine", np.sin, lambda out, x: -np.cos(x)),
    everywhere("a constant of 1e-4 added", "sine_offset", np.sin, lambda out, x: np.cos(x) + 1e-4),
    everywhere("factor 2 for 3", "cube", lambda x: x**3, lambda out, x: 2.0 * x * x),
    everywhere("off by 1e-5 of itself", "growth", np.exp, lambda out, x: out * (1.0 + 1e-5)),
    everywhere("off by 1e-8 of itself", "slightly", np.exp, lambda out, x: out * (1.0 + 1e-8)),
    everywhere("square forgotten", "tangent", np.tanh, lambda out, x: 1.0 - out),
    everywhere(
        "argument negated", "softened", lambda x: np.logaddexp(x, 0.0), lambda out, x: logistic(-x)
    ),
    everywhere("plus for minus", "share", logistic, lambda out, x: out * (1.0 + out)),
    everywhere("declared to have none", "parabola", lambda x: x * x, lambda out, x: (None,)),
    everywhere(
        "a term of the product rule forgotten",
        "hump",
        lambda x: x * np.exp(-x * x),
        lambda out, x: np.exp(-x * x),
    ),
    everywhere(
        "chain rule forgotten", "wave", lambda x: np.sin(3.0 * x), lambda out, x: np.cos(3.0 * x)
    ),
    everywhere(
        "radians for degrees",
        "sine_of_degrees",
        lambda x: np.sin(x * (math.pi / 180.0)),
        lambda out, x: np.cos(x * (math.pi / 180.0)),
    ),
    everywhere(
        "square of the argument forgotten", "angle", np.arctan, lambda out, x: 1.0 / (1.0 + x)
    ),
    everywhere(
        "epsilon in the rule alone",
        "length",
        lambda x: np.sqrt(1.0 + x * x),
        lambda out, x: x / (out + 1e-4),
    ),
    everywhere("the derivative of another function", "cosine", np.cos, lambda out, x: np.cos(x)),
    upward("inverted", "root", np.sqrt, lambda out, x: 0.5 * out),
    upward("natural for decimal", "decades", np.log10, lambda out, x: 1.0 / x),
    upward("shift forgotten", "shifted", np.log1p, lambda out, x: 1.0 / x),
    of_two("operands swapped", "times", lambda x, y: x * y, lambda out, x, y: (x, y)),
    of_two("square forgotten", "over", lambda x, y: x / y, lambda out, x, y: (1.0 / y, -x / y)),
    of_two(
        "sign by the second", "quotient", lambda x, y: x / y, lambda out, x, y: (1.0 / y, x / y**2)
    ),
    of_two(
        "exponent not lowered",
        "to_the",
        lambda x, y: x**y,
        lambda out, x, y: (y * out, out * np.log(x)),
    ),
    of_two(
        "logarithm of the other",
        "raised",
        lambda x, y: x**y,
        lambda out, x, y: (y * out / x, out * np.log(y)),
    ),
    of_two(
        "by the first for by the second", "diagonal", np.hypot, lambda out, x, y: (x / out, x / out)
    ),
    of_two(
        "none by the second", "minus", lambda x, y: x - y, lambda out, x, y: (1.0 + 0.0 * x, None)
    ),
    Mutant(
        FORMULA,
        "an option is ignored",
        entries(
            "scaled",
            lambda x, *, scale=2.0: scale * x * x,
            lambda out, x, *, scale: 2.0 * x,
        ),
        lambda f, a, x: np.sum(f(a * x, scale=3.0)),
    ),
    somewhere("at 0", "sine_at_0", np.sin, lambda out, x: np.where(x == 0.0, 0.0, np.cos(x))),
    somewhere("no number at 0", "hole", lambda x: x * x, lambda out, x: 2.0 * x * x / x),
    somewhere("at 1", "sine_at_1", np.sin, lambda out, x: np.where(x == 1.0, 0.0, np.cos(x))),
    somewhere(
        "at whole numbers",
        "whole",
        np.sin,
        lambda out, x: np.where(x == np.floor(x), 1.0, np.cos(x)),
    ),
    somewhere(
        "at one number of the data, 0.25",
        "rare",
        np.sin,
        lambda out, x: np.where(x == 0.25, 0.0, np.cos(x)),
    ),
    somewhere(
        "for negative numbers, from a start that has none",
        "sized",
        lambda x: np.abs(x) ** 1.5,
        lambda out, x: 1.5 * np.abs(x) ** 0.5,
        column=UP,
    ),
    somewhere(
        "for large numbers: clipped at 5",
        "steep",
        lambda x: x * x,
        lambda out, x: np.clip(2.0 * x, -5.0, 5.0),
    ),
    somewhere(
        "for small numbers",
        "series",
        np.sin,
        lambda out, x: np.where(np.abs(x) < 0.01, 1.0 + x, np.cos(x)),
        column=np.array([0.5, 0.002, -0.003, 1.0, 2.0]),
    ),
    somewhere(
        "between 0.7301 and 0.7302",
        "sliver",
        np.sin,
        lambda out, x: np.where(np.abs(x - 0.73015) < 5e-5, 0.0, np.cos(x)),
    ),
    somewhere(
        "between 0.4 and 0.6",
        "window",
        np.sin,
        lambda out, x: np.where(np.abs(x - 0.5) < 0.1, 0.0, np.cos(x)),
    ),
    somewhere(
        "beyond 2, where the start is not",
        "beyond",
        np.sin,
        lambda out, x: np.where(np.abs(x) > 2.0, 0.0, np.cos(x)),
        column=COLUMN / 2.0,
    ),
    somewhere(
        "at a kink, outside of its slopes",
        "corner",
        np.abs,
        lambda out, x: np.where(x == 0.0, 3.0, np.sign(x)),
    ),
    somewhere(
        "the wrong threshold",
        "robust",
        lambda x: np.where(np.abs(x) <= 1.0, 0.5 * x * x, np.abs(x) - 0.5),
        lambda out, x: np.clip(x, -1.5, 1.5),
    ),
    somewhere(
        "branches swapped",
        "branches",
        lambda x: np.where(x > 0.0, x * x, -x),
        lambda out, x: np.where(x > 0.0, -1.0, 2.0 * x),
    ),
    somewhere(
        "one branch",
        "hinge",
        lambda x: np.where(x > 0.5, x * x, x - 0.25),
        lambda out, x: np.where(x > 0.5, 2.0 * x, 0.0),
    ),
    somewhere(
        "at ties, twice",
        "larger",
        lambda x, y: np.maximum(x, y),
        lambda out, x, y: (
            np.where(x >= y, 1.0, 0.0) + np.where(x == y, 1.0, 0.0),
            np.where(y > x, 1.0, 0.0),
        ),
        loss=lambda f, a, x: np.sum(f(a * x, a)),
        selects=True,
    ),
    somewhere(
        "where the second is negative",
        "product",
        lambda x, y: x * y,
        lambda out, x, y: (np.abs(y), x),
        loss=lambda f, a, x: np.sum(f(x + 0.0 * a, a) ** 2 + f(a * x, a)),
    ),
)
