"""Distributions of shares, and of counts that have them: Dirichlet, multinomial."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from optserve.errors import ShapeError
from optserve.graph.domain import Example, integer, positive
from optserve.graph.facts import Facts
from optserve.graph.primitive import Value
from optserve.graph.structured import simplex
from optserve.primitives.constructors import composite
from optserve.primitives.densities.density import in_one_dtype, no_count, only_if
from optserve.primitives.densities.deviance import deviance, stirling
from optserve.primitives.elementary import xlogy
from optserve.primitives.special import gammaln

__all__ = ["dirichlet_logpdf", "multinomial_logpmf"]


def _vectors(first: str, second: str) -> Callable[..., Any]:
    def arguments(*given: Value) -> Any:
        for name, value in zip((first, second), given, strict=True):
            if not np.ndim(value):
                raise ShapeError(f"{name} is one number", expected="a vector, along the last axis")
        return given, {}

    return arguments


_SLACK = 0.01
"""How far from 1 the sum of shares may be: they are rounded, or on the way of a difference."""


def _whole(shares: Value) -> Value:
    """``shares``, and NaN where their sum is not 1."""
    return only_if(np.abs(np.sum(shares, axis=-1, keepdims=True) - 1.0) <= _SLACK, shares)


def _dirichlet_logpdf(x: Value, concentration: Value) -> Value:
    concentration = only_if(concentration > 0.0, concentration)
    outside = np.any((x < 0.0) | (x > 1.0), axis=-1)
    shares = np.where((x < 0.0) | (x > 1.0), 0.5, _whole(x))
    total = np.sum(concentration, axis=-1)
    norm = gammaln(total) - np.sum(gammaln(concentration), axis=-1)
    inside = np.sum(xlogy(concentration - 1.0, shares), axis=-1) + norm
    return np.where(outside, -np.inf, inside)


_in_a_vector = _vectors("x", "concentration")


def _dirichlet_arguments(x: Value, concentration: Value) -> Any:
    return _in_a_vector(x, concentration)


dirichlet_logpdf = composite(
    "dirichlet_logpdf",
    _dirichlet_logpdf,
    impl=in_one_dtype(_dirichlet_logpdf),
    arguments=_dirichlet_arguments,
    domain=(simplex, positive),
    examples=(Example(((4, 3), (3,))), Example(((3,), (4, 3)))),
    facts=Facts(remedy="keep concentration positive, and x a vector of shares", cost=60.0),
    doc="""
    Log density of the Dirichlet distribution at x, whose last axis holds shares: numbers from 0 to
    1 whose sum is 1. Where one is negative it is -inf, and of another sum NaN.
    """,
)


def _multinomial_logpmf(k: Value, chances: Value) -> Value:
    outside = np.any(no_count(k), axis=-1)
    counts = np.where(no_count(k), 0.0, k)
    trials = np.sum(counts, axis=-1)
    expected = trials[..., None] * _whole(chances)
    parts = np.sum(stirling(counts) + deviance(counts, expected), axis=-1)
    return np.where(outside, -np.inf, stirling(trials) - parts)


_counts_and_chances = _vectors("k", "chances")


def _multinomial_arguments(k: Value, chances: Value) -> Any:
    return _counts_and_chances(k, chances)


multinomial_logpmf = composite(
    "multinomial_logpmf",
    _multinomial_logpmf,
    impl=in_one_dtype(_multinomial_logpmf),
    arguments=_multinomial_arguments,
    domain=(integer(0, 5), simplex),
    examples=(Example(((4, 3), (3,))), Example(((3,), (4, 3)))),
    facts=Facts(
        remedy="keep chances from 0 to 1, of the sum 1: `transform: simplex`, or softmax(...)",
        cost=200.0,
    ),
    doc="""
    Log probability of the counts along the last axis of k, of which each trial takes one with these
    chances, whose sum is 1: of another it is NaN. Where one is no count it is -inf.
    """,
)
