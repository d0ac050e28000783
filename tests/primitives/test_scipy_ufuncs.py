"""Ufuncs of scipy.special on traced values, beside SciPy and its differences."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.special as sp

import optserve
from optserve.errors import TraceError
from optserve.primitives.scipy_ufuncs import _MEANINGS

SMALL = np.array([1e-300, 1e-9, 0.02, 0.31, 0.4999, 0.6, 0.97, 1.0 - 1e-9])
WIDE = np.array([-40.0, -6.0, -1.1, -1e-9, 0.0, 1e-9, 0.3, 2.0, 5.0, 30.0])
OPERANDS = {
    **dict.fromkeys(_MEANINGS, (WIDE,)),
    "gammaln": (np.abs(WIDE) + 0.2,),
    "log1p": (SMALL,),
    "logit": (SMALL,),
    "psi": (np.abs(WIDE) + 0.2,),
    "xlogy": (np.array([0.0, 2.0]), np.array([3.0, 0.5])),
}


@pytest.mark.parametrize("name", sorted(_MEANINGS))
def test_values_are_those_of_scipy(name: str) -> None:
    ufunc = getattr(sp, name)
    value, _ = optserve.vjp(ufunc, *OPERANDS[name])
    np.testing.assert_allclose(value, ufunc(*OPERANDS[name]), rtol=4e-14, atol=5e-324)
    single = [one.astype(np.float32)[1:-1] for one in OPERANDS[name]]
    assert optserve.vjp(ufunc, *single)[0].dtype == np.float32


@pytest.mark.parametrize("name", sorted(_MEANINGS))
def test_derivatives_are_those_of_differences(name: str) -> None:
    ufunc, x = getattr(sp, name), np.array([0.2, 0.45, 0.8])
    others = [np.array([0.7, 1.5, 2.0])] if name == "xlogy" else []
    gradient = optserve.grad(lambda x: np.sum(ufunc(x, *others)))(x)
    step = 1e-6
    differences = (ufunc(x + step, *others) - ufunc(x - step, *others)) / (2 * step)
    np.testing.assert_allclose(gradient, differences, rtol=1e-7)
    assert np.isfinite(optserve.hessian(lambda x: np.sum(ufunc(x, *others)))(x)).all()


def test_another_ufunc_is_refused() -> None:
    with pytest.raises(TraceError, match="fresnel"):
        optserve.grad(lambda x: sp.fresnel(x)[0])(1.0)
