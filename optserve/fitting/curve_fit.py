"""``curve_fit``: a model of one curve, by least squares, with SciPy's call."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Any

import numpy as np

from optserve.errors import ConfigError, OptserveError, ShapeError
from optserve.fitting.answer import CurveFit
from optserve.fitting.bounds import pairs_of
from optserve.fitting.solve import (
    Data,
    Form,
    Function,
    answered,
    automatic,
    jacobian_of,
    problem_of,
)
from optserve.fitting.unknowns import Unknowns
from optserve.graph.aval import Array, Aval
from optserve.graph.dim import Dim
from optserve.graph.operands import plain_array
from optserve.jobs.problem import Stop
from optserve.jobs.run import run
from optserve.jobs.watch import Progress
from optserve.optimizers import Optimizer

__all__ = ["curve_fit"]


def curve_fit(
    f: Function,
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
    ydata:
        The observed values, of the shape that the model gives.
    p0:
        Where to start: a sequence in the order of the parameters, or a dict by their names; 1 for
        each where there is none.
    sigma:
        The standard deviations of ``ydata``: a number, or an array of its shape. Without
        ``absolute_sigma`` only their ratios count, as in SciPy.
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
    names = _names(f, p0)
    if isinstance(p0, Mapping):
        unknown = [str(name) for name in p0 if name not in names]
        if unknown:
            raise ConfigError(
                f"p0 names '{unknown[0]}', which the model does not take",
                expected=f"any of {', '.join(names)}",
                code="wrong-call",
            )
        start = {name: p0.get(name, 1.0) for name in names}
    else:
        values = np.ones(len(names)) if p0 is None else np.atleast_1d(plain_array(p0))
        if values.shape != (len(names),):
            raise ConfigError(
                f"p0 has the shape {values.shape}, and the model takes {len(names)} parameters",
                expected=f"a start for each of {', '.join(names)}",
                code="wrong-call",
            )
        start = dict(zip(names, values, strict=True))
    unknowns = Unknowns.of(start, _by_name(bounds, names))
    y = _observed(ydata, unknowns)

    def residuals(argument: Mapping[str, Any], x: Any, y: Any, deviations: Any = None) -> Any:
        value = f(x, *(argument[name] for name in names))
        if np.shape(value) != y.shape:
            raise ShapeError(
                f"the model gives a value of shape {np.shape(value)}, and ydata has {y.shape}",
                expected="one predicted value for each observed one",
            )
        residual = y - value
        return residual if deviations is None else residual / deviations

    def outputs(*values: Any) -> tuple[Any, Any, Any]:
        argument, data = unknowns.argument(values[: len(names)]), values[len(names) :]
        residual = residuals(argument, *(data or given))
        return np.sum(np.square(residual)), residual, (data or given)[1]

    given = (xdata, y, *(() if sigma is None else (_deviations(sigma, y),)))
    form = Form(
        "least_squares",
        name=_named(f),
        observed=True,
        sigma=sigma is not None and absolute_sigma,
    )
    method = method or automatic("least_squares")
    stop = Stop(gradient=tol, steps=maxiter, seconds=seconds)
    problem = problem_of(form, unknowns, outputs, method, stop, _rows(*given))
    result = run(problem, progress=progress)
    return answered(
        CurveFit,
        result,
        unknowns,
        residuals=lambda argument: np.asarray(residuals(argument, *given)),
        jacobian=jacobian_of(lambda argument: residuals(argument, *given), unknowns),
        model=f,
    )


def _named(f: Function) -> str:
    name = getattr(f, "__name__", "")
    return name if name.isidentifier() else "curve_fit"


def _names(f: Function, p0: Any) -> list[str]:
    """The names of the parameters of a model; numbered where it takes any number."""
    signature = inspect.signature(f).parameters.values()
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
    array = plain_array(sigma).astype(y.dtype)
    if array.ndim == 2 and y.ndim == 1:
        raise ConfigError(
            "sigma is a covariance matrix",
            expected="standard deviations, one for each observed value",
            remedy="multiply the residuals by the inverse of its Cholesky factor, in least_squares",
            code="sigma",
        )
    if array.shape not in ((), y.shape) or not (array > 0).all():
        raise ConfigError(
            f"sigma has the shape {array.shape}"
            if array.shape not in ((), y.shape)
            else "sigma is not positive everywhere",
            expected=f"positive numbers of the shape of ydata, {y.shape}",
            code="sigma",
        )
    return np.broadcast_to(array, y.shape).copy()


def _rows(xdata: Any, y: Array, *further: Array) -> Data:
    """The data as rows of a table, where they are, and nothing else."""
    try:
        x = plain_array(xdata)
    except OptserveError:
        return {}
    if y.ndim != 1 or x.shape != y.shape or x.dtype.kind not in "fiu":
        return {}
    aval = Aval((Dim.rows("data"),), y.dtype)
    arrays = zip(("x", "y", "sigma"), (x.astype(y.dtype), y, *further), strict=False)
    return {name: (aval, array) for name, array in arrays}
