"""NIST's nonlinear regressions: all 27, from both starts, to the digits that are certified."""

from __future__ import annotations

import numpy as np
import pytest

from optserve.jobs.run import run
from tests.reference.judged import CRASH, WRONG, attempt, digits
from tests.reference.published import nist

STARTS = ("start1", "start2")


def each(*ways: str) -> pytest.MarkDecorator:
    """A test of each problem from both starts, in each of the ways."""
    cases = [
        pytest.param(name, start, way, id=f"{name}-{start}-{way}")
        for name in nist()
        for start in STARTS
        for way in ways
    ]
    return pytest.mark.parametrize(("name", "start", "way"), cases)


@each("default")
def test_the_default_finds_what_is_certified_with_its_standard_errors(
    name: str, start: str, way: str
) -> None:
    published = nist()[name]
    certified = published.certified
    result = run(published.job(way, np.array(certified[start])))
    assert result.exit_code == 0
    assert digits(published.found(result.parameters), certified["certified"]) >= 6
    if name == "Lanczos1":  # its residuals are the rounding of its data: their size is chance
        return
    errors = [result.standard_errors[one] for one in certified["param_names"]]
    assert digits(errors, certified["certified_std"]) >= 6
    assert result.fit is not None
    assert result.loss == pytest.approx(certified["certified_rss"], rel=1e-9)
    assert result.fit.degrees_of_freedom == certified["dof"]
    assert result.fit.residual_standard_error == pytest.approx(certified["residual_std"], rel=1e-9)


@each("lbfgs", "loss")
def test_no_other_way_takes_another_point_for_the_answer(name: str, start: str, way: str) -> None:
    published = nist()[name]
    point = np.array(published.certified[start])
    worth, why = attempt(published, way, point)
    assert worth not in (WRONG, CRASH), why


@pytest.mark.nightly
@pytest.mark.parametrize("way", ["adam", "gradient_descent"])
def test_first_order_methods_are_never_falsely_converged(way: str) -> None:
    for published in nist().values():
        for start in STARTS:
            worth, why = attempt(published, way, np.array(published.certified[start]))
            assert worth not in (WRONG, CRASH), (published.name, start, why)


def test_misra1a_to_nine_digits() -> None:
    published = nist()["Misra1a"]
    for start in STARTS:
        result = run(published.job("default", np.array(published.certified[start])))
        assert result.termination.reason == "gradient"
        found = published.found(result.parameters)
        assert digits(found, published.certified["certified"]) >= 9


def test_more_starts_in_one_job_find_the_same() -> None:
    published = nist()["Thurber"]
    names, second = published.certified["param_names"], published.certified["start2"]
    more = dict(zip(names, map(np.float64, second), strict=True))
    result = run(published.job("default", starts=(more,)))
    assert [one.loss for one in result.starts] == pytest.approx(
        [published.certified["certified_rss"]] * 2, rel=1e-9
    )
    assert result.starts[1].parameters == more
