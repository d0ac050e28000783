"""What a checkpoint relies on: states are arrays of fixed shape, and all that a method knows."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from optserve.graph.aval import Array
from optserve.optimizers import (
    Evaluation,
    Optimizer,
    adam,
    chain,
    clip_by_global_norm,
    cosine,
    gradient_descent,
    lbfgs,
    levenberg_marquardt,
    momentum,
    project,
    weight_decay,
)
from optserve.optimizers.base import State
from tests.optimizers.problems import LeastSquares, more_garbow_hillstrom

METHODS = {
    "gradient_descent": gradient_descent(1e-6),
    "momentum": momentum(1e-6, nesterov=True),
    "adam": adam(cosine(1e-2, warmup=3)),
    "chain": chain((clip_by_global_norm(1.0), weight_decay(1e-3)), momentum(1e-3)),
    "lbfgs": lbfgs(memory=3),
    "levenberg_marquardt": levenberg_marquardt(),
}
OSBORNE = next(p for p in more_garbow_hillstrom() if p.name == "osborne_2")
BOUNDED = LeastSquares(
    "bounded",
    OSBORNE.residual,
    OSBORNE.start,
    {},
    lower=OSBORNE.start - 0.05,
    upper=OSBORNE.start + 0.2,
)


def walk(
    method: Optimizer, problem: LeastSquares, params: Array, state: State, steps: int
) -> tuple[Array, State]:
    for _ in range(steps):
        evaluation = problem(params)._replace(total_steps=100)
        updates, state = method.update(evaluation, state, params)
        params = project(params + updates, evaluation.lower, evaluation.upper)
    return params, state


@pytest.mark.parametrize("problem", [OSBORNE, BOUNDED], ids=lambda problem: problem.name)
@pytest.mark.parametrize("name", METHODS)
@pytest.mark.parametrize("before", [0, 1, 2, 3, 5, 8, 13])
def test_a_saved_state_continues_to_the_same_bits(
    tmp_path: Path, problem: LeastSquares, name: str, before: int
) -> None:
    method = METHODS[name]
    params, state = walk(method, problem, problem.start, method.init(problem.start), before)
    np.savez(tmp_path / "state.npz", *state, params=params)
    wanted, _ = walk(method, problem, params, state, 6)

    with np.load(tmp_path / "state.npz") as saved:
        restored = tuple(saved[f"arr_{index}"] for index in range(len(state)))
        found, _ = walk(method, problem, saved["params"], restored, 6)
    np.testing.assert_array_equal(found, wanted)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("name", METHODS)
def test_shapes_and_dtypes_are_fixed(name: str, dtype: type) -> None:
    method = METHODS[name]
    params: Array = OSBORNE.start.astype(dtype)
    state = method.init(params)
    kinds = [(np.shape(array), array.dtype) for array in state]
    for _ in range(30):
        evaluation = OSBORNE(params.astype(np.float64))
        parts: list[Array] = [np.asarray(part, dtype) for part in evaluation[:4]]
        cast = Evaluation(parts[0], parts[1], parts[2], parts[3], total_steps=100)
        updates, state = method.update(cast, state, params)
        assert updates.dtype == dtype
        assert updates.shape == params.shape
        assert [(np.shape(array), array.dtype) for array in state] == kinds
        params = params + updates


@pytest.mark.parametrize("name", METHODS)
def test_nothing_given_is_changed(name: str) -> None:
    method = METHODS[name]
    params, state = walk(method, OSBORNE, OSBORNE.start, method.init(OSBORNE.start), 4)
    evaluation = OSBORNE(params)._replace(total_steps=100)
    given = [params, *state, *(part for part in evaluation[:4] if part is not None)]
    copies = [np.array(array) for array in given]
    method.update(evaluation, state, params)
    for array, copy in zip(given, copies, strict=True):
        np.testing.assert_array_equal(array, copy)
