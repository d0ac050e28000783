"""``where`` and ``initial`` of reductions: what is left out takes no part in them."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import optserve
from optserve.errors import ShapeError

X = np.array([[0.5, np.nan, -1.5, 2.0], [np.inf, 1.25, 0.75, -0.25]])
TAKEN = np.isfinite(X)
FINITE = np.where(TAKEN, X, 0.3)

REDUCTIONS: dict[str, Callable[[Any], Any]] = {
    "sum": lambda x: np.sum(x, where=TAKEN, initial=2.0),
    "prod": lambda x: np.prod(x, where=TAKEN, initial=2.0),
    "mean": lambda x: np.sum(np.mean(x, axis=1, where=TAKEN)),
    "var": lambda x: np.sum(np.var(x, axis=1, where=TAKEN, ddof=1)),
    "std": lambda x: np.sum(np.std(x, axis=-1, where=TAKEN, keepdims=True)),
    "max": lambda x: np.sum(np.max(x, axis=1, where=TAKEN, initial=1.5)),
    "min": lambda x: np.min(x, where=TAKEN, initial=9.0),
    "nanmean": lambda x: np.nanmean(x, where=TAKEN),
    "nanstd": lambda x: np.nanstd(x, where=TAKEN, ddof=2),
}


@pytest.mark.parametrize("name", REDUCTIONS)
def test_what_is_left_out_takes_no_part(name: str) -> None:
    reduced = REDUCTIONS[name]
    value, gradient = optserve.value_and_grad(reduced)(X)
    np.testing.assert_allclose(value, reduced(X), rtol=1e-15)
    assert (gradient[~TAKEN] == 0.0).all()
    for place in zip(*np.nonzero(TAKEN), strict=True):
        ahead, behind = FINITE.copy(), FINITE.copy()
        ahead[place] += 1e-6
        behind[place] -= 1e-6
        slope = (reduced(ahead) - reduced(behind)) / 2e-6
        np.testing.assert_allclose(gradient[place], slope, rtol=1e-7, atol=1e-8)
    compiled, slopes = optserve.compile(optserve.value_and_grad(reduced))(X)
    np.testing.assert_allclose(compiled, value, rtol=1e-14)
    np.testing.assert_allclose(slopes, gradient, rtol=1e-13)


@pytest.mark.parametrize("ddof", [0, 1, 2, 3, 5])
def test_without_freedom_it_is_what_numpy_gives(ddof: int) -> None:
    x = np.array([[1.0, np.nan, 2.5], [np.nan, 3.0, np.nan], [1.0, 4.0, 2.0]])
    taken = ~np.isnan(x)
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        for reduced in (
            lambda x: np.nanvar(x, axis=1, ddof=ddof),
            lambda x: np.nanstd(x, axis=1, ddof=ddof),
            lambda x: np.var(x, axis=1, ddof=ddof, where=taken),
            lambda x: np.cov(np.nan_to_num(x), ddof=ddof),
        ):
            np.testing.assert_allclose(optserve.vjp(reduced, x)[0], reduced(x), rtol=1e-14)


def test_a_mask_that_is_larger_than_the_value_is_refused() -> None:
    with pytest.raises(ShapeError, match="where of shape"):
        optserve.grad(lambda x: np.sum(x, where=np.ones((2, 3), bool)))(np.ones(3))


@pytest.mark.parametrize(
    "made", [lambda x: np.gradient(x), lambda x: np.i0(x), lambda x: np.nanmedian(x, axis=())]
)
def test_single_precision_is_kept(made: Callable[[Any], Any]) -> None:
    x = np.array([0.5, 1.5, 4.0], np.float32)
    value, pullback = optserve.vjp(made, x)
    assert value.dtype == np.float32
    assert pullback(value)[0].dtype == np.float32
    np.testing.assert_allclose(value, made(x), rtol=1e-6)
