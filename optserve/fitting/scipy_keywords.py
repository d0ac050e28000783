"""What SciPy's solvers take, and these do without: each is refused with what to write instead."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import ParamSpec, TypeVar

from optserve.errors import ConfigError

__all__ = ["INSTEAD", "told_of_scipy"]

P = ParamSpec("P")
R = TypeVar("R")

_EXACT = "leave it out: derivatives are exact"
_STEPS = "maxiter=, the most steps, or seconds="
_TOLERANCE = "tol=, the relative length of a gradient that counts as 0"
_FINITE = "leave it out: what is not finite is refused by name"

INSTEAD: Mapping[str, str] = MappingProxyType(
    {
        "callback": "progress=, which is shown a Snapshot now and then",
        "check_finite": _FINITE,
        "constraints": "bounds= of entries; write others into the function, as a penalty",
        "diff_step": _EXACT,
        "f_scale": "minimize of a loss that is written out",
        "ftol": _TOLERANCE,
        "full_output": "leave it out: the answer has nfev, message, status and result",
        "gtol": _TOLERANCE,
        "hess": _EXACT,
        "hessp": _EXACT,
        "jac": _EXACT,
        "jac_sparsity": "leave it out: it is seen in what the function does",
        "loss": "minimize of a loss that is written out",
        "max_nfev": _STEPS,
        "maxfev": _STEPS,
        "nan_policy": _FINITE,
        "options": "maxiter=, tol=, seconds=, or a method with its own: lbfgs(memory=20)",
        "tr_options": "method=, one of optserve.optimizers",
        "tr_solver": "method=, one of optserve.optimizers",
        "verbose": "progress=, which is shown a Snapshot now and then",
        "x_scale": "leave it out: the answer does not depend on units",
        "xtol": _TOLERANCE,
    }
)
"""By keyword of ``scipy.optimize``, what there is for it."""


def told_of_scipy(solver: Callable[P, R]) -> Callable[P, R]:
    """A solver that refuses the other keywords of SciPy's by what there is instead.

    >>> told_of_scipy(lambda fun: fun)(fun=1, jac="2-point")
    Traceback (most recent call last):
    optserve.errors.ConfigError: <lambda>() has no `jac`
      remedy: leave it out: derivatives are exact
    """
    own = inspect.signature(solver).parameters

    @functools.wraps(solver)
    def solved(*args: P.args, **kwargs: P.kwargs) -> R:
        for name in kwargs:
            if name not in own and name in INSTEAD:
                told = f"{solver.__name__}() has no `{name}`"
                raise ConfigError(told, remedy=INSTEAD[name], code="wrong-call")
        return solver(*args, **kwargs)

    return solved
