"""Results as jobs leave them, made up for the reports."""

from __future__ import annotations

from typing import Any

from optserve.errors import Place
from optserve.jobs.record.result import Result

__all__ = [
    "certificate",
    "evaluated",
    "expectation",
    "failed",
    "fit",
    "fit_found",
    "minimum",
    "result",
]


def result(**changes: Any) -> Result:
    """A converged fit of two parameters, with ``changes``."""
    return Result(**_FIT | changes)


def fit() -> Result:
    """Least squares with everything that belongs to it."""
    return result()


def fit_found(**changes: float | None) -> dict[str, Any]:
    """How well it fits, with ``changes``."""
    return {**_FIT["fit"], **changes}


def minimum(**changes: Any) -> Result:
    """The minimum of a function, without data and without errors."""
    unknown = {"x": None, "y": None}
    return result(
        name="valley",
        objective="loss",
        termination=termination("gradient", "converged: gradient 4.1e-10 <= 1e-08", 0),
        loss=3.04e-22,
        parameters={"x": 1.0000000000123, "y": 0.3333333333333},
        standard_errors=unknown,
        intervals={"x": [None, None], "y": [None, None]},
        unavailable=dict.fromkeys(unknown, "a loss is no likelihood"),
        uncertainty="none",
        dof=None,
        gradient={"x": 1e-11, "y": 0.0},
        fit=None,
        start=0,
        starts=[start({"x": -1.2, "y": 1.0}, 3.04e-22)],
        used={**_FIT["used"], "optimizer": "lbfgs", "rows_used": None, "rows_read": None},
        warnings=[],
        expectations=[],
        **changes,
    )


def evaluated() -> Result:
    """A loss and its gradient, without a step."""
    told = termination("evaluated", "evaluated once", 0)
    record = minimum().model_dump() | {
        "termination": told,
        "parameters": {"x": 0.0, "y": [1.0, 2.0]},
        "gradient": {"x": 0.25, "y": [-1.0, 1e-9]},
        "evaluations": 1,
    }
    return Result(**record)


def failed() -> Result:
    """A descent that met a number that is none."""
    message = "the loss or its gradient is not finite after 3 steps: log gave nan"
    record = minimum().model_dump() | {
        "termination": termination("non_finite", message, 5),
        "failure": {
            "message": "log gave nan in 2 of 14 entries",
            "primitive": "log",
            "place": Place("fit.yaml", 7, 16, "loss: mean(y - log(x))", 6, "loss"),
            "operands": ("-0.5 to 3 in 14 entries",),
            "remedy": "keep the operand positive, by bounds or by transform: log",
            "provider": "",
        },
    }
    return Result(**record)


def termination(reason: str, message: str, *codes: int) -> dict[str, Any]:
    """Why a job ended; the first of ``codes`` is its exit code."""
    return {
        "reason": reason,
        "message": message,
        "reasons": [reason],
        "converged": reason == "gradient",
        "exit_code": codes[0],
        "exit_codes": list(codes),
    }


def start(parameters: dict[str, Any], loss: float | None) -> dict[str, Any]:
    """How the descent from one start ended."""
    return {
        "parameters": parameters,
        "loss": loss,
        "reason": "gradient" if loss is not None else "non_finite",
        "message": "",
        "evaluations": 12,
        "steps": 11,
        "seconds": 0.1,
        "rejected": 0,
    }


def certificate(primitive: str, *, passed: bool = True) -> dict[str, Any]:
    """The certificate of a rule of optserve-robust."""
    return {
        "primitive": primitive,
        "distribution": "optserve-robust",
        "version": "0.1.0",
        "uses": 1,
        "passed": passed,
        "error": 1e-10,
        "order": 2.0,
        "conclusive": 1.0,
        "failure": "" if passed else "its derivative is wrong",
    }


def expectation(path: str, message: str = "") -> dict[str, Any]:
    """An expectation that holds, unless there is a message."""
    return {
        "path": path,
        "checks": {},
        "found": 1.0,
        "holds": not message,
        "message": message,
        "place": None,
    }


_FIT: dict[str, Any] = {
    "name": "misra1a",
    "objective": "least_squares",
    "termination": termination("gradient", "converged: gradient 4.3e-13 <= 1e-08", 0),
    "evidence": {
        "verified": True,
        "sentence": "",
        "moved": True,
        "predicted_decrease": 1e-21,
        "rounding": 1e-17,
        "distance": 1e-10,
        "least_curvature": 1e-3,
        "directions": (),
        "evaluations": 12,
        "seconds": 1e-3,
    },
    "loss": 0.12455138894,
    "parameters": {"b1": 238.94212918, "b2": 5.5015643181e-4},
    "standard_errors": {"b1": 2.7070075241, "b2": 7.2668688436e-6},
    "intervals": {"b1": [233.0440, 244.8402], "b2": [5.343232e-4, 5.659896e-4]},
    "unavailable": {},
    "uncertainty": "least squares",
    "level": 0.95,
    "dof": 12.0,
    "labels": ["b1", "b2"],
    "covariance": [[7.3, -1.9e-5], [-1.9e-5, 5.3e-11]],
    "correlation": [[1.0, -0.9988], [-0.9988, 1.0]],
    "gradient": {"b1": 1e-12, "b2": 1e-7},
    "fit": {
        "observations": 14,
        "degrees_of_freedom": 12,
        "sum_of_squares": 0.12455138894,
        "residual_standard_error": 0.1018787633,
        "r_squared": 0.99998164,
    },
    "metrics": {},
    "probes": {},
    "start": 1,
    "starts": [
        start({"b1": 250.0, "b2": 5e-4}, 0.12455138894),
        start({"b1": 500.0, "b2": 1e-4}, 0.12455138894),
    ],
    "evaluations": 25,
    "epochs": None,
    "steps": 23,
    "seconds": 0.2412,
    "memory": 10**8,
    "used": {
        "optimizer": "levenberg_marquardt",
        "optimizer_given": True,
        "backend": "numpy",
        "backend_given": False,
        "backend_reason": "",
        "precision": "float64",
        "seed": 0,
        "rows_used": 14,
        "rows_read": 14,
    },
    "plugins": [certificate("huber_loss")],
    "failure": None,
    "warnings": ["b1 and b2 correlate -0.9988: their error bars are nearly one direction"],
    "expectations": [expectation("parameters.b1"), expectation("standard_errors.b1")],
    "environment": {},
    "history": [],
    "checkpoint": {},
}
