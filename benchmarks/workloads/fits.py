"""``fits``: one model fitted to many small data sets, one after the other in one process.

What is measured is the time of the processor: a few milliseconds by the clock, on a machine that
does other work, are longer than what the scheduler gives at once, and a few tenths are not.
"""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable
from typing import Any

import numpy as np

from benchmarks.workload import Contender, Limit, Work, Workload

__all__ = ["workload"]

ROWS, SETS = 14, 40

Fit = Callable[[Any, Any], Any]

TRUTH = (2.0, 1.0, 0.5)


def model(x: Any, scale: Any, rate: Any, level: Any) -> Any:
    """An exponential decay to a level."""
    return scale * np.exp(-rate * x) + level


def data() -> list[tuple[Any, Any]]:
    """Data sets that all differ."""
    rng, x = np.random.default_rng(0), np.linspace(0.1, 4.0, ROWS)
    return [
        (x, model(x, *np.multiply(TRUTH, rng.uniform(0.8, 1.2, 3))) + 0.02 * rng.normal(size=ROWS))
        for _ in range(SETS)
    ]


def timed(fit: Fit) -> Work:
    """Seconds of the processor that a fit takes, each of another data set."""

    def run() -> float:
        given = data()
        began = time.process_time()
        found = [fit(*one) for one in given]
        took = time.process_time() - began
        check(found)
        return took / SETS

    return run


def by_function() -> Work:
    """``curve_fit`` of the model."""
    from optserve import curve_fit

    return timed(lambda x, y: curve_fit(model, x, y, p0=[1.0, 1.0, 1.0])[0])


def by_config() -> Work:
    """One config, loaded and run over each data set."""
    import optserve

    config = {
        "version": 1,
        "parameters": {"scale": 1.0, "rate": 1.0, "level": 1.0},
        "least_squares": {"observed": "y", "predicted": "scale * exp(-rate * x) + level"},
    }

    def fitted(x: Any, y: Any) -> Any:
        found = optserve.run(optserve.load(config, data={"x": x, "y": y})).parameters
        return np.array([found[name] for name in ("scale", "rate", "level")])

    return timed(fitted)


def by_scipy() -> Work:
    """SciPy's ``curve_fit``, which estimates derivatives by differences."""
    from scipy.optimize import curve_fit

    return timed(lambda x, y: curve_fit(model, x, y, p0=[1.0, 1.0, 1.0])[0])


def check(found: list[Any]) -> None:
    """Hold that no small step leads to a lower sum of squares."""
    for (x, y), at in zip(data(), found, strict=True):
        least = np.sum((y - model(x, *at)) ** 2)
        for number, sign in itertools.product(range(3), (1e-4, -1e-4)):
            beside = at + sign * np.eye(3)[number]
            assert np.sum((y - model(x, *beside)) ** 2) >= least * (1 - 1e-9)


workload = Workload(
    name="fits",
    title=f"A fit of three parameters to {ROWS} rows, in a loop over data sets; here with its "
    "verdict and error bars, by SciPy without.",
    contenders=(
        Contender("curve_fit", by_function),
        Contender("config", by_config),
        Contender("scipy", by_scipy),
    ),
    limits=(
        Limit("curve_fit", 1.0, ("scipy",)),
        Limit("config", 5e-4),
    ),
    unit="cpu s",
)
