"""Whether a likelihood has a maximum, told by linear programming, and what a job makes of it.

A logistic or probit regression has none where a plane separates the answers (Albert & Anderson,
*Biometrika* 71 (1984) 1-10); one of counts has none where a direction lowers the means of zeros
and leaves those of the others (Haberman, *The Analysis of Frequency Data*, 1974).
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy.optimize import linprog
from scipy.stats import norm

from optserve.graph.aval import Array
from optserve.jobs.problem import Problem
from optserve.jobs.run import run
from optserve.optimizers import lbfgs
from optserve.primitives.elementary import softplus
from optserve.primitives.special import erfc
from tests.jobs.problems import log_likelihood, parameter, problem

MODELS = ("logistic", "probit", "counts", "loss")


def has_maximum(model: str, design: Array, y: Array) -> bool:
    """Whether no direction raises the likelihood of some rows and lowers that of none."""
    if model == "counts":
        zero = y == 0
        rises = -design[zero]
        fixed = {"A_eq": design[~zero], "b_eq": np.zeros((~zero).sum())} if not zero.all() else {}
    else:
        rises = design * np.where(y > 0, 1.0, -1.0)[:, None]
        fixed = {}
    if not rises.size:
        return True
    solved = linprog(
        -rises.sum(axis=0), A_ub=-rises, b_ub=np.zeros(len(rises)), bounds=(-1, 1), **fixed
    )
    return bool(solved.fun > -1e-7)


def regression(seed: int) -> tuple[str, Problem, Array, Array]:
    """A small regression on small whole numbers, in which ties and separation are common."""
    rng = np.random.default_rng(seed)
    model = MODELS[seed % len(MODELS)]
    rows, columns = int(rng.integers(4, 14)), int(rng.integers(1, 4))
    design = np.column_stack([np.ones(rows), rng.integers(-2, 4, (rows, columns))]).astype(float)
    eta = design @ rng.normal(size=columns + 1) * rng.choice([0.3, 1.0, 3.0])
    if model == "counts":
        y = np.minimum(rng.poisson(np.exp(np.clip(eta, -5, 2))), 20).astype(float)
    else:
        y = (rng.random(rows) < 1 / (1 + np.exp(-eta))).astype(float)

    def rowwise(*values: Any) -> Any:
        beta, x, answer = values[: columns + 1], values[columns + 1 : -1], values[-1]
        z = sum((b * one for b, one in zip(beta[1:], x, strict=True)), beta[0] + 0 * answer)
        if model == "counts":
            return answer * z - np.exp(z)
        signed = z * (2 * answer - 1)
        if model == "probit":
            return np.log(0.5 * erfc(-signed / np.sqrt(2.0)))
        return -softplus(-signed)

    names = [f"x{k}" for k in range(columns)]
    data = {**dict(zip(names, design[:, 1:].T, strict=True)), "y": y}
    betas = [parameter(f"b{k}") for k in range(columns + 1)]
    if model == "loss":

        def loss(*values: Any) -> Any:
            return -np.mean(rowwise(*values))

        return model, problem(loss, betas, data, optimizer=lbfgs()), design, y
    return model, log_likelihood(rowwise, betas, data), design, y


def complaint(seed: int) -> str:
    """What is wrong with the verdict on the regression of ``seed``."""
    model, made, design, y = regression(seed)
    result = run(made)
    expected = 0 if has_maximum(model, design, y) else 3
    if result.exit_code != expected:
        return f"{seed} {model}: exit code {result.exit_code}, not {expected}: {result.termination}"
    if expected == 0:
        rank = np.linalg.matrix_rank(design)
        determined = sum(one is not None for one in result.standard_errors.values())
        if rank == design.shape[1] and model != "loss" and determined < rank:
            return f"{seed} {model}: {determined} of {rank} error bars"
        beta = np.array([result.parameters[f"b{k}"] for k in range(design.shape[1])])
        slope = _slope(model, design, y, beta)
        if np.abs(slope).max() > 1e-4:
            return f"{seed} {model}: the slope is {slope}"
    return ""


def _slope(model: str, design: Array, y: Array, beta: Array) -> Array:
    z = design @ beta
    if model == "counts":
        of_eta = y - np.exp(z)
    elif model == "probit":
        signed = np.where(y > 0, z, -z)
        of_eta = np.exp(norm.logpdf(signed) - norm.logcdf(signed)) * np.where(y > 0, 1, -1)
    else:
        of_eta = y - 1 / (1 + np.exp(-z))
    found: Array = of_eta @ design
    return found


@pytest.mark.parametrize("seed", [*range(40), 487])
def test_a_regression_has_a_maximum_or_runs_away(seed: int) -> None:
    assert not complaint(seed)


@pytest.mark.nightly
def test_a_thousand_regressions() -> None:
    assert not list(filter(None, map(complaint, range(40, 1040))))


def far_columns(seed: int) -> tuple[Problem, Array, Array]:
    """A regression of answers by the complementary log-log link, of columns in any unit and origin.

    Far out ``exp`` of ``exp`` overflows, in the loss or in its second derivatives first.
    """
    rng = np.random.default_rng(seed)
    rows, columns = int(rng.integers(4, 40)), int(rng.integers(1, 4))
    design = rng.normal(size=(rows, columns)) * 10.0 ** rng.integers(-4, 5, columns)
    design += rng.integers(0, 2, columns) * 10.0 ** rng.integers(0, 5, columns)
    standard = (design - design.mean(axis=0)) / design.std(axis=0)
    eta = np.clip(standard @ rng.normal(size=columns) + rng.normal(), -5, 5)
    y = (rng.random(rows) < 1 - np.exp(-np.exp(eta))).astype(float)

    def rowwise(*values: Any) -> Any:
        beta, x, answer = values[: columns + 1], values[columns + 1 : -1], values[-1]
        z = sum((b * one for b, one in zip(beta[1:], x, strict=True)), beta[0] + 0 * answer)
        return answer * np.log(1 - np.exp(-np.exp(z))) - (1 - answer) * np.exp(z)

    names = [f"x{k}" for k in range(columns)]
    data = {**dict(zip(names, design.T, strict=True)), "y": y}
    betas = [parameter(f"b{k}") for k in range(columns + 1)]
    made = log_likelihood(rowwise, betas, data)
    return made, np.column_stack([np.ones(rows), standard]), y


@pytest.mark.parametrize("seed", [*range(20), 56, 110, 118, 137, 147, 174, 198, 384])
def test_what_overflows_far_out_is_no_maximum(seed: int) -> None:
    made, design, y = far_columns(seed)
    ended = run(made)
    assert ended.exit_code in (0, 3)
    assert ended.exit_code == 3 or has_maximum("logistic", design, y), ended.termination.message
