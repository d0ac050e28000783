"""Standard errors by blocks: those that a whole Jacobian gives, of as many as it can."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import optserve
from optserve.graph.aval import Array
from optserve.jobs import evaluator as evaluator_module
from optserve.jobs.evidence.uncertainty import block_errors
from optserve.jobs.record.result import Result

GROUPS, ROWS = 40, 600
RNG = np.random.default_rng(3)
GROUP = np.concatenate(
    [np.repeat(np.arange(GROUPS), 6), RNG.integers(0, GROUPS, ROWS - 6 * GROUPS)]
)
X, Z = RNG.uniform(0.2, 2.0, ROWS), RNG.uniform(-1.0, 1.0, ROWS)
RATES, HEIGHTS = RNG.uniform(0.5, 1.5, GROUPS), RNG.uniform(1.0, 3.0, GROUPS)
Y = HEIGHTS[GROUP] * np.exp(-RATES[GROUP] * X) + 0.7 * Z + 0.05 * RNG.standard_normal(ROWS)


def config(more: dict[str, Any], fixed: list[str]) -> dict[str, Any]:
    predicted = "h[integer(g)] * exp(-r[integer(g)] * x) + c * z"
    return {
        "version": 1,
        "parameters": {
            "h": {"shape": [GROUPS], "init": 1.0, **({"fixed": fixed} if fixed else {})},
            "r": {"shape": [GROUPS], "init": 1.0},
            "c": 0.0,
        },
        "least_squares": {"observed": "y", "predicted": predicted, **more},
        "outputs": {"first": "h[0] / r[0]", "both": "h[1] - h[2] + c"},
    }


def fitted(
    monkeypatch: pytest.MonkeyPatch,
    *,
    blocks: bool,
    fixed: Any = (),
    method: str = "auto",
    more: Any = None,
    **data: Array,
) -> Result:
    with monkeypatch.context() as patched:
        if blocks:
            patched.setattr(evaluator_module, "LARGEST_COUNT", 10)
        given = {"g": GROUP.astype(float), "x": X, "z": Z, "y": Y, **data}
        asked = {**config(more or {}, list(fixed)), "uncertainty": method}
        return optserve.run(optserve.load(asked, data=given))


def check(found: Result, whole: Result, near: float = 1e-6) -> None:
    assert found.termination.exit_code == whole.termination.exit_code == 0
    assert found.labels == []
    assert whole.labels != []
    assert (found.uncertainty, found.dof) == (whole.uncertainty, whole.dof)
    assert found.unavailable == whole.unavailable
    for one, other in (
        (found.standard_errors, whole.standard_errors),
        (found.intervals, whole.intervals),
    ):
        for name in ("h", "r", "c"):
            left, right = (np.asarray(given[name], float) for given in (one, other))
            np.testing.assert_allclose(left, right, rtol=near)
    for column in ("standard_error", "leverage"):
        np.testing.assert_allclose(found.fitted[column], whole.fitted[column], rtol=near)
    for name in ("first", "both"):
        left, right = (one.outputs[name].standard_error for one in (found, whole))
        assert left == pytest.approx(right, rel=near)
    assert found.aic == pytest.approx(whole.aic, rel=1e-9)


@pytest.mark.parametrize("more", [{}, {"sigma": 0.05}, {"sigma": "0.05 + 0.1 * abs(z)"}])
def test_they_are_those_of_the_whole_jacobian(monkeypatch: pytest.MonkeyPatch, more: Any) -> None:
    found, whole = (fitted(monkeypatch, blocks=blocks, more=more) for blocks in (True, False))
    check(found, whole)


def test_entries_that_are_fixed_have_none(monkeypatch: pytest.MonkeyPatch) -> None:
    found = fitted(monkeypatch, blocks=True, fixed=["[3]"])
    check(found, fitted(monkeypatch, blocks=False, fixed=["[3]"]))
    assert np.isnan(np.asarray(found.standard_errors["h"], float)).nonzero()[0].tolist() == [3]


def test_a_group_that_tells_too_little_has_none(monkeypatch: pytest.MonkeyPatch) -> None:
    x = np.where(GROUP == 7, 1.0, X)  # one x: height and rate of that group are one number
    found, whole = (fitted(monkeypatch, blocks=blocks, x=x) for blocks in (True, False))
    for one in (found, whole):
        for name in ("h", "r"):
            errors = np.asarray(one.standard_errors[name], float)
            assert np.isnan(errors).nonzero()[0].tolist() == [7]
            assert one.unavailable[name] == "not determined by the data"
        assert any("h[7]" in told and "r[7]" in told for told in one.warnings)
    for name in ("h", "r", "c"):
        left, right = (np.asarray(one.standard_errors[name], float) for one in (found, whole))
        np.testing.assert_allclose(left, right, rtol=1e-2)  # ranks are counted otherwise


def test_a_border_that_tells_too_little_leaves_none(monkeypatch: pytest.MonkeyPatch) -> None:
    found = fitted(monkeypatch, blocks=True, z=np.zeros(ROWS))
    assert found.uncertainty == "none"
    assert found.unavailable["h"] == "the data do not determine all of c"


def test_pairs_that_are_hardly_told_apart_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    x = np.where(GROUP == 7, 1.0 + 0.02 * X, X)
    found, whole = (fitted(monkeypatch, blocks=blocks, x=x) for blocks in (True, False))
    told = [next(one for one in made.warnings if "correlate" in one) for made in (found, whole)]
    assert told[0] == told[1]
    assert "h[7]" in told[0]


@pytest.mark.parametrize("kind", ["hessian", "sandwich"])
def test_other_kinds_are_of_fewer_parameters(monkeypatch: pytest.MonkeyPatch, kind: str) -> None:
    found = fitted(monkeypatch, blocks=True, method=kind)
    assert "too many to be formed" in found.unavailable["h"]


def test_a_group_whose_errors_are_not_believed_has_none(monkeypatch: pytest.MonkeyPatch) -> None:
    looked = []

    def is_misjudged(minimum: Any, step: Array, unit: float) -> bool:
        moved = int(np.argmax(np.abs(step[:GROUPS])))
        looked.append(moved)
        return moved == 5

    monkeypatch.setattr(block_errors, "is_misjudged", is_misjudged)
    y = np.where(GROUP == 5, 0.7 * Z + 0.01 * np.cos(50.0 * X), Y)
    found = fitted(monkeypatch, blocks=True, y=y)
    assert 5 in looked
    for name in ("h", "r"):
        errors = np.asarray(found.standard_errors[name], float)
        assert np.isnan(errors).nonzero()[0].tolist() == [5]
    assert found.unavailable["h"] == "not determined by the data"
