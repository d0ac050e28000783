"""Moré, Garbow and Hillstrom's problems, from their starts, and from 10 and 100 times these."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from optserve.jobs.run import run
from tests.reference.judged import CRASH, OTHER, RIGHT, WRONG, attempt, minimum
from tests.reference.peers import PEERS, peer_ends
from tests.reference.published import more_garbow_hillstrom

# A perfect fit still leaks a warning of NumPy's.
pytestmark = pytest.mark.filterwarnings("ignore:invalid value encountered in divide")

FACTORS = (1, 10, 100)
WAYS = ("default", "lbfgs", "loss")

LONG = frozenset(
    {("discrete_bv_n50", 1, "lbfgs"), ("osborne_2", 10, "loss")}
    | {(f"chebyquad_n{n}", factor, "default") for n in (7, 8, 9, 10) for factor in (10, 100)}
)


def cases() -> Iterator[Any]:
    """Each problem from each start in each way; nightly what is large or takes long."""
    for name, published in more_garbow_hillstrom().items():
        for factor in FACTORS if published.start.any() else FACTORS[:1]:
            for way in WAYS:
                case = (name, factor, way)
                size = published.start.size
                far = factor > 1 and (size > 12 or way != "default")
                large = size > 50 or (size > 12 and way == "lbfgs")
                marks = [pytest.mark.nightly] if far or large or case in LONG else []
                yield pytest.param(*case, marks=marks, id=f"{name}-x{factor}-{way}")


@pytest.mark.parametrize(("name", "factor", "way"), list(cases()))
def test_what_is_called_converged_is_a_minimum(name: str, factor: int, way: str) -> None:
    published = more_garbow_hillstrom()[name]
    worth, why = attempt(published, way, factor * published.start)
    assert worth not in (WRONG, CRASH), why


@pytest.mark.parametrize("way", WAYS)
def test_what_has_vanished_at_the_start_does_not_run_away(way: str) -> None:
    """All peaks of this sum are off the data, from 100 times its start."""
    published = more_garbow_hillstrom()["osborne_2"]
    result = run(published.job(way, 100 * published.start))
    assert (result.exit_code, result.termination.reason) == (3, "flat")
    assert "has vanished" in result.termination.message


@pytest.mark.parametrize(
    ("factor", "largest"),
    [(1, 10), *(pytest.param(far, None, marks=pytest.mark.nightly) for far in FACTORS)],
)
def test_at_least_as_many_right_answers_as_scipy(factor: int, largest: int | None) -> None:
    """Over the problems of at most so many parameters; nightly over all."""
    counts: Counter[str] = Counter()
    for published in more_garbow_hillstrom().values():
        if largest is not None and published.start.size > largest:
            continue
        start = factor * published.start
        for way in ("default", "lbfgs"):
            counts[way] += attempt(published, way, start)[0] in (RIGHT, OTHER)
        for peer in PEERS:
            counts[peer] += peer_ends(published, peer, start)[0] == RIGHT
    assert counts["default"] >= max(counts["scipy lm"], counts["scipy trf"]), counts
    assert counts["lbfgs"] >= counts["scipy bfgs"], counts


@pytest.mark.nightly
@pytest.mark.parametrize("way", ["adam", "gradient_descent"])
@pytest.mark.parametrize("name", list(more_garbow_hillstrom()))
def test_first_order_methods_are_never_falsely_converged(name: str, way: str) -> None:
    published = more_garbow_hillstrom()[name]
    worth, why = attempt(published, way, published.start)
    assert worth not in (WRONG, CRASH), why


def test_the_judge_tells_minima_from_other_points() -> None:
    def saddle(x: Any, xp: Any) -> Any:
        return np.array([x[0] * x[1] - 2])

    def tail(x: Any, xp: Any) -> Any:
        return np.array([1 + xp.exp(-x[0])])

    assert minimum(saddle, np.array([1e-9, 1e-9]))
    assert minimum(tail, np.array([30.0]))
    wood = more_garbow_hillstrom()["wood"]
    assert minimum(wood.residual, np.array([-0.968, 0.947, -0.970, 0.951]))
    assert not minimum(wood.residual, np.array([1.0, 1.0, 1.0, 1.0 + 1e-9]))
    two = more_garbow_hillstrom()["freudenstein_roth"]
    assert not minimum(two.residual, np.array([11.41277900955, -0.89680525]))
