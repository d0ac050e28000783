"""Problems built by hand: what a config would become, without one."""

from __future__ import annotations

import csv
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from optserve.errors import Place
from optserve.graph.aval import Array, Aval
from optserve.graph.dim import Dim
from optserve.graph.primitive import Primitive
from optserve.jobs.parameters import JobParameter, ParameterTransform
from optserve.jobs.problem import Objective, Problem, Provided
from optserve.optimizers import Optimizer, lbfgs, levenberg_marquardt
from optserve.primitives.tracing import trace

REFERENCE = Path(__file__).parents[1] / "reference"

Function = Callable[..., Any]


def parameter(
    name: str,
    init: Any = 0.0,
    *,
    low: float = -np.inf,
    high: float = np.inf,
    fixed: Any = False,
    transform: ParameterTransform | None = None,
    precision: str = "float64",
) -> JobParameter:
    value = np.asarray(init, precision)
    return JobParameter(
        name=name,
        init=value,
        lower=np.full(value.shape, low, precision),
        upper=np.full(value.shape, high, precision),
        fixed=np.broadcast_to(np.asarray(fixed), value.shape),
        transform=transform,
        place=Place("fit.yaml", 4, 3, f"  {name}: 1", len(name)),
    )


def problem(
    function: Function,
    parameters: Sequence[JobParameter],
    data: Mapping[str, Any] | None = None,
    *,
    kind: Any = "loss",
    optimizer: Optimizer | None = None,
    plugin: Sequence[Primitive] = (),
    objective: Mapping[str, Any] | None = None,
    **fields: Any,
) -> Problem:
    """The problem whose objective is ``function(*parameters, *data)``, traced.

    The data are tables of one row count, ``rows``. ``plugin`` lists primitives that the
    distribution ``optserve-odd`` provides.
    """
    precision = np.dtype(fields.get("precision", "float64"))
    columns = {
        name: np.asarray(column, np.asarray(column).dtype if _whole(column) else precision)
        for name, column in (data or {}).items()
    }
    avals = [Aval(one.shape, precision) for one in parameters]
    avals += [Aval((Dim.rows("rows"), *one.shape[1:]), one.dtype) for one in columns.values()]
    traced = trace(
        function,
        *avals,
        precision=precision,
        names=[*(one.name for one in parameters), *columns],
    )
    assert not traced.captured
    return Problem(
        name=fields.pop("name", "hand-built"),
        parameters=tuple(parameters),
        objective=Objective(kind, traced.graph, columns, **(objective or {})),
        optimizer=optimizer,
        third_party=tuple(Provided(one, "optserve-odd", "0.1.0") for one in plugin),
        **fields,
    )


def _whole(column: Any) -> bool:
    return np.asarray(column).dtype.kind in "iu" and isinstance(column, np.ndarray)


def least_squares(
    residual: Function,
    parameters: Sequence[JobParameter],
    data: Mapping[str, Any],
    *,
    response: str = "",
    optimizer: Optimizer | None = None,
    **fields: Any,
) -> Problem:
    """The sum of squares of ``residual(*parameters, *data)``; ``response`` names the observed."""
    names = [*(one.name for one in parameters), *data]

    def outputs(*values: Any) -> list[Any]:
        found = residual(*values)
        observed = [values[names.index(response)]] if response else []
        return [np.sum(np.square(found)), found, *observed]

    return problem(
        outputs,
        parameters,
        data,
        kind="least_squares",
        optimizer=optimizer or levenberg_marquardt(),
        objective={
            "residuals": ("residual",),
            "observed": bool(response),
            **fields.pop("objective", {}),
        },
        **fields,
    )


def log_likelihood(
    function: Function, parameters: Sequence[JobParameter], data: Mapping[str, Any], **fields: Any
) -> Problem:
    """Of which ``function(*parameters, *data)`` is the log likelihood of each row."""

    def outputs(*values: Any) -> list[Any]:
        found = function(*values)
        return [-np.sum(found), found]

    fields.setdefault("optimizer", lbfgs())
    return problem(outputs, parameters, data, kind="log_likelihood", **fields)


def rosenbrock(optimizer: Optimizer | None, **fields: Any) -> Problem:
    """The curved valley, from its usual start; the minimum is 0 at (1, 1)."""
    return problem(
        lambda x, y: (1 - x) ** 2 + 100 * (y - x**2) ** 2,
        [parameter("x", -1.2), parameter("y", 1.0)],
        optimizer=optimizer,
        **fields,
    )


def table(name: str) -> dict[str, Array]:
    """The columns of a CSV file of the reference data."""
    with (REFERENCE / name).open() as file:
        rows = list(csv.DictReader(file))
    return {column: np.array([float(row[column]) for row in rows]) for column in rows[0]}
