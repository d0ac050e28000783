"""`optserve diff`: what is different between two runs, and how far."""

from __future__ import annotations

from math import hypot
from pathlib import Path

import pytest
from scipy import stats

from optserve.jobs.record.result import read_result
from tests.cli.conftest import Invoke

CONFIG = """\
version: 1
name: line
data: {inline: {x: [0, 1, 2, 3], y: [1.1, 2.9, 5.2, 6.8]}}
parameters: {a: 0, b: 0, c: {shape: [2], init: 1, fixed: true}}
least_squares: {observed: y, predicted: "a + b * x + 0 * c[0]"}
"""


def shown(invoke: Invoke, *runs: str) -> list[list[str]]:
    done = invoke("diff", *runs)
    assert done.exit_code == 0, done.stderr
    return [line.split() for line in done.stdout.splitlines()]


def test_runs_that_differ_and_runs_that_do_not(invoke: Invoke, here: Path) -> None:
    (here / "line.yaml").write_text(CONFIG)
    for out in ("a", "again"):
        assert invoke("run", "line.yaml", "--out", out, "--quiet").exit_code == 0
    (here / "line.yaml").write_text(CONFIG.replace("6.8", "7.8"))
    assert invoke("run", "line.yaml", "--out", "b", "--set", "seed=3", "--quiet").exit_code == 0
    same = shown(invoke, "a", "again/result.json")
    assert ["b", "1.94", "1.94", "0", "0"] in same
    assert ["the", "configs", "are", "the", "same"] in same
    assert not any(line[:1] == ["ended"] for line in same)
    other = shown(invoke, "a", "b")
    [b] = [line for line in other if line[:1] == ["b"]]
    assert b[1:4] == ["1.94", "2.24", "0.15"]
    errors = [read_result(here / run / "result.json").standard_errors["b"] for run in "ab"]
    assert float(b[4]) == pytest.approx(0.3 / hypot(*errors), rel=0.05)
    assert ["seed", "0", "3"] in other
    assert ["+seed:", "3"] in other


def test_what_is_no_run(invoke: Invoke, here: Path) -> None:
    done = invoke("diff", "none", "nothing")
    assert (done.exit_code, done.stdout) == (2, "")
    assert "none" in done.stderr


COUNTS = """\
version: 1
data:
  inline: {x: [0, 0, 0, 1, 1, 1, 2, 2, 2, 3], k: [2, 0, 3, 1, 4, 2, 6, 3, 5, 9]}
  columns: {x: x, k: {take: k, as: integer}}
parameters: {a: 0.5, b: 0.1, c: {init: 0, fixed: true, bounds: [null, 2]}}
log_likelihood: poisson_logpmf(k, exp(a + b * x + c * x**2))
"""


def ratio_of(invoke: Invoke, one: str, two: str) -> str:
    done = invoke("diff", one, two)
    assert done.exit_code == 0, done.stderr
    return done.stdout.partition("the likelihood-ratio test:\n")[2].strip()


def ran(invoke: Invoke, here: Path, name: str, config: str, *options: str) -> None:
    (here / "fit.yaml").write_text(config)
    assert invoke("run", "fit.yaml", "--out", name, "--quiet", *options).exit_code == 0


def test_the_likelihood_ratio_of_a_poisson_regression(invoke: Invoke, here: Path) -> None:
    """statsmodels 0.15: ``2 * (full.llf - null.llf)`` of ``GLM(..., Poisson())`` is 11.743455 and
    ``chi2.sf`` of it 0.00061058; whichever run comes first."""
    ran(invoke, here, "large", COUNTS)
    ran(invoke, here, "small", COUNTS, "--set", "parameters.b={init: 0, fixed: true}")
    assert ratio_of(invoke, "small", "large") == STATSMODELS.format("one", "two")
    assert ratio_of(invoke, "large", "small") == STATSMODELS.format("two", "one")
    assert ratio_of(invoke, "large", "large") == (
        "there is none: both estimate the same parameters: neither is part of the other"
    )


STATSMODELS = "{} is {} with b held: chi-square(1) 11.743, p 6.11e-4"


def test_least_squares_without_sigma_have_the_f_test(invoke: Invoke, here: Path) -> None:
    """That of one coefficient is the square of its t, exactly; of sigma chi-square is the fall."""
    large = CONFIG.replace("b: 0", "b: 1")
    ran(invoke, here, "large", large)
    ran(invoke, here, "small", large.replace("b: 1", "b: {init: 1.5, fixed: true}"))
    result = read_result(here / "large" / "result.json")
    t = (float(result.parameters["b"]) - 1.5) / float(result.standard_errors["b"])
    found = ratio_of(invoke, "small", "large").split()
    assert found[:6] == ["one", "is", "two", "with", "b", "held:"]
    assert found[6] == "F(1,"
    assert float(found[8].rstrip(",")) == pytest.approx(t**2, rel=1e-4)
    assert float(found[10]) == pytest.approx(2 * stats.t.sf(t, 2), rel=1e-2)
    sigma = large.replace('c[0]"}', 'c[0]", sigma: 0.2}')
    ran(invoke, here, "sigma", sigma)
    ran(invoke, here, "held", sigma.replace("b: 1", "b: {init: 1.5, fixed: true}"))
    fall = [read_result(here / run / "result.json").loss or 0.0 for run in ("held", "sigma")]
    found = ratio_of(invoke, "held", "sigma").split()
    assert found[6] == "chi-square(1)"
    assert float(found[7].rstrip(",")) == pytest.approx(fall[0] - fall[1], rel=1e-4)


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (("9]", "8]"), "they differ in `data`"),
        (("3], k: [2, 0,", "3, 3], k: [2, 0, 1,"), "they are fits of 10 and of 11 rows"),
        (("exp(a", "exp(2 * a"), "they differ in `log_likelihood`"),
        (("a: 0.5, b: 0.1", "a: {init: 0.4, fixed: true}, b: 0.1, d: 0"), "the parameter 'd'"),
        (("a: 0.5", "a: {init: 0.5, prior: {normal: {mean: 0, std: 1}}}"), "`parameters.a`"),
        (("a: 0.5", "a: {init: 0.5, fixed: true}"), "each holds what the other estimates (a; b)"),
        (("a: 0.5", "a: {init: 0.5, penalty: {l2: 1}}"), "`parameters.a`"),
    ],
)
def test_what_has_no_likelihood_ratio(
    invoke: Invoke, here: Path, change: tuple[str, str], why: str
) -> None:
    ran(invoke, here, "one", COUNTS.replace("b: 0.1", "b: {init: 0, fixed: true}"))
    ran(invoke, here, "two", COUNTS.replace(*change))
    found = ratio_of(invoke, "one", "two")
    assert found.startswith("there is none: "), found
    assert why in found


def test_at_a_bound_the_chi_square_is_wrong(invoke: Invoke, here: Path) -> None:
    spread = COUNTS.replace(
        "c: {init: 0, fixed: true, bounds: [null, 2]}", "c: {init: 0.1, bounds: [0, null]}"
    )
    ran(invoke, here, "large", spread)
    ran(invoke, here, "small", spread.replace("init: 0.1", "init: 0, fixed: true"))
    found = ratio_of(invoke, "small", "large")
    assert "c is held at a bound, where the chi-square is wrong: p is too large" in found
    assert "half of this (Self & Liang 1987)" in found
