"""``curve_fit``: a model of one curve, by least squares, with SciPy's call."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from functools import lru_cache
from types import CellType, CodeType, FunctionType
from typing import Any

import numpy as np

from optserve.errors import ConfigError, OptserveError, ShapeError
from optserve.fitting.answer import CurveFit
from optserve.fitting.bounds import pairs_of
from optserve.fitting.scipy_keywords import told_of_scipy
from optserve.fitting.series import plainly
from optserve.fitting.solve import (
    Data,
    OutputForm,
    answered,
    automatic,
    derived,
    problem_of,
    stopping,
)
from optserve.fitting.unchanged import unchanged
from optserve.fitting.unknowns import Unknowns
from optserve.graph.aval import Array, Aval
from optserve.graph.dim import Dim
from optserve.graph.operands import plain_array
from optserve.graph.primitive import ArrayFunction
from optserve.jobs.run import run
from optserve.jobs.watch import Progress
from optserve.optimizers import Optimizer

__all__ = ["curve_fit"]


@told_of_scipy
def curve_fit(
    f: ArrayFunction,
    xdata: Any,
    ydata: Any,
    p0: Any = None,
    sigma: Any = None,
    absolute_sigma: bool = False,
    *,
    bounds: Any = None,
    method: Optimizer | None = None,
    tol: float | None = None,
    maxiter: int | None = None,
    seconds: float | None = None,
    progress: Progress | None = None,
) -> CurveFit:
    """The parameters of a model that fit best: ``f(xdata, *parameters)`` to ``ydata``.

    Parameters
    ----------
    f:
        The model, written in NumPy. Its first argument is ``xdata``; the others are parameters,
        each a number.
    xdata:
        An array of shape (n,), or (k, n) of k predictors; anything else reaches the model as it is.
        Of a series of pandas, and of whatever else holds an array, that is taken.
    ydata:
        The observed values, of the shape that the model gives.
    p0:
        Where to start: a sequence in the order of the parameters, or a dict by their names. Where
        there is none it is 1, or as in SciPy the middle of two bounds, or 1 beyond a single one.
    sigma:
        The standard deviations of ``ydata``: a number, or an array of its shape, infinite where a
        value does not count; or the covariance matrix (n, n) of a vector. Without
        ``absolute_sigma`` only their ratios count, as in SciPy; there values of infinite deviation
        still count as observations, so that its ``pcov`` is smaller.
    bounds:
        SciPy's (lower, upper), a pair for each parameter where there are not two, or pairs by name.
    method, tol, maxiter, seconds, progress:
        As for ``minimize``; the method is Levenberg and Marquardt's by default.

    The answer unpacks as (popt, pcov). Where it is not verified to be a minimum, ``success`` is
    false and ``message`` says why; nothing is raised for that.

    >>> x = np.array([0.0, 1.0, 2.0, 3.0, 4.0])
    >>> y = np.array([5.1, 3.0, 1.9, 1.2, 0.6])
    >>> popt, pcov = curve_fit(lambda x, scale, rate: scale * np.exp(-rate * x), x, y)
    >>> popt.round(4), np.sqrt(np.diag(pcov)).round(4)
    (array([5.0804, 0.5035]), array([0.0762, 0.0147]))
    """
    xdata, ydata, sigma = map(plainly, (xdata, ydata, sigma))
    p0 = p0 if isinstance(p0, Mapping) else plainly(p0)
    names = _names(f, p0)
    bounds = _by_name(bounds, names)
    if isinstance(p0, Mapping):
        unknown = [str(name) for name in p0 if name not in names]
        if unknown:
            raise ConfigError(
                f"p0 names '{unknown[0]}', which the model does not take",
                expected=f"any of {', '.join(names)}",
                code="wrong-call",
            )
        start = {**_starts(names, bounds), **p0}
    else:
        given = list(_starts(names, bounds).values()) if p0 is None else p0
        values = np.atleast_1d(plain_array(given))
        if values.shape != (len(names),):
            raise ConfigError(
                f"p0 has the shape {values.shape}, and the model takes {len(names)} parameters",
                expected=f"a start for each of {', '.join(names)}",
                code="wrong-call",
            )
        start = dict(zip(names, values, strict=True))
    unknowns = Unknowns.of(start, bounds)
    y = _observed(ydata, unknowns)

    def residuals(argument: Mapping[str, Any], x: Any, y: Any, deviations: Any = None) -> Any:
        value = f(x, *(argument[name] for name in names))
        if np.shape(value) != y.shape:
            raise ShapeError(
                f"the model gives a value of shape {np.shape(value)}, and ydata has {y.shape}",
                expected="one predicted value for each observed one",
            )
        residual = y - value
        if deviations is None:
            return residual
        return deviations @ residual if np.ndim(deviations) == 2 > y.ndim else residual / deviations

    def outputs(*values: Any) -> tuple[Any, Any, Any]:
        argument, data = unknowns.argument(values[: len(names)]), values[len(names) :]
        residual = residuals(argument, *(data or given))
        return np.sum(np.square(residual)), residual, (data or given)[1]

    if sigma is None and absolute_sigma:
        sigma = 1.0  # as to SciPy
    deviations = None if sigma is None else _deviations(sigma, y)
    given = (xdata, y) if deviations is None else (xdata, y, deviations)
    form = OutputForm(
        "least_squares",
        name=_named(f),
        observed=sigma is None or absolute_sigma,  # else residuals are in another unit than ydata
        sigma=sigma is not None and absolute_sigma,
        weightless=0 if deviations is None else int(np.isinf(deviations).sum()),
    )
    method = method or automatic("least_squares")
    stop = stopping(tol, maxiter, seconds)
    problem = problem_of(form, unknowns, outputs, method, stop, _rows(*given), unchanged(f))
    result = run(problem, progress=progress)
    return answered(CurveFit, result, unknowns, **derived(problem, unknowns), model=f)


def _named(f: ArrayFunction) -> str:
    name = getattr(f, "__name__", "")
    return name if name.isidentifier() else "curve_fit"


def _names(f: ArrayFunction, p0: Any) -> list[str]:
    """The names of the parameters of a model; numbered where it takes any number."""
    plain = type(f) is FunctionType and not f.__dict__
    signature = _of_code(f.__code__) if plain else _signature(f)
    kinds = inspect.Parameter
    named = [
        one.name
        for one in signature
        if one.kind in (kinds.POSITIONAL_ONLY, kinds.POSITIONAL_OR_KEYWORD)
    ]
    if any(one.kind == kinds.VAR_POSITIONAL for one in signature):
        if p0 is None or isinstance(p0, Mapping):
            raise ConfigError(
                "the model takes any number of parameters",
                expected="p0, which says how many",
                code="wrong-call",
            )
        count = np.atleast_1d(plain_array(p0)).size - max(len(named) - 1, 0)
        return [*named[1:], *(f"p{number}" for number in range(count))]
    if len(named) < 2:
        raise ConfigError(
            "the model has no parameters",
            expected="a function f(x, a, b, ...) of the data and at least one parameter",
            code="wrong-call",
        )
    return named[1:]


def _signature(f: ArrayFunction) -> tuple[inspect.Parameter, ...]:
    return tuple(inspect.signature(f).parameters.values())


@lru_cache(maxsize=256)
def _of_code(code: CodeType) -> tuple[inspect.Parameter, ...]:
    """The parameters of any function of this ``code``, without their defaults."""
    return _signature(FunctionType(code, {}, closure=tuple(CellType() for _ in code.co_freevars)))


def _starts(names: list[str], bounds: Any) -> dict[str, float]:
    """Where SciPy's ``curve_fit`` starts without ``p0``."""

    def start(pair: Any) -> float:
        try:
            low, high = (
                end if one is None else float(one)
                for one, end in zip(pair, (-np.inf, np.inf), strict=True)
            )
        except (TypeError, ValueError):  # no pair, which is told where it is used
            return 1.0
        if np.isfinite(low) and np.isfinite(high):
            return 0.5 * (low + high)
        if np.isfinite(low):
            return low + 1.0
        return high - 1.0 if np.isfinite(high) else 1.0

    pairs = {} if bounds is None else bounds
    return {name: start(pairs.get(name, (None, None))) for name in names}


def _by_name(bounds: Any, names: list[str]) -> Any:
    """Bounds as pairs by name."""
    pairs = pairs_of(bounds, len(names))
    if pairs is None or isinstance(pairs, Mapping):
        return pairs
    if len(pairs) != len(names):
        raise ConfigError(
            f"{len(pairs)} bounds do not fit the {len(names)} parameters",
            expected=f"(lower, upper), each a number or {len(names)} of them, or a pair for each",
            code="contradiction",
        )
    return dict(zip(names, pairs, strict=True))


def _observed(ydata: Any, unknowns: Unknowns) -> Array:
    y = plain_array(ydata).astype(unknowns.precision)
    if not np.isfinite(y).all():
        at = np.argwhere(~np.isfinite(y))[0].tolist()
        raise ConfigError(
            f"ydata is not finite at {at}",
            remedy="leave out what was not observed",
            code="given-data",
        )
    if not y.size:
        raise ConfigError("ydata is empty", expected="observed values", code="given-data")
    return y


def _deviations(sigma: Any, y: Array) -> Array:
    """Standard deviations of the shape of ``y``, or the matrix that makes its entries independent
    and of variance 1: the inverse of the Cholesky factor of a covariance."""
    array = plain_array(sigma).astype(y.dtype)
    if array.shape == (y.size, y.size) and y.ndim == 1 and y.size > 1:
        try:
            if np.isfinite(array).all() and np.allclose(array, array.T):
                whitening: Array = np.linalg.inv(np.linalg.cholesky(array))
                return whitening
        except np.linalg.LinAlgError:
            pass
        raise ConfigError(
            "sigma is no covariance matrix",
            expected="a symmetric, positive definite matrix, or standard deviations",
            code="sigma",
        )
    fits = array.shape in ((), y.shape)
    if not fits or not (array > 0).all() or np.isinf(array).all():
        raise ConfigError(
            "sigma is not positive everywhere, or nowhere finite"
            if fits
            else f"sigma has the shape {array.shape}",
            expected=f"positive numbers of the shape of ydata, {y.shape}; infinite where a value "
            "does not count",
            code="sigma",
        )
    return np.broadcast_to(array, y.shape).copy()


def _rows(xdata: Any, y: Array, *further: Array) -> Data:
    """The data as rows of a table, where they are, and nothing else."""
    try:
        x = plain_array(xdata)
    except OptserveError:
        return {}
    if y.ndim != 1 or x.dtype.kind not in "fiu":
        return {}
    if any(one.shape != y.shape for one in (x, *further)):
        return {}
    aval = Aval((Dim.rows("data"),), y.dtype)
    arrays = zip(("x", "y", "sigma"), (x.astype(y.dtype), y, *further), strict=False)
    return {name: (aval, array) for name, array in arrays}
