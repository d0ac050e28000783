"""Published problems as jobs: NIST's regressions, Moré, Garbow and Hillstrom's test set."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np

from optserve.graph.aval import Array, Aval
from optserve.jobs.problem import Objective, Problem, StoppingRule
from optserve.optimizers import Optimizer, adam, gradient_descent, lbfgs, levenberg_marquardt
from optserve.primitives.tracing import trace
from tests.jobs.problems import parameter, problem

REFERENCE = Path(__file__).parent

FUNCTIONS = ("exp", "cos", "sin", "arctan", "log", "pi")
"""What the models of NIST call."""


@dataclass(frozen=True)
class Way:
    """What the job is told to do: the same sum of squares, declared and descended so."""

    kind: str
    optimizer: Callable[[], Optimizer]
    stop: StoppingRule


FIRST_ORDER = StoppingRule(gradient=1e-8, steps=2000)
WAYS: Mapping[str, Way] = {
    "default": Way("least_squares", levenberg_marquardt, StoppingRule(steps=1000)),
    "lbfgs": Way("least_squares", lbfgs, StoppingRule(steps=4000)),
    "loss": Way("loss", lbfgs, StoppingRule(steps=4000)),
    "adam": Way("loss", lambda: adam(learning_rate=0.01), FIRST_ORDER),
    "gradient_descent": Way("loss", lambda: gradient_descent(learning_rate=1e-3), FIRST_ORDER),
}


@dataclass(frozen=True)
class Published:
    """One published sum of squares.

    ``residual(x, xp)`` is the residual (m,) of parameters (n,) in the functions of ``xp``: NumPy
    or what takes its place. ``columns`` are the data of a regression; the parameters of one are
    scalars. ``minima`` are the listed sums of squares, ``answers`` the parameters where they are
    unique, ``errors`` their standard errors.
    """

    name: str
    start: Array
    residual: Callable[[Array, Any], Any]
    minima: tuple[float, ...]
    certified: Mapping[str, Any] = field(default_factory=dict)

    def job(
        self, way: str, start: Array | None = None, offset: float = 0.0, **fields: Any
    ) -> Problem:
        """The job that ``way`` of ``WAYS`` declares, from ``start`` or the published one.

        ``offset`` is added to the loss of equations that are declared as a loss.
        """
        chosen = WAYS[way]
        known = {"optimizer": chosen.optimizer(), "stop": chosen.stop, "name": self.name, **fields}
        init = self.start if start is None else start
        if self.certified:
            return _regression(self.certified, chosen.kind, init, known)
        return _equations(self.residual, chosen.kind, init, known, offset)

    def found(self, parameters: Mapping[str, Any]) -> Array:
        """The parameters (n,) of a result."""
        if self.certified:
            return np.array([parameters[one] for one in self.certified["param_names"]], float)
        return np.array(parameters["x"], float)

    def matches(self, loss: float) -> bool:
        """Whether ``loss`` is a listed minimum: to 4 digits, or 1e-10 where that is 0; or less than
        the certified one, which may be the rounding of the data alone."""
        if self.certified and loss <= min(self.minima):
            return True
        return any(
            loss <= 1e-10 if one == 0 else abs(loss - one) <= 1e-4 * one for one in self.minima
        )


@cache
def nist() -> Mapping[str, Published]:
    """NIST's 27 nonlinear regressions by name, from the first start (``certified`` has both)."""
    return {entry["name"]: _of_nist(entry) for entry in _entries("nist.json")}


@cache
def more_garbow_hillstrom() -> Mapping[str, Published]:
    """The 35 problems of Moré, Garbow and Hillstrom by name, in 60 sizes."""
    return {entry["name"]: _of_mgh(entry) for entry in _entries("mgh.json")}


def _of_nist(entry: Mapping[str, Any]) -> Published:
    model = compile(f"({entry['lhs_expr']}) - ({entry['rhs_expr']})", entry["name"], "eval")
    data = {name: np.array(column, float) for name, column in entry["data"].items()}

    def residual(b: Array, xp: Any) -> Any:
        scope = {name: getattr(xp, name) for name in FUNCTIONS} | data
        return eval(model, scope | dict(zip(entry["param_names"], b, strict=True)))

    start = np.array(entry["start1"], float)
    return Published(entry["name"], start, residual, (entry["certified_rss"],), entry)


def _of_mgh(entry: Mapping[str, Any]) -> Published:
    scope: dict[str, Any] = {}
    lines = entry["residuals_py"].splitlines()
    exec("def residual(x, np):\n" + "\n".join(f"    {line}" for line in lines), scope)
    minima = tuple(minimum.get("f_refined", minimum["f"]) for minimum in entry["minima"])
    return Published(entry["name"], np.array(entry["x0"], float), scope["residual"], minima)


def _regression(entry: Mapping[str, Any], kind: str, start: Array, known: Any) -> Problem:
    names = [*entry["param_names"], *entry["data"]]
    scope = {name: getattr(np, name) for name in FUNCTIONS}

    def outputs(*values: Any) -> Any:
        given = scope | dict(zip(names, values, strict=True))
        observed = eval(entry["lhs_expr"], given)
        residual = observed - eval(entry["rhs_expr"], given)
        loss = np.sum(np.square(residual))
        return loss if kind == "loss" else [loss, residual, observed]

    if kind == "least_squares":
        known = {"objective": {"residuals": ("residual",), "observed": True}, **known}
    return problem(
        outputs,
        [parameter(name, init) for name, init in zip(entry["param_names"], start, strict=True)],
        {name: np.array(column, float) for name, column in entry["data"].items()},
        kind=kind,
        **known,
    )


def _equations(
    residual: Callable[[Array, Any], Any], kind: str, start: Array, known: Any, offset: float
) -> Problem:
    def outputs(x: Any) -> Any:
        found = residual(x, _Traceable())
        loss = np.sum(np.square(found))
        return offset + loss if kind == "loss" else [loss, found]

    traced = trace(outputs, Aval(start.shape, np.dtype(float)), names=["x"])
    data = {f"constant{number}": array for number, array in enumerate(traced.captured)}
    residuals = ("residual",) if kind == "least_squares" else ()
    return Problem(
        parameters=(parameter("x", start),),
        objective=Objective(kind, traced.graph, data, residuals),  # type: ignore[arg-type]
        **known,
    )


class _Traceable(SimpleNamespace):
    """NumPy, whose ``array`` of values that are being traced is ``stack``."""

    def __getattr__(self, name: str) -> Any:
        return getattr(np, name)

    @staticmethod
    def array(values: Any) -> Any:
        plain = all(isinstance(value, float | int) for value in values)
        return np.array(values) if plain else np.stack(values)


def _entries(name: str) -> list[dict[str, Any]]:
    problems: list[dict[str, Any]] = json.loads((REFERENCE / name).read_text())["problems"]
    return problems
