"""`simulate: {COLUMN: ...}`: columns drawn by expressions with random terms."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy import stats

import optserve
from optserve.errors import OptserveError
from optserve.graph.aval import Array
from optserve.jobs.simulation import Sets, wilson
from tests.cli.conftest import Invoke

ROWS = 60
X = np.linspace(-1.0, 2.0, ROWS)
LINE: dict[str, Any] = {
    "version": 1,
    "parameters": {"a": 1, "b": 2},
    "least_squares": {"observed": "y", "predicted": "a + b * x"},
}


def drawn(config: dict[str, Any], numbers: int = 200, **columns: Any) -> dict[str, Array]:
    """Each column of so many data sets, one below another."""
    given = {"x": X, "y": 1.0 + 2.0 * X + 0.1 * np.sin(9.0 * X), **columns}
    problem = optserve.load(config, data=given)
    sets = Sets(problem, optserve.run(problem), seed=4)
    made = [sets.drawing.data(4, number) for number in range(numbers)]
    return {name: np.stack([one[name] for one in made]) for name in made[0]}


@pytest.mark.parametrize(
    ("expression", "law"),
    [
        ("normal(0, 2)", stats.norm(0, 2)),
        ("uniform(-1, 3)", stats.uniform(-1, 4)),
        ("exponential(rate=0.5)", stats.expon(scale=2)),
        ("gamma(2, rate=0.5)", stats.gamma(2, scale=2)),
        ("student_t(5, 1, 2)", stats.t(5, 1, 2)),
        ("normal(0, 1) + normal(0, 1)", stats.norm(0, np.sqrt(2))),
        ("f(0) - f(0)", stats.norm(0, np.sqrt(2))),
        ("where(bernoulli(1), normal(5, 1), normal(0, 1))", stats.norm(5, 1)),
        ("normal(0, 3, size=2)[0]", None),
    ],
)
def test_numbers_have_the_law_that_is_written(expression: str, law: Any) -> None:
    """Two terms of the same parameters are two numbers."""
    made = drawn({**LINE, "define": {"f(m)": "normal(m, 1)"}, "simulate": {"y": expression}})["y"]
    if law is None:  # one for all rows of a set
        assert np.ptp(made, axis=1).max() == 0.0
        made, law = made[:, :1], stats.norm(0, 3)
    assert stats.kstest(made.ravel(), law.cdf).pvalue > 1e-3
    if made.shape[1] > 1:
        assert abs(stats.pearsonr(made[:, 0], made[:, 1]).statistic) < 0.25


@pytest.mark.parametrize(
    ("expression", "law"),
    [
        ("poisson(4)", stats.poisson(4)),
        ("binomial(9, 0.3)", stats.binom(9, 0.3)),
        ("negative_binomial(mean=4, dispersion=2)", stats.nbinom(2, 2 / 6)),
        ("geometric(chance=0.4)", stats.geom(0.4, loc=-1)),
        ("bernoulli(0.3)", stats.bernoulli(0.3)),
        ("poisson(1) + poisson(3)", stats.poisson(4)),
    ],
)
def test_counts_have_the_law_that_is_written(expression: str, law: Any) -> None:
    config = {**LINE, "data": {"columns": {"y": {"take": "y", "as": "integer"}, "x": "x"}}}
    config |= {"least_squares": "y - a - b * x", "simulate": {"y": expression}}
    made = drawn(config, y=np.arange(ROWS) % 7)["y"]
    assert made.dtype == np.int64
    counts = np.bincount(made.ravel())
    inside = law.pmf(np.arange(len(counts))) * made.size > 5
    left = made.size - counts[inside].sum()
    expected = law.pmf(np.flatnonzero(inside)) * made.size
    found, wanted = [*counts[inside]], [*expected]
    if made.size - expected.sum() > 5:
        found, wanted = [*found, left], [*wanted, made.size - expected.sum()]
    else:
        wanted = [*(expected * sum(found) / expected.sum())]
    assert stats.chisquare(found, wanted).pvalue > 1e-3


def test_columns_are_made_of_those_before_them_and_of_values() -> None:
    """A latent size of each row is shared by two columns; a third is made of one that is drawn."""
    config = {
        **LINE,
        "define": {"centred": "x - mean(x)"},
        "least_squares": {"one": "y - a - b * x", "two": "z - centred", "three": "w - a"},
        "simulate": {
            "u": "normal(0, 2)",
            "y": "a + b * x + u",
            "z": "centred - u",
            "x": "x + normal(0, 0.1)",
            "w": "3 * centred + 0 * y",
        },
    }
    made = drawn(config, z=X, w=X)
    fit = made["y"] - made["y"].mean() + made["z"] - made["z"].mean()  # u is gone
    assert np.ptp(fit.std(axis=0)) < 1e-9
    assert 0.09 < (made["x"] - X).std() < 0.11
    centred = made["x"] - made["x"].mean(axis=1, keepdims=True)
    assert np.allclose(made["w"], 3.0 * centred)


def test_an_effect_of_a_group_is_shared_by_its_rows() -> None:
    group = np.arange(ROWS) % 4
    config = {
        **LINE,
        "data": {"columns": {"x": "x", "y": "y", "g": {"take": "g", "as": "integer"}}},
        "simulate": {"y": "a + b * x + normal(0, 1, size=4)[g]"},
    }
    made = drawn(config, g=group)["y"]
    centred = made - made.mean(axis=0)
    assert np.allclose(centred[:, group == 1], centred[:, [1]])
    assert abs(np.corrcoef(centred[:, 0], centred[:, 1])[0, 1]) < 0.25


def test_what_a_term_draws_depends_on_seed_set_column_and_number_alone() -> None:
    alone = {"y": "a + b * x + normal(0, 1)"}
    first = drawn({**LINE, "simulate": alone}, 3)["y"]
    beside = {"u": "normal(0, 1)", "x": "x + 0 * u + normal(0, 1)", **alone}
    other = drawn({**LINE, "simulate": beside, "define": {"m": 1}}, 3)
    noise = other["y"] - first
    slope = 2.0 * (other["x"] - X)
    assert np.allclose(noise / slope, (noise / slope)[0, 0], rtol=0.01)
    assert not np.allclose(first[0], first[1])


MEAN = """version: 1
data: {inline: {y: [4.1, 5.2, 5.9, 4.6, 5.5, 4.8, 5.1, 4.2]}}
parameters: {m: 5}
least_squares: {observed: y, predicted: m}
simulate:
  n: 200
  y: m + normal(0, 0.6)
  expect: {coverage.m: {min: 0.9}, coverage_high.m: {min: 0.95}, coverage_low.m: {max: 0.95}}
"""


def test_student_t_holds_the_mean_of_normals(invoke: Invoke, here: Path) -> None:
    (here / "mean.yaml").write_text(MEAN)
    told = invoke("simulate", "mean.yaml", "--format", "json")
    assert told.exit_code == 0, told.stderr
    found = json.loads(told.stdout)
    assert abs(found["coverage"]["m"] - 0.95) < 4 * np.sqrt(0.95 * 0.05 / 200)
    assert found["spread"]["m"] == pytest.approx(0.6 / np.sqrt(8), rel=0.2)
    assert found["mean_error"]["m"] == pytest.approx(0.6 / np.sqrt(8), rel=0.1)
    (here / "mean.yaml").write_text(MEAN.replace("min: 0.9}", "min: 1}"))
    told = invoke("simulate", "mean.yaml")
    assert told.exit_code == 4
    assert "fails: coverage.m is 0.9" in told.stderr
    assert f"[{found['coverage_low']['m']:.3f}, {found['coverage_high']['m']:.3f}]" in told.stdout


POISSON = """version: 1
data:
  inline: {x: [0, 1, 2, 3, 4, 5, 6, 7, 8, 9], k: [1, 2, 2, 4, 3, 6, 7, 9, 13, 16]}
  columns: {x: x, k: {take: k, as: integer}}
parameters: {b0: 0.5, b1: 0.2}
define: {mean: "exp(b0 + b1 * x)"}
log_likelihood: poisson_logpmf(k, mean)
simulate:
  n: 150
  k: poisson(mean)
"""


def test_a_poisson_regression_holds_its_truth_to_the_bit_by_any_processes(
    invoke: Invoke, here: Path
) -> None:
    (here / "glm.yaml").write_text(POISSON)
    told = invoke("simulate", "glm.yaml", "--format", "json")
    assert told.exit_code == 0, told.stderr
    assert invoke("simulate", "glm.yaml", "--format", "json", "--jobs", "2").stdout == told.stdout
    found = json.loads(told.stdout)
    assert found["failures"] == 0
    for name in ("b0", "b1"):
        assert abs(found["bias"][name]) < 4 * found["bias_error"][name] + 0.02
        assert abs(found["coverage"][name] - 0.95) < 4 * np.sqrt(0.95 * 0.05 / 150)
    # More variance than Poisson's: the intervals are too narrow, and the spread tells.
    (here / "glm.yaml").write_text(POISSON.replace("poisson(mean)", "poisson(mean * exp(e))"))
    with (here / "glm.yaml").open("a") as file:
        file.write("  e: normal(0, 0.8)\n")
    told = invoke("simulate", "glm.yaml")
    assert "'e' is used before it is defined" in told.stderr
    text = (here / "glm.yaml").read_text().replace("  e: normal(0, 0.8)\n", "")
    (here / "glm.yaml").write_text(text.replace("  k: poi", "  e: normal(0, 0.8)\n  k: poi"))
    wider = json.loads(invoke("simulate", "glm.yaml", "--format", "json").stdout)
    assert wider["coverage_high"]["b1"] < 0.95
    assert wider["spread"]["b1"] > 1.5 * wider["mean_error"]["b1"]


@pytest.mark.parametrize(
    ("simulate", "words"),
    [
        ({"y": "norml(a, 1)"}, "did you mean 'normal'"),
        ({"y": "normal(c, 1)"}, "no value is called 'c'"),
        ({"y": "normal(a)"}, "missing a required argument: 'std'"),
        ({"y": "exponential(2)"}, "exponential(rate=..., size=None)"),
        ({"y": "normal([1, 2], 1)"}, "is given one of shape (2,)"),
        ({"y": "normal(0, 1, size=3)"}, "and the column has the shape"),
        ({"y": "(normal(0, 1), 2)"}, "'y' is a tuple"),
        ({"y": "a + b * x"}, "nothing that is drawn is random"),
        ({"yy": "normal(0, 1)"}, "did you mean 'y'"),
        ({"y": "normal(0, 1)", "u": "y"}, "'u' is drawn, and unused"),
        ({"a": "normal(0, 1)", "y": "a"}, "'a' is a parameter"),
        ({"m": "normal(0, 1)", "y": "m"}, "'m' is a value of define"),
        ({"y": "scan(walk, 0.0, x)[1]"}, "would be drawn once"),
        ({"y": "normal(0, 1)", "density": "normal_logpdf(y, a, 1)"}, "by expressions too"),
        ({"y": ["normal(0, 1)"]}, "quote an expression that begins with `[`"),
        ({"y": "normal(0, 1, _within=x)"}, "unexpected keyword argument '_within'"),
        ({"y": "randn(3)"}, "write normal(0, 1)"),
        ({"y": "normal(1j * a, 1)"}, "normal takes real numbers"),
    ],
)
def test_what_draws_nothing_is_refused(simulate: dict[str, Any], words: str) -> None:
    define = {"walk(s, e)": {"next": "s + normal(0, 1)", "return": "(next, next)"}, "m": "a"}
    with pytest.raises(OptserveError) as raised:
        optserve.load({**LINE, "define": define, "simulate": simulate}, data={"x": X, "y": X})
    errors = getattr(raised.value, "errors", [raised.value])
    assert any(words in f"{one} {one.expected} {one.remedy}" for one in errors), str(raised.value)
    assert all(one.place for one in errors)


@pytest.mark.parametrize(
    ("expression", "words"),
    [
        ("normal(a, -b)", "std -2 (scale < 0)"),
        ("bernoulli(x)", "chance -1"),
        ("bernoulli(1.5) * x", "chance 1.5"),
        ("poisson(x)", "mean -1 to 2"),
        ("binomial(9, 1.5)", "chance 1.5"),
        ("uniform(2, 1)", "low 2"),
        ("student_t(3, 0, -1)", "scale -1"),
        ("weibull(2, -1)", "scale -1"),
        ("normal(a, log(-b))", "std is not a number"),
        ("normal(1 / (a - a), 1)", "is not finite"),
        ("x[integer(normal(0, 1))]", "is no whole number"),
    ],
)
def test_parameters_beyond_their_domain_have_a_place(expression: str, words: str) -> None:
    given = {"x": X, "y": 1.0 + 2.0 * X}
    problem = optserve.load({**LINE, "simulate": {"y": expression}}, data=given)
    sets = Sets(problem, optserve.run(problem), 0)
    with pytest.raises(OptserveError) as raised:
        sets.drawing.data(0, 0)
    assert words in str(raised.value)
    assert raised.value.code == "no-simulation"
    assert raised.value.place is not None
    assert raised.value.place.path == "simulate.y"


def test_a_deviation_of_0_is_no_mistake() -> None:
    made = drawn({**LINE, "simulate": {"y": "normal(a, where(x < 0, 0, 1))"}}, 5)["y"]
    assert np.ptp(made[:, X < 0]) == 0.0
    assert np.ptp(made[:, X >= 0]) > 1.0


def test_a_column_of_whole_numbers_is_not_drawn_as_others() -> None:
    config = {**LINE, "data": {"columns": {"y": {"take": "y", "as": "integer"}, "x": "x"}}}
    config |= {"least_squares": "y - a - b * x", "simulate": {"y": "normal(a, 1)"}}
    with pytest.raises(OptserveError, match="'y' is a column of whole numbers"):
        drawn(config, y=np.arange(ROWS))
    density = {**config, "simulate": {"density": "normal_logpdf(y, a, 1)"}}
    with pytest.raises(OptserveError, match="'y' is a column of whole numbers"):
        drawn(density, y=np.arange(ROWS))


@pytest.mark.parametrize("simulate", [None, {"y": "normal(a, 1)"}])
def test_what_is_derived_of_a_drawn_column_is_not_left_as_it_was(simulate: Any) -> None:
    config = {
        **LINE,
        "data": {"derive": {"before": "0 * y + x", "further": "2 * before"}},
        "least_squares": {"observed": "y", "predicted": "a + b * further"},
        **({"simulate": simulate} if simulate else {}),
    }
    with pytest.raises(OptserveError, match="'further' is derived of 'y', and stays as it was"):
        drawn(config)
    both = {**config, "simulate": {"y": "normal(a, 1)", "further": "2 * x + 0 * y"}}
    assert np.allclose(drawn(both, 2)["further"], 2.0 * X)


@pytest.mark.parametrize(
    "config",
    [
        {"least_squares": {"observed": "y", "predicted": "a + b * x + normal(0, 1)"}},
        {"define": {"m": "normal(0, 1)"}},
        {"metrics": {"m": "mean(normal(0, 1))"}},
        {"data": {"derive": {"z": "x + normal(0, 1)"}}},
        {"simulate": {"density": "normal_logpdf(y, a + normal(0, 1), 1)"}},
    ],
)
def test_elsewhere_nothing_is_drawn(config: dict[str, Any]) -> None:
    with pytest.raises(OptserveError, match="'normal' draws random numbers") as raised:
        optserve.load({**LINE, **config}, data={"x": X, "y": X})
    [error] = getattr(raised.value, "errors", [raised.value])
    assert error.place is not None
    assert "normal_logpdf(x, mean, std)" in error.remedy


def test_rows_that_stand_for_others_are_not_drawn() -> None:
    config = {**LINE, "simulate": {"y": "normal(a, 1)"}, "weights": {"counts": "w"}}
    with pytest.raises(OptserveError, match="have weights by counts"):
        drawn(config, w=np.ones(ROWS))


PLUGIN = '''
"""Rayleigh's law."""
import numpy as np
from optserve.plugin import Facts, composite, hookimpl, positive

rayleigh_logpdf = composite(
    "rayleigh_logpdf",
    lambda x, scale: np.log(x) - 2.0 * np.log(scale) - 0.5 * np.square(x / scale),
    domain=(positive, positive),
    facts=Facts(draws=lambda random, scale: random.rayleigh(scale), remedy="keep scale positive"),
    doc="Log density of the length of two normal numbers.",
)


@hookimpl
def optserve_primitives():
    """The density."""
    return [rayleigh_logpdf]
'''


def test_the_density_of_a_plugin_has_a_random_term(invoke: Invoke, here: Path) -> None:
    (here / "rayleigh.py").write_text(PLUGIN)
    (here / "mean.yaml").write_text(MEAN.replace("normal(0, 0.6)", "rayleigh(0.6)"))
    told = invoke("simulate", "mean.yaml", "--plugin", "rayleigh.py", "--format", "json")
    found = json.loads(told.stdout)
    assert found["bias"]["m"] == pytest.approx(0.6 * np.sqrt(np.pi / 2), abs=0.05)
    (here / "mean.yaml").write_text(MEAN.replace("normal(0, 0.6)", "rayleigh(-0.6)"))
    told = invoke("simulate", "mean.yaml", "--plugin", "rayleigh.py")
    assert told.exit_code == 2
    assert "rayleigh cannot be drawn: scale -0.6" in told.stderr
    assert "keep scale positive" in told.stderr


@pytest.mark.parametrize(("held", "n"), [(0, 10), (5, 10), (189, 200), (200, 200)])
def test_the_interval_of_a_share_is_wilsons(held: int, n: int) -> None:
    interval = stats.binomtest(held, n).proportion_ci(0.95, method="wilson")
    assert wilson(held / n, n) == pytest.approx([interval.low, interval.high], abs=1e-12)


def test_a_value_called_like_a_constant_hides_it_before_it_is_defined() -> None:
    config = {**LINE, "define": {"k": "e + 1", "e": "a"}}
    with pytest.raises(OptserveError, match="'e' is used before it is defined"):
        optserve.load(config, data={"x": X, "y": X})
