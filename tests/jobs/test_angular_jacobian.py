"""Least squares by blocks beside a border: what the whole Jacobian gives."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from optserve.backends.llvm import llvm_backend
from optserve.backends.numpy import numpy_backend
from optserve.graph.aval import Array
from optserve.jobs import angular_jacobian as module
from optserve.jobs.angular_jacobian import AngularJacobian, angular_jacobian
from optserve.jobs.block_layout import block_layout
from optserve.jobs.evaluator import Evaluator
from optserve.jobs.known_points import Linearized
from optserve.jobs.packing import Packing
from optserve.jobs.problem import Problem
from optserve.jobs.record.result import Result
from optserve.jobs.reduced import reduced
from optserve.jobs.run import run
from optserve.optimizers import levenberg_marquardt
from optserve.optimizers.linearization import linearize
from tests.jobs.problems import parameter, problem

GROUPS, ROWS = 60, 900
RNG = np.random.default_rng(3)
GROUP = RNG.integers(0, GROUPS, ROWS)
GROUP[: 6 * GROUPS] = np.repeat(np.arange(GROUPS), 6)
X, Z = RNG.uniform(0.2, 2.0, ROWS), RNG.uniform(-1.0, 1.0, ROWS)
RATES, HEIGHTS = RNG.uniform(0.5, 1.5, GROUPS), RNG.uniform(1.0, 3.0, GROUPS)
Y = HEIGHTS[GROUP] * np.exp(-RATES[GROUP] * X) + 0.7 * Z + 0.01 * RNG.standard_normal(ROWS)

Residuals = Callable[..., list[Any]]


def beside(h: Any, r: Any, c: Any, g: Any, x: Any, z: Any, y: Any) -> list[Any]:
    """A curve a group, and a slope that all share."""
    return [y - h[g] * np.exp(-r[g] * x) - c * z]


def alone(h: Any, r: Any, c: Any, g: Any, x: Any, z: Any, y: Any) -> list[Any]:
    """A curve a group."""
    return [y - h[g] * np.exp(-r[g] * x)]


def twice(h: Any, r: Any, c: Any, g: Any, x: Any, z: Any, y: Any) -> list[Any]:
    """Two residuals a row, of which the one depends on the group through one entry."""
    return [y - h[g] * np.exp(-r[g] * x) - c * z, x - r[g] * z + c]


def made(
    residuals: Residuals, fixed: Any = False, group: Array = GROUP, low: float = -np.inf
) -> Problem:
    names = ("first", "second")[: 2 if residuals is twice else 1]

    def outputs(*given: Any) -> list[Any]:
        parts = residuals(*given)
        return [sum((np.sum(part**2) for part in parts), start=0.0 * given[2]), *parts]

    return problem(
        outputs,
        [
            parameter("h", np.ones(GROUPS), fixed=fixed, low=low),
            parameter("r", np.ones(GROUPS)),
            parameter("c", 0.0, fixed=residuals is alone),
        ],
        {"g": group, "x": X, "z": Z, "y": Y},
        kind="least_squares",
        objective={"residuals": names},
        optimizer=levenberg_marquardt(),
    )


def evaluator_of(one: Problem, make: Any = numpy_backend, threads: int = 2) -> Evaluator:
    return Evaluator(one, Packing(one.parameters, np.dtype(one.precision)), make(threads))


def by_blocks(evaluator: Evaluator) -> AngularJacobian:
    assert evaluator.sparse is not None
    found = angular_jacobian(evaluator.sparse)
    assert found is not None
    return found


def check(found: Linearized, whole: Linearized) -> None:
    assert found.loss == pytest.approx(float(whole.loss), rel=1e-12)
    np.testing.assert_allclose(found.gradient, whole.gradient, rtol=1e-9, atol=1e-9)
    left, right = (linearize(one.jacobian, one.residual) for one in (found, whole))
    assert left is not None
    assert right is not None
    np.testing.assert_allclose(left.lengths, right.lengths, rtol=1e-12)
    assert left.offset() == pytest.approx(right.offset(), rel=1e-9)
    assert left.remainder == pytest.approx(right.remainder, rel=1e-9)
    step = right.gauss_newton.step
    np.testing.assert_allclose(left.gauss_newton.step, step, rtol=1e-6, atol=1e-9 * abs(step).max())


@pytest.mark.parametrize("fixed", [False, np.arange(GROUPS) % 5 == 2], ids=["free", "fixed"])
@pytest.mark.parametrize("residuals", [beside, alone, twice])
def test_it_is_the_whole_jacobian(
    residuals: Residuals, fixed: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    evaluator = evaluator_of(made(residuals, fixed))
    found, point = by_blocks(evaluator), evaluator.packing.flat({})
    assert found.layout.border.size == (residuals is not alone)
    whole = evaluator.linearized(point)
    check(found(point), whole)
    monkeypatch.setattr(module, "AT_ONCE", 500)
    check(by_blocks(evaluator)(point), whole)


def test_leverages_are_those_of_the_whole_jacobian() -> None:
    evaluator = evaluator_of(made(twice))
    point = evaluator.packing.flat({})
    found = by_blocks(evaluator).leverages(point, 1e-8)
    whole, _ = np.linalg.qr(evaluator.linearized(point).jacobian)
    assert found is not None
    np.testing.assert_allclose(found, np.square(whole).sum(axis=1), rtol=1e-9, atol=1e-12)
    same = evaluator_of(made(alone, group=np.minimum(GROUP, GROUPS - 2)))  # of one there are none
    assert by_blocks(same).leverages(same.packing.flat({}), 1e-8) is None


def test_rows_without_a_block_count_for_the_border() -> None:
    fixed = np.arange(GROUPS) == 4
    one = made(beside, fixed)
    parameters = [one.parameters[0], parameter("r", np.ones(GROUPS), fixed=fixed)]
    evaluator = evaluator_of(
        Problem(**{**vars(one), "parameters": (*parameters, one.parameters[2])})
    )
    point = evaluator.packing.flat({})
    check(by_blocks(evaluator)(point), evaluator.linearized(point))


def test_bits_do_not_depend_on_threads() -> None:
    found = []
    for threads in (1, 2, 3):
        evaluator = evaluator_of(made(twice), llvm_backend, threads)
        made_of = by_blocks(evaluator)(evaluator.packing.flat({}))
        parts = made_of.loss, made_of.gradient, made_of.residual, made_of.jacobian.entries
        found.append([np.asarray(one).tobytes() for one in parts])
    assert found[0] == found[1] == found[2]


def test_bounds_are_met_by_the_whole_triangle() -> None:
    free, bounded = (evaluator_of(made(beside, low=low)) for low in (-np.inf, 0.0))
    assert isinstance(reduced(free, blocks=True), AngularJacobian)
    assert not isinstance(reduced(free), AngularJacobian)
    assert not isinstance(reduced(bounded, blocks=True), AngularJacobian)


@pytest.mark.parametrize("residuals", [beside, alone, twice])
def test_a_fit_ends_where_that_by_the_whole_does(
    residuals: Residuals, monkeypatch: pytest.MonkeyPatch
) -> None:
    blocks = run(made(residuals))
    monkeypatch.setattr("optserve.jobs.angular_jacobian.angular_jacobian", lambda sparse: None)
    whole = run(made(residuals))
    assert blocks.termination.reason == whole.termination.reason == "gradient"
    assert blocks.loss == pytest.approx(whole.loss, rel=1e-12)
    for name in ("h", "r"):
        np.testing.assert_allclose(
            np.asarray(blocks.parameters[name]), np.asarray(whole.parameters[name]), rtol=1e-6
        )


def test_a_group_that_its_rows_do_not_identify_is_told() -> None:
    x = np.where(GROUP == 7, 1.0, X)  # one x: height and rate of that group are one number
    one = made(beside)
    data = {**one.objective.data, "x": x}
    objective = type(one.objective)(**{**vars(one.objective), "data": data})
    found = run(Problem(**{**vars(one), "objective": objective}))
    assert found.termination.exit_code != 0 or found.evidence is not None
    assert "h[7]" in found.model_dump_json()


@pytest.mark.parametrize("seed", range(4))
def test_curves_of_groups_end_where_each_does_alone(seed: int) -> None:
    """From a start from which a joint step that lowers the sum leads some groups astray."""
    rng, groups, x = np.random.default_rng(seed), 60, np.linspace(0.0, 4.0, 20)
    heights, rates = rng.uniform(1.0, 5.0, (groups, 1)), rng.uniform(0.5, 1.5, (groups, 1))
    y = heights * np.exp(-rates * x) + 0.5 + 0.05 * rng.standard_normal((groups, 20))

    def fit(h: Any, r: Any, c: Any, g: Any, x: Any, y: Any) -> list[Any]:
        residual = y - h[g] * np.exp(-r[g] * x) - c[g]
        return [np.sum(residual**2), residual]

    def found(y: Array) -> Result:
        count = len(y)
        return run(
            problem(
                fit,
                [
                    parameter("h", np.full(count, 2.0)),
                    parameter("r", np.full(count, 1.0)),
                    parameter("c", np.zeros(count)),
                ],
                {"g": np.repeat(np.arange(count), 20), "x": np.tile(x, count), "y": y.ravel()},
                kind="least_squares",
                objective={"residuals": ("first",)},
                optimizer=levenberg_marquardt(),
            )
        )

    together = found(y)
    assert together.termination.reason == "gradient"
    assert together.evaluations < 60
    alone = [found(one[None]).loss or 0.0 for one in y]
    assert together.loss == pytest.approx(sum(alone), rel=1e-9)
    assert not any("independent errors" in told for told in together.notes)


def test_a_chain_has_no_blocks() -> None:
    chain = np.stack([np.arange(99), np.arange(1, 100)], axis=1)
    assert block_layout(chain, chain >= 0, 100, []) is None


def test_what_many_rows_have_is_the_border() -> None:
    rows = np.arange(4000)
    columns = np.stack([rows % 500, 500 + rows % 3], axis=1)
    found = block_layout(columns, columns >= 0, 503, [])
    assert found is not None
    assert found.border.tolist() == [500, 501, 502]
    assert found.blocks.shape == (500, 1)
    columns[0, 1] = 1  # two of the blocks are one, or it is taken from both
    joined = block_layout(columns, columns >= 0, 503, [])
    assert joined is not None
    assert {*joined.border.tolist()} >= {500, 501, 502}


def test_a_table_is_the_border_where_counts_of_rows_do_not_tell() -> None:
    rng = np.random.default_rng(0)
    points, cameras, counts = 800, 40, (2 + rng.pareto(1.0, 800) * 2).astype(int).clip(max=100)
    point = np.repeat(np.arange(points), counts)
    camera = points + (rng.beta(0.3, 1.0, len(point)) * cameras).astype(int)
    columns = np.stack([point, camera], axis=1)
    tables = [np.arange(points), points + np.arange(cameras)]
    found = block_layout(columns, columns >= 0, points + cameras, tables)
    assert found is not None
    assert found.border.tolist() == tables[1].tolist()
    other = block_layout(columns, columns >= 0, points + cameras, [])
    assert other is None or other.border.size > cameras
