"""Ufuncs of ``scipy.special`` on traced values: those that are made of this vocabulary.

Others come with packages of primitives, which say which ufunc they mean.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

import numpy as np

from optserve.graph.primitive import Value
from optserve.primitives.elementary import sigmoid, softplus, xlogy
from optserve.primitives.normal_tails import ROOT_HALF, log_erfc, ndtr
from optserve.primitives.special import digamma, erf, erfc, gammaln

__all__ = ["of_scipy"]


def _log_ndtr(x: Value) -> Value:
    above = np.log1p(-0.5 * erfc(ROOT_HALF * np.maximum(x, 0.0)))
    return np.where(x > 0.0, above, log_erfc(-ROOT_HALF * x) - math.log(2.0))


def _logit(x: Value) -> Value:
    near = np.abs(x - 0.5) < 0.2  # where the logarithms nearly cancel
    middle = 2.0 * np.arctanh(2.0 * np.where(near, x, 0.5) - 1.0)
    return np.where(near, middle, np.log(x) - np.log1p(-x))


_MEANINGS: Mapping[str, Callable[..., Value]] = MappingProxyType(
    {
        "cbrt": np.cbrt,
        "cosm1": lambda x: -2.0 * np.sin(0.5 * x) ** 2,
        "erf": erf,
        "erfc": erfc,
        "exp10": lambda x: 10.0**x,
        "exp2": np.exp2,
        "expit": sigmoid,
        "expm1": np.expm1,
        "gammaln": gammaln,
        "log1p": np.log1p,
        "log_expit": lambda x: -softplus(-x),
        "log_ndtr": _log_ndtr,
        "logit": _logit,
        "ndtr": ndtr,
        "psi": digamma,
        "xlogy": xlogy,
    }
)
"""By the names of the ufuncs: SciPy, which takes long to import, is asked once it is there."""


def of_scipy(ufunc: Any) -> Callable[..., Value] | None:
    """What a ufunc of ``scipy.special`` means; ``None`` of another, or of one that is not known.

    >>> import scipy.special
    >>> of_scipy(scipy.special.erf).name
    'erf'
    """
    module = sys.modules.get("scipy.special")
    known = module is not None and getattr(module, ufunc.__name__, None) is ufunc
    return _MEANINGS.get(ufunc.__name__) if known else None
