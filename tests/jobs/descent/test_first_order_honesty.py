"""Methods of first order are never falsely converged: an end with exit code 0 is a minimum."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from optserve.jobs.problem import Problem, StoppingRule
from optserve.jobs.run import run
from optserve.optimizers import (
    Optimizer,
    adam,
    chain,
    clip_by_global_norm,
    cosine,
    exponential_decay,
    gradient_descent,
    momentum,
    step_decay,
)
from tests.jobs.problems import parameter, problem

METHODS: dict[str, Callable[[float], Optimizer]] = {
    "gradient descent": gradient_descent,
    "momentum": momentum,
    "adam": adam,
    "a schedule that decays to 0": lambda rate: gradient_descent(cosine(rate)),
    "one that decays at once": lambda rate: momentum(exponential_decay(rate, 0.3, every=5)),
    "one that decays in steps": lambda rate: adam(step_decay(rate, 0.01, every=20)),
    "clipped": lambda rate: chain((clip_by_global_norm(1e-3),), gradient_descent(rate)),
}

VALLEYS: dict[str, tuple[Callable[..., Any], tuple[float, float]]] = {
    "rosenbrock": (lambda x, y: (1 - x) ** 2 + 100 * (y - x**2) ** 2, (1.0, 1.0)),
    "bowl": (lambda x, y: 1e-4 * (x - 3) ** 2 + 10 * (y - x) ** 2, (3.0, 3.0)),
    "tilted": (lambda x, y: np.cosh(x - 1) + np.log(1 + (y + 2) ** 2 + 1e-2 * x**2), (1.0, -2.0)),
}


def made(
    name: str, unit: float, offset: float, optimizer: Optimizer, stop: StoppingRule
) -> Problem:
    function = VALLEYS[name][0]
    return problem(
        lambda x, y: offset * unit + unit * function(x, y),
        [parameter("x", -1.2), parameter("y", 1.0)],
        optimizer=optimizer,
        stop=stop,
    )


@settings(max_examples=40, deadline=None)
@given(
    st.sampled_from(sorted(METHODS)),
    st.sampled_from(["rosenbrock", "bowl"]),
    st.sampled_from([1e-12, 1e-9, 1e-6, 1e-3, 1e-2, 0.3, 3.0]),
    st.sampled_from([1e-12, 1.0, 1e12]),
    st.sampled_from([0.0, 1.0, 1e6]),
    st.sampled_from(
        [
            StoppingRule(gradient=1e-8, steps=400),
            StoppingRule(loss=1e-6, steps=400),
            StoppingRule(step=1e-6, steps=400),
            StoppingRule(gradient=1e-6, loss=1e-9, step=1e-9, steps=400),
        ]
    ),
)
def test_what_is_called_converged_is_the_minimum(
    method: str, name: str, rate: float, unit: float, offset: float, stop: StoppingRule
) -> None:
    scaled = rate if method.startswith(("adam", "one that decays in")) else rate / unit
    result = run(made(name, unit, offset, METHODS[method](scaled), stop))
    if result.exit_code == 0:
        # A tolerance of the loss is a share of it; valleys bend where Newton's model does not.
        least = offset * unit
        assert result.loss is not None
        allowed = 1e-4 if stop.loss is None else 10 * stop.loss * (offset + 1e-4)
        if stop.step is not None:
            allowed = max(allowed, 1e-3)
        assert result.loss - least <= allowed * unit + 1e-15 * abs(least)
    else:
        assert result.exit_code in (3, 5)


@pytest.mark.parametrize("rate", [1e-14, 1e-8, 0.5])
@pytest.mark.parametrize("method", ["adam", "gradient descent", "a schedule that decays to 0"])
def test_steps_that_come_to_nothing_are_no_convergence(method: str, rate: float) -> None:
    if rate == 0.5 and method != "adam":
        rate = 1e-3
    stop = StoppingRule(loss=1e-3, step=1e-3, steps=150)
    result = run(made("rosenbrock", 1.0, 0.0, METHODS[method](rate), stop))
    assert result.loss is not None
    assert result.exit_code == 3 or result.loss < 1e-6
