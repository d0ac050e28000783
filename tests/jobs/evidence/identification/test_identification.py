"""What the data tell apart: told before a descent, and as a minimum would have told it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import optserve
from optserve.errors import ConfigError
from optserve.jobs.evidence.identification.identification import Identification, identification
from optserve.jobs.evidence.identification.invariants import Symmetry, changes_of, combination
from optserve.jobs.preparation import prepare
from tests.reference.published import more_garbow_hillstrom, nist

DATA = """
version: 1
data:
  inline: {x: [1, 2, 3, 4, 5, 6.5], y: [2.1, 3.9, 6.2, 7.8, 10.1, 13.2], n: [1, 2, 2, 4, 5, 3]}
  columns: {x: x, y: y, n: {take: n, as: integer}}
"""


def found_in(text: str, folder: Path) -> Identification:
    (folder / "fit.yaml").write_text(DATA + text if "data:" not in text else text)
    job = prepare(optserve.load(folder / "fit.yaml"))
    return identification(job.evaluator, job.starts[0])


def squares(parameters: str, predicted: str) -> str:
    return f"parameters: {parameters}\nleast_squares: {{observed: y, predicted: '{predicted}'}}\n"


TOGETHER = {
    "a product": (squares("{a: 1, b: 1, c: 0}", "a * b * x + c"), "a * b"),
    "a product of three": (squares("{a: 1, b: 1, c: 2}", "a * b * c * x"), "a * b * c"),
    "a quotient": (squares("{a: 1, b: 1}", "a * x / b"), "a / b"),
    "a power": (squares("{a: 2, b: 1}", "a * b**2 * x"), "a * b**2"),
    "a power of the first": (squares("{a: 2, b: 1}", "a**2 * b * x"), "a**2 * b"),
    "powers": (squares("{a: 2, b: 1}", "a**3 * b**2 * x"), "a**3 * b**2"),
    "shares": (
        squares("{p: {shape: [3], transform: simplex}}", "p[0] * x + p[1] * x"),
        "p[0] + p[1]",
    ),
    "a sum": (squares("{a: 1, b: 0}", "x + a + b"), "a + b"),
    "a difference": (squares("{a: 1, b: 0, c: 1}", "c * x + a - 2 * b"), "a - 2 * b"),
    "an exponential": (squares("{A: 1, c: 0, k: 0.1}", "A * exp(c - k * x)"), "A * exp(c)"),
    "positive": (
        squares("{a: {init: 2, transform: log}, b: {init: 1, transform: log}}", "a * b * x"),
        "a * b",
    ),
    "at bounds": (
        squares("{a: {init: 1, bounds: [0, 1]}, b: {init: 1, bounds: [0.5, 2]}}", "a * b * x"),
        "a * b",
    ),
    "entries": (squares("{w: {shape: [2], init: 1}}", "w[0] * w[1] * x"), "w[0] * w[1]"),
    "a likelihood": (
        "parameters: {a: 0.1, b: 1, c: 0}\nlog_likelihood: poisson_logpmf(n, exp(a * x + b + c))\n",
        "b + c",
    ),
    "a loss": (
        "parameters: {a: 0.1, b: 1, c: 1}\nloss: mean(log(cosh(y - a * b * x - c)))\n",
        "a * b",
    ),
    "a penalty elsewhere": (
        "parameters: {a: 0.1, b: 1, c: {init: 1, penalty: {l2: 0.1}}}\n"
        "loss: mean(log(cosh(y - a * b * x - c)))\n",
        "a * b",
    ),
    "a start of 0": (squares("{a: 0, b: 0, c: 1}", "a * b * x + c"), "a * b"),
}


@pytest.mark.parametrize("case", TOGETHER)
def test_what_only_occurs_together(case: str, tmp_path: Path) -> None:
    text, told = TOGETHER[case]
    found = found_in(text, tmp_path)
    assert not found.identified
    assert [(one.code, one.combination) for one in found.open] == [("not-identified", told)]
    assert f"only occur as {told}" in found.open[0].message


TOLD_APART = {
    "an exponential and a constant": squares("{a: 1, k: 0.1, c: 0}", "a * exp(-k * x) + c"),
    "two exponentials": squares(
        "{a: 1, k: 0.1, b: 1, l: 0.2}", "a * exp(-k * x) + b * exp(-l * x)"
    ),
    "a penalty": squares("{a: {init: 1, penalty: {l2: 0.1}}, b: 1, c: 0}", "a * b * x + c"),
    "one is fixed": squares("{a: {init: 1, fixed: true}, b: 1}", "a * b * x"),
    "all are fixed": squares("{a: {init: 1, fixed: true}}", "a * x"),
    "shares": squares(
        "{p: {shape: [3], transform: simplex}, s: 1}", "s * (p[0] * x + p[1] + p[2] * x**2)"
    ),
    "a prior of a likelihood": (
        "parameters: {a: 0.1, b: {init: 1, prior: {normal: {mean: 0, std: 1}}}, c: 0}\n"
        "log_likelihood: poisson_logpmf(n, exp(a * x + b + c))\n"
    ),
    "a scale": (
        "parameters: {a: 0.1, b: 1, s: {init: 1, transform: log}}\n"
        "log_likelihood: normal_logpdf(y, a * x + b, s)\n"
    ),
    "a penalty of a loss": (
        "parameters: {a: {init: 0.1, penalty: {l2: 0.1}}, b: 1, c: 1}\n"
        "loss: mean(log(cosh(y - a * b * x - c)))\n"
    ),
    "absolute values": (
        "parameters: {a: {init: 0.1, bounds: [0, null]}, b: {init: 0.2, bounds: [0, null]}}\n"
        "loss: mean(log(cosh(y - (a - b) * x))) + 0.1 * (a + b)\n"
    ),
    "no data": "parameters: {a: -1.2, b: 1}\nloss: (1 - a)**2 + 100 * (b - a**2)**2\n",
}


@pytest.mark.parametrize("case", TOLD_APART)
def test_what_is_told_apart(case: str, tmp_path: Path) -> None:
    found = found_in(TOLD_APART[case], tmp_path)
    assert found.identified, found.open


def test_what_has_no_effect(tmp_path: Path) -> None:
    found = found_in(squares("{a: 2, b: 1, c: 3}", "a * x + 0 * b + 0 * c"), tmp_path)
    [one] = found.open
    assert (one.code, one.parameters, one.directions) == ("no-effect", ("b", "c"), 2)


def test_a_group_is_the_same_from_any_start(tmp_path: Path) -> None:
    """Where ph is 0 only b and ph trade off; everywhere else a does, too."""
    text = squares("{a: 1, b: 1, ph: 0}", "a * sin(x + ph) + b * cos(x)")
    [one] = found_in(text, tmp_path).open
    assert one.parameters == ("a", "b", "ph")


def test_entries_of_a_matrix_have_no_effect_together(tmp_path: Path) -> None:
    text = squares("{q: {shape: [2, 2], transform: positive_definite}}", "q[0, 0] * x")
    [one] = found_in(text, tmp_path).open
    assert (one.code, one.parameters) == ("no-effect", ("q[1][0]", "q[1][1]"))
    assert "fixed" not in one.remedy  # entries of such a matrix cannot be fixed one by one


@pytest.mark.parametrize(
    "loss",
    [
        squares("{a: -1, b: 1}", "log(a) * x + b"),
        squares("{a: 1000, b: 1}", "exp(a) * x + b"),
        "parameters: {a: -1, b: 1}\nloss: mean(log(cosh(y - log(a) * x - b)))\n",
    ],
)
def test_a_loss_that_is_no_number_tells_nothing(loss: str, tmp_path: Path) -> None:
    """The derivative of log(a) is a number at -1, where the loss is none."""
    with pytest.raises(ConfigError, match="not finite at the start"):
        found_in(loss, tmp_path)


def test_a_start_that_is_no_number_is_told(tmp_path: Path) -> None:
    found = found_in(squares("{a: 0, b: 1}", "log(a) * x + b"), tmp_path)
    assert found.identified
    assert [one.code for one in found.cautions] == ["not-finite"]


def test_levels_beside_a_constant(tmp_path: Path) -> None:
    predicted = "m + where(n == 1, g[0], where(n == 2, g[1], g[2]))"
    [one] = found_in(squares("{m: 0, g: {shape: [3], init: 0}}", predicted), tmp_path).open
    assert one.directions == 1
    assert "become m + t, g[0] - t, g[1] - t, g[2] - t, for any t" in one.message


def test_a_shift_of_time(tmp_path: Path) -> None:
    [one] = found_in(squares("{A: 1, k: 0.1, t: 0}", "A * exp(-k * (x - t))"), tmp_path).open
    assert one.parameters == ("A", "t")
    assert one.message == "A and t trade off against each other"


def test_more_parameters_than_rows(tmp_path: Path) -> None:
    powers = " + ".join(f"w[{power}] * x**{power}" for power in range(8))
    [one] = found_in(squares("{w: {shape: [8], init: 1}}", powers), tmp_path).open
    assert one.directions == 2
    assert one.message.startswith("6 rows tell of at most 6 of 8 numbers")


@pytest.mark.parametrize(
    ("parameters", "predicted", "names"),
    [
        ("{a: 0, b: 0, c: 1}", "a * b * x + c", ("a", "b")),
        ("{a: 1, k: 0, c: 0}", "a * exp(-k * x) + c", ("a", "c")),
        ("{a: 1, k: 0.1, b: 1, l: 0.1}", "a * exp(-k * x) + b * exp(-l * x)", ("a", "k", "b", "l")),
    ],
)
def test_an_unlucky_start_decides_nothing(
    parameters: str, predicted: str, names: tuple[str, ...], tmp_path: Path
) -> None:
    found = found_in(squares(parameters, predicted), tmp_path)
    [one] = found.cautions
    assert (one.code, one.parameters) == ("flat-start", names)
    assert all(other.code == "not-identified" for other in found.open)


def test_years_are_hidden_by_rounding(tmp_path: Path) -> None:
    text = """
version: 1
data: {inline: {t: [1990, 1991, 1992, 1993, 1994, 1995, 1996, 1998], y: [1, 2, 4, 3, 5, 6, 8, 9]}}
parameters: {w: {shape: [6], init: 0}}
least_squares:
  observed: y
  predicted: w[0] + w[1] * t + w[2] * t**2 + w[3] * t**3 + w[4] * t**4 + w[5] * t**5
"""
    [one] = found_in(text, tmp_path).open
    assert one.code == "rounding"
    assert one.remedy.startswith("centre and scale t, as in `(t - 1994) / 4`")


REFUSED = {
    "one number": ("parameters: {a: 0.1, b: 1}\nloss: (a * b - 3)**4\n", "is one number"),
    "outside of its domain": (
        squares("{a: -1, b: 1}", "log(a) * b * x"),
        "is not finite at the start",
    ),
    "too many": (
        "parameters: {w: {shape: [2000], init: 0.1}}\nloss: mean(log(cosh(y - sum(w) * x)))\n",
        "2000 coordinates are too many",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_cannot_be_found_out_is_refused(case: str, tmp_path: Path) -> None:
    text, why = REFUSED[case]
    with pytest.raises(ConfigError, match=why) as caught:
        found_in(text, tmp_path)
    assert caught.value.code == "no-identification"
    assert caught.value.remedy


def test_it_does_not_depend_on_units(tmp_path: Path) -> None:
    one = found_in(squares("{a: 1, k: 0.1, c: 0.5}", "a * exp(-k * x) + c"), tmp_path)
    other = found_in(
        squares("{a: 1.0e+9, k: 1.0e-13, c: 5.0e+8}", "1e-9 * (a * exp(-1e12 * k * x) + c)"),
        tmp_path,
    )
    assert other.collinearity == pytest.approx(one.collinearity, rel=1e-6)


@pytest.mark.parametrize("name", nist())
def test_the_regressions_of_nist_are_identified(name: str) -> None:
    job = prepare(nist()[name].job("default"))
    assert identification(job.evaluator, job.starts[0]).identified


def test_a_published_one_of_rank_one() -> None:
    job = prepare(more_garbow_hillstrom()["linear_rank1_n5_m10"].job("default"))
    [one] = identification(job.evaluator, job.starts[0]).open
    assert one.directions == 4
    assert one.combination == "x[0] + 2 * x[1] + 3 * x[2] + 4 * x[3] + 5 * x[4]"


def test_changes_of_no_plain_kind_are_none() -> None:
    points = [np.array([1.0, 2.0]), np.array([0.3, 0.7]), np.array([-1.0, 3.0])]
    turned = [np.array([[-one[1]], [one[0]]]) for one in points]  # a**2 + b**2
    assert changes_of(turned, points) is None
    assert changes_of(turned[:2], points[:2]) is None


def test_more_than_one_combination_is_not_named() -> None:
    change = Symmetry({0: 1.0, 1: -1.0, 2: -1.0}, {0: True, 1: True, 2: True})
    assert combination([change], ["a", "b", "c"]) == ""
