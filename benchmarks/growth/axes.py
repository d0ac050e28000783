"""The sizes along which a job grows: for each, a job of any size, from a config to its result."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import numpy as np

import optserve

__all__ = ["AXES", "Axis"]


@dataclass(frozen=True)
class Axis:
    """``job(size)`` does a job of that size; ``least`` and ``most`` are where a night goes."""

    job: Callable[[int], object]
    least: int
    most: int
    unit: str


def _run(config: Mapping[str, Any], **given: Any) -> object:
    return optserve.run(optserve.load({"version": 1, **config}, **given))


def rows(size: int) -> object:
    """A line through so many points, by L-BFGS."""
    x = np.linspace(0.0, 1.0, size)
    y = 1.0 + 2.0 * x + np.sin(1e3 * x)
    config = {
        "parameters": {"a": 0.0, "b": 0.0},
        "loss": "mean((y - a - b * x)**2)",
        "optimizer": "lbfgs",
    }
    return _run(config, data={"x": x, "y": y})


def parameters(size: int) -> object:
    """So many parameters, each with a minimum of its own."""
    config = {
        "parameters": {"w": {"shape": [size], "init": 0.5}},
        "loss": "sum((w - 1)**2 + 0.1 * w**4)",
        "optimizer": "lbfgs",
    }
    return _run(config)


def starts(size: int) -> object:
    """A curve through ten points, from so many starts."""
    x = np.linspace(0.1, 2.0, 10)
    points = [{"b": 0.5 + one / size} for one in range(size)]
    config = {
        "parameters": {"a": 1.0, "b": 0.5},
        "least_squares": {"observed": "y", "predicted": "a * exp(-b * x)"},
        "starts": {"points": points},
    }
    return _run(config, data={"x": x, "y": np.exp(-x)})


def equations(size: int) -> object:
    """Definitions, each of which uses the one before."""
    values = {f"d{one}": f"d{one - 1} * 0.999 + b" for one in range(1, size)}
    config = {
        "parameters": {"a": 1.0, "b": 0.001},
        "define": {"d0": "a * x", **values},
        "loss": f"sum((y - d{size - 1})**2)",
        "optimizer": "none",
    }
    return _run(config, data={"x": np.linspace(0.0, 1.0, 10), "y": np.ones(10)})


def columns(size: int) -> object:
    """A table of so many columns, all of them taken into one matrix."""
    rng = np.random.default_rng(0)
    data = {f"x{one}": rng.normal(size=20) for one in range(size)} | {"y": rng.normal(size=20)}
    config = {
        "data": {"columns": {"X": {"take": "x*"}, "y": "y"}},
        "parameters": {"w": {"shape": [size]}},
        "loss": "mean((y - X @ w)**2)",
        "optimizer": "none",
    }
    return _run(config, data=data)


def tables(size: int) -> object:
    """A residual of each of so many tables."""
    rng = np.random.default_rng(0)
    data = {f"t{one}": {"inline": {"x": rng.random(3).tolist()}} for one in range(size)}
    config = {
        "data": data,
        "parameters": {"a": 1.0, "b": 0.5},
        "least_squares": {f"r{one}": f"t{one}.x - a - b * t{one}.x**2" for one in range(size)},
        "optimizer": "lbfgs",
    }
    if size == 1:
        config["data"] = {"t0": data["t0"], "other": data["t0"]}
    return _run(config)


def steps(size: int) -> object:
    """A recurrence of so many steps."""
    config = {
        "parameters": {"a": 0.5},
        "define": {
            "step(s, k)": "(0.5 * s + a, s)",
            "path": f"scan(step, 0.0, arange({size}))[1]",
        },
        "loss": "mean((path - 3)**2)",
        "optimizer": "lbfgs",
    }
    return _run(config)


AXES: Mapping[str, Axis] = MappingProxyType(
    {
        "rows": Axis(rows, 10_000, 30_000_000, "rows"),
        "parameters": Axis(parameters, 1000, 10_000_000, "parameters"),
        "starts": Axis(starts, 10, 10_000, "starts"),
        "equations": Axis(equations, 100, 100_000, "definitions"),
        "columns": Axis(columns, 10, 20_000, "columns"),
        "tables": Axis(tables, 2, 1000, "tables"),
        "steps": Axis(steps, 1000, 1_000_000, "steps of a scan"),
    }
)
