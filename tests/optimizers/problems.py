"""The reference problems as residuals with exact Jacobians, by the complex step."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np

from optserve.graph.aval import Array
from optserve.optimizers import Evaluation

REFERENCE = Path(__file__).parents[1] / "reference"
TINY = 1e-200
"""The complex step: so small that the derivative is exact (Squire & Trapp 1998)."""

HARD = {
    *("Bennett5", "Lanczos1", "MGH09"),
    *("discrete_bv_n50", "meyer", "penalty_2_n4", "penalty_2_n10"),
    *("trigonometric_n5", "trigonometric_n10", "trigonometric_n50"),
    *("watson_n9", "watson_n12"),
}
"""Problems that take more steps than these tests allow, or whose end needs the verdict of a job:
``tests/reference`` runs them as jobs."""

Evaluate = Callable[[Array], Evaluation]


@dataclass(frozen=True)
class LeastSquares:
    """A sum of squares: ``residual`` maps (p,) to (n,), and continues to complex numbers."""

    name: str
    residual: Callable[[Array], Array]
    start: Array
    answer: dict[str, Any]
    lower: Array | None = None
    upper: Array | None = None

    def jacobian(self, params: Array) -> Array:
        steps = params + 1j * TINY * np.eye(params.size)
        return np.stack([np.imag(self.residual(point)) / TINY for point in steps], axis=-1)

    @np.errstate(all="ignore")
    def __call__(self, params: Array) -> Evaluation:
        residual = np.asarray(self.residual(params), dtype=np.float64)
        jacobian = self.jacobian(params)
        return Evaluation(
            loss=residual @ residual,
            gradient=2 * jacobian.T @ residual,
            residual=residual,
            jacobian=jacobian,
            lower=self.lower,
            upper=self.upper,
        )


def more_garbow_hillstrom() -> Iterator[LeastSquares]:
    """The problems of ``mgh.json``."""
    for problem in _problems("mgh.json"):
        namespace: dict[str, Any] = {}
        lines = problem["residuals_py"].splitlines()
        exec("def residual(x, np):\n" + "\n".join(f"    {line}" for line in lines), namespace)
        function = namespace["residual"]
        yield LeastSquares(
            problem["name"],
            lambda x, function=function: function(x, _ComplexNumPy()),  # type: ignore[misc]
            np.array(problem["x0"]),
            {"minima": [minimum["f"] for minimum in problem["minima"]]},
        )


def nist(start: str) -> Iterator[LeastSquares]:
    """The problems of ``nist.json`` from ``start``, which is ``start1`` or ``start2``."""
    functions = {name: getattr(np, name) for name in ("exp", "cos", "sin", "arctan", "log", "pi")}
    for problem in _problems("nist.json"):
        known = functions | {name: np.array(data) for name, data in problem["data"].items()}
        code = compile(f"({problem['lhs_expr']}) - ({problem['rhs_expr']})", "nist", "eval")

        def residual(
            b: Array,
            code: Any = code,
            known: dict[str, Any] = known,
            names: list[str] = problem["param_names"],
        ) -> Array:
            value: Array = eval(code, known | dict(zip(names, b, strict=True)))
            return value

        answer = {"certified": np.array(problem["certified"]), "rss": problem["certified_rss"]}
        yield LeastSquares(problem["name"], residual, np.array(problem[start]), answer)


def matches_a_minimum(loss: float, minima: list[float]) -> bool:
    """Whether ``loss`` is a listed minimum: to 4 digits, or 1e-10 where that is 0."""
    return any(
        loss <= 1e-10 if minimum == 0 else abs(loss - minimum) <= 1e-4 * minimum
        for minimum in minima
    )


class _ComplexNumPy(SimpleNamespace):
    """NumPy with an ``abs`` that continues analytically, as the complex step needs."""

    def __getattr__(self, name: str) -> Any:
        return getattr(np, name)

    @staticmethod
    def abs(x: Array) -> Array:
        return np.where(np.real(x) < 0, -x, x)


def _problems(name: str) -> list[dict[str, Any]]:
    problems: list[dict[str, Any]] = json.loads((REFERENCE / name).read_text())["problems"]
    return [problem for problem in problems if problem["name"] not in HARD]
