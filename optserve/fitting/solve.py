"""``minimize`` and ``least_squares`` of Python functions, by exact derivatives."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from numbers import Real
from types import MappingProxyType
from typing import Any, Literal, NamedTuple, TypeVar

import numpy as np

from optserve.errors import ConfigError, ShapeError
from optserve.fitting.answer import Answer, LeastSquares, Minimum
from optserve.fitting.bounds import pairs_of
from optserve.fitting.scipy_keywords import told_of_scipy
from optserve.fitting.unchanged import Unchanged
from optserve.fitting.unknowns import Unknowns
from optserve.graph.aval import Array, Aval
from optserve.graph.graph import Graph
from optserve.graph.interpret import applied
from optserve.graph.primitive import ArrayFunction, Primitive
from optserve.graph.trace import TracedFunction, Tracer
from optserve.jobs.parameters import JobParameter
from optserve.jobs.problem import SHARED, Objective, Problem, Provided, StoppingRule
from optserve.jobs.record.result import Result
from optserve.jobs.run import run
from optserve.jobs.watch import Progress
from optserve.memo import Memo
from optserve.optimizers import Optimizer, lbfgs, levenberg_marquardt
from optserve.primitives.tracing import trace
from optserve.primitives.vocabulary import is_builtin
from optserve.registry import default_session
from optserve.transforms.jacobians import jacobian
from optserve.transforms.simplify import prune

__all__ = [
    "Data",
    "OutputForm",
    "answered",
    "automatic",
    "derived",
    "least_squares",
    "minimize",
    "problem_of",
    "stopping",
]

Data = Mapping[str, tuple[Aval, Array]]
"""Arrays by name, each with the aval under which it is traced."""

A = TypeVar("A", bound=Answer)


@told_of_scipy
def minimize(
    fun: ArrayFunction,
    x0: Any,
    args: Any = (),
    *,
    method: Optimizer | None = None,
    bounds: Any = None,
    tol: float | None = None,
    maxiter: int | None = None,
    seconds: float | None = None,
    names: Sequence[str] | None = None,
    progress: Progress | None = None,
) -> Minimum:
    """The least value of a scalar function of one array, from a start.

    Parameters
    ----------
    fun:
        ``fun(x, *args)``, written in NumPy; it is called once, with a traced ``x``, and compiled.
    x0:
        Where to start: a number, an array of any shape, or a dict of these, whose form ``x`` has.
        Of float32 arrays all is computed in float32.
    method:
        A method of ``optserve.optimizers``, such as ``adam(learning_rate=0.1)``; default L-BFGS.
    bounds:
        (low, high) for all entries, a pair for each, or pairs by name; ``None`` for no bound.
        ``scipy.optimize.Bounds`` will do.
    tol:
        The relative length of a gradient that counts as 0 (`stop.gradient` in a config).
    maxiter, seconds:
        When to stop in any case.
    names:
        Of the entries of a vector, for reports.
    progress:
        Is shown a ``Snapshot`` ten times a second at most.

    Raises ``ShapeError`` where the function gives no scalar, ``TraceError`` where it leaves NumPy.

    >>> def rosenbrock(x):
    ...     return np.sum(100.0 * (x[1:] - x[:-1] ** 2) ** 2 + (1.0 - x[:-1]) ** 2)
    >>> best = minimize(rosenbrock, np.array([-1.2, 1.0]))
    >>> best.success, best.x.round(6)
    (True, array([1., 1.]))
    """
    unknowns = Unknowns.of(x0, bounds, names)
    stop, more = stopping(tol, maxiter, seconds), _listed(args)

    def outputs(*values: Any) -> Any:
        value = _traced("fun", fun(unknowns.argument(values), *more))
        if value.size == 1:
            return np.reshape(value, ())
        if value.shape:
            raise ShapeError(
                f"fun gives a value of shape {value.shape}",
                expected="a scalar to minimize",
                remedy="np.sum or np.mean makes one; least_squares takes residuals",
            )
        return value

    problem = problem_of(OutputForm("loss"), unknowns, outputs, method or automatic("loss"), stop)
    return answered(Minimum, run(problem, progress=progress), unknowns)


@told_of_scipy
def least_squares(
    fun: ArrayFunction,
    x0: Any,
    args: Any = (),
    *,
    method: Optimizer | None = None,
    bounds: Any = None,
    tol: float | None = None,
    maxiter: int | None = None,
    seconds: float | None = None,
    names: Sequence[str] | None = None,
    progress: Progress | None = None,
) -> LeastSquares:
    """The least sum of squares of the residuals ``fun(x, *args)``, an array of any shape.

    The arguments are those of ``minimize``, but that ``bounds`` may also be SciPy's pair of arrays
    (lower, upper); the method is Levenberg and Marquardt's by default. The standard errors and
    the covariance are scaled by the residuals.

    >>> t, y = np.array([0.0, 1.0, 2.0, 3.0]), np.array([1.1, 2.9, 5.2, 6.8])
    >>> line = least_squares(lambda b: y - b[0] - b[1] * t, [0.0, 0.0])
    >>> line.x.round(6), line.standard_errors.round(6)
    (array([1.09, 1.94]), array([0.169411, 0.090554]))
    """
    if np.ndim(x0) == 1:  # SciPy's (lower, upper) is of a vector
        bounds = pairs_of(bounds, np.size(x0))
    unknowns = Unknowns.of(x0, bounds, names)
    stop, more = stopping(tol, maxiter, seconds), _listed(args)

    def outputs(*values: Any) -> tuple[Any, Any]:
        residual = _traced("fun", fun(unknowns.argument(values), *more))
        return np.sum(np.square(residual)), residual

    method = method or automatic("least_squares")
    problem = problem_of(OutputForm("least_squares"), unknowns, outputs, method, stop)
    return answered(
        LeastSquares, run(problem, progress=progress), unknowns, **derived(problem, unknowns)
    )


def stopping(tol: float | None, maxiter: int | None, seconds: float | None) -> StoppingRule:
    """When to stop; raises ``ConfigError`` where a limit is none."""
    for name, limit in (("tol", tol), ("maxiter", maxiter), ("seconds", seconds)):
        if limit is not None and not (isinstance(limit, Real) and limit >= 0):
            raise ConfigError(
                f"{name} is {limit!r}", expected="a number of at least 0", code="wrong-call"
            )
    return StoppingRule(gradient=tol, steps=maxiter, seconds=seconds)


def _listed(args: Any) -> tuple[Any, ...]:
    """Further arguments: a tuple of them or, as SciPy takes it, one alone."""
    return args if isinstance(args, tuple) else (args,)


@functools.cache
def automatic(kind: Literal["loss", "least_squares"]) -> Optimizer:
    """The method where none is given."""
    return lbfgs() if kind == "loss" else levenberg_marquardt()


class OutputForm(NamedTuple):
    """What the outputs of a function are: of least squares the loss, the residuals and, where they
    are ``observed``, the values that were observed. ``sigma``: residuals are in units of a known
    standard deviation. ``weightless`` of them do not count."""

    kind: Literal["loss", "least_squares"]
    name: str = "fit"
    observed: bool = False
    sigma: bool = False
    weightless: int = 0


def problem_of(
    form: OutputForm,
    unknowns: Unknowns,
    outputs: ArrayFunction,
    method: Optimizer,
    stop: StoppingRule,
    data: Data = MappingProxyType({}),
    model: Unchanged | None = None,
) -> Problem:
    """The job of ``outputs``, a function of the parameters and then of ``data``.

    A function that cannot be traced over ``data``, whose number of rows is not known then, is
    called without them. ``model`` tells what ``outputs`` depend on besides; what was traced of the
    same is not traced again.
    """
    if not isinstance(method, Optimizer):
        raise ConfigError(
            f"the method is {method!r}",
            expected="an optimizer, such as optserve.optimizers.lbfgs()",
            code="not-installed",
        )
    if method.needs == "jacobian" and form.kind == "loss":
        raise ConfigError(
            f"{method.name} needs residuals, and there is one number to minimize",
            remedy="use least_squares, or leave out the method",
            code="wrong-method",
        )
    parameters, precision = unknowns.cast(), unknowns.precision

    def traced_over(data: Data) -> TracedFunction:
        avals = [Aval(one.shape, precision) for one in parameters]
        avals += [aval for aval, _ in data.values()]
        names = [*(one.name for one in parameters), *data]
        return trace(outputs, *avals, precision=precision, names=names)

    def traced_once() -> TracedFunction:
        if model is None or not data:
            return traced_over(data)
        shapes = [(one.name, one.shape) for one in parameters]
        columns = [(name, aval) for name, (aval, _) in data.items()]
        key = "traced", form, precision, tuple(shapes), tuple(columns), model.values
        return default_session().fits.of(key, lambda: traced_over(data), *model.objects)

    try:
        traced = traced_once()
    except Exception:
        if not data:
            raise
        data = {}
        traced = traced_over(data)
    captured = {f"constant {i}": one for i, one in enumerate(traced.captured, 1)}
    least_squares = form.kind == "least_squares"
    structure = _structure(form, parameters, traced.graph, method)
    return Problem(
        name=form.name,
        parameters=structure.parameters,
        objective=Objective(
            form.kind,
            structure.graph,
            {**{key: array for key, (_, array) in data.items()}, **captured},
            residuals=("residual",) if least_squares else (),
            sigma=form.sigma,
            weightless=form.weightless,
            observed=form.observed,
        ),
        optimizer=method,
        stop=stop,
        third_party=_provided(traced.graph),
        precision="float32" if precision == np.float32 else "float64",
        shared=structure.shared,
    )


class _Structure(NamedTuple):
    """What does not change from one call to another of one function, but for its data."""

    parameters: tuple[JobParameter, ...]
    graph: Graph
    shared: Memo


def _structure(
    form: OutputForm, parameters: tuple[JobParameter, ...], graph: Graph, method: Optimizer
) -> _Structure:
    """That of an earlier call which traced the same graph, from the same start; else a new one.

    What is compiled once is used again: a loop over data sets pays for it once.
    """
    said = [
        (one.name, one.shape, *(part.tobytes() for part in (one.init, one.lower, one.upper)))
        for one in parameters
    ]
    places = tuple(one.place for one in graph.equations)
    return default_session().fits.of(
        (form, tuple(said), graph.computes, places),
        lambda: _Structure(parameters, graph, Memo(SHARED)),
        method,
    )


def answered(answer: type[A], result: Result, unknowns: Unknowns, **more: Any) -> A:
    """The answer of this class, at the best point of ``result``."""
    dtype = unknowns.precision
    values = [np.asarray(result.parameters[one.name], dtype) for one in unknowns.parameters]
    return answer(
        x=unknowns.argument([value if value.ndim else value[()] for value in values]),
        success=result.termination.exit_code == 0,
        status=result.termination.exit_code,
        message=result.termination.message,
        nfev=result.evaluations,
        nit=result.steps,
        result=result,
        unknowns=unknowns,
        **more,
    )


def derived(problem: Problem, unknowns: Unknowns) -> dict[str, Callable[[Any], Array]]:
    """The ``residuals`` of a fit and their ``jacobian`` (n, p) by the entries of the argument, as
    functions of it.

    They are those of what was traced, of the data as they were then: what the function reads may
    have changed since.
    """
    whole, arrays = problem.objective.graph, problem.objective.arrays

    def residuals(argument: Any) -> Any:
        graph = prune(replace(whole, outputs=whole.outputs[1:2]))
        return applied(graph, *unknowns.values(argument), *arrays)[0]

    def of_entries(entries: Any) -> Any:
        return np.reshape(residuals(unknowns.of_flat(entries)), -1)

    return {
        "residuals": lambda argument: np.asarray(residuals(argument)),
        "jacobian": lambda argument: jacobian(of_entries)(unknowns.flat(argument)),
    }


def _traced(name: str, value: Any) -> Tracer:
    """What a function gave, which must depend on what varies."""
    if isinstance(value, Tracer) and value.dtype.kind == "f":
        return value
    if isinstance(value, Tracer):
        raise ShapeError(f"{name} gives {value.aval}", expected="real numbers")
    if isinstance(value, list | tuple) and any(isinstance(one, Tracer) for one in value):
        raise ShapeError(
            f"{name} gives a {type(value).__name__} of values",
            expected="one array",
            remedy="np.stack or np.concatenate makes one",
        )
    raise ShapeError(
        f"{name} gives {str(value)[:60]}, whatever its argument is",
        expected="a value that depends on the argument",
    )


def _provided(graph: Graph) -> tuple[Provided, ...]:
    """The primitives that do not ship with optserve, which are certified before they are used."""
    used: dict[Primitive, None] = dict.fromkeys(one.primitive for one in graph.all_equations())
    return tuple(
        Provided(one, (one.impl.__module__ or "").partition(".")[0] or "this session", "")
        for one in used
        if not is_builtin(one) and not one.call.internal
    )
