"""`optserve simulate`: bias and coverage of models whose answers are known."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from scipy import stats

import optserve
from optserve.errors import Interrupted
from optserve.jobs.drawing import Drawing
from optserve.jobs.simulation import simulate
from tests.cli.conftest import Invoke

LINE = """version: 1
data: {inline: {x: [1, 2, 3, 4, 5, 7], y: [1.1, 2.3, 2.8, 4.2, 4.9, 7.3]}}
parameters: {a: 0, b: 1}
least_squares: {observed: y, predicted: a + b * x}
"""


def test_a_line_has_unbiased_estimates_and_intervals_that_hold(invoke: Invoke, here: Path) -> None:
    """Student's t holds exactly, so that the count is binomial: within 4 of its deviations."""
    (here / "line.yaml").write_text(f"{LINE}simulate: {{n: 60, seed: 3}}\n")
    told = invoke("simulate", "line.yaml", "--format", "json")
    assert told.exit_code == 0, told.stderr
    found = json.loads(told.stdout)
    assert (found["n"], found["failures"], found["fails"]) == (60, 0, [])
    for name in ("a", "b"):
        assert abs(found["bias"][name]) < 4 * found["bias_error"][name]
        assert abs(found["coverage"][name] - 0.95) < 4 * np.sqrt(0.95 * 0.05 / 60)
        assert found["mean_error"][name] == pytest.approx(found["spread"][name], rel=0.5)
    text = invoke("simulate", "line.yaml", "--n", "5").stdout
    assert "5 data sets drawn and fitted, none failed" in text
    assert "in 95% interval" in text


def test_the_sets_depend_on_the_seed_and_their_number_alone() -> None:
    problem = optserve.load({**_config(), "uncertainty": {"profile": ["b"]}})
    fitted = optserve.run(problem)
    first = simulate(problem, fitted, 4, 1, threads=1)
    assert first == simulate(problem, fitted, 4, 1, threads=2)
    assert first != simulate(problem, fitted, 4, 2)
    assert [*first.profile_coverage] == ["b"]
    drawing = Drawing(problem, {n: np.asarray(v) for n, v in fitted.parameters.items()}, 0.5)
    noise = np.random.Generator(np.random.Philox(key=[1, 0])).standard_normal(6)
    mean = fitted.parameters["a"] + fitted.parameters["b"] * problem.objective.data["x"]
    assert np.allclose(drawing.data(1, 0)["y"], mean + 0.5 * noise)


def _config() -> dict[str, object]:
    return {
        "version": 1,
        "data": {"inline": {"x": [1, 2, 3, 4, 5, 7], "y": [1.1, 2.3, 2.8, 4.2, 4.9, 7.3]}},
        "parameters": {"a": 0, "b": 1},
        "least_squares": {"observed": "y", "predicted": "a + b * x"},
    }


def test_counts_are_drawn_from_their_density() -> None:
    config = {
        "version": 1,
        "data": {
            "inline": {"k": [1, 3, 2, 5, 4, 8, 9, 14]},
            "columns": {"k": {"take": "k", "as": "integer"}},
        },
        "parameters": {"m": {"init": 5, "transform": "log"}},
        "log_likelihood": "poisson_logpmf(k, m)",
    }
    problem = optserve.load(config)
    drawing = Drawing(problem, {"m": np.array(6.0)}, None)
    drawn = np.concatenate([drawing.data(0, number)["k"] for number in range(200)])
    assert drawn.dtype == np.int64
    assert abs(drawn.mean() - 6.0) < 4 * np.sqrt(6.0 / drawn.size)
    counts = np.bincount(np.minimum(drawn, 12), minlength=13)
    chances = np.append(stats.poisson.pmf(np.arange(12), 6.0), stats.poisson.sf(11, 6.0))
    assert stats.chisquare(counts, drawn.size * chances).pvalue > 1e-4


def test_it_draws_at_a_run(invoke: Invoke, here: Path) -> None:
    (here / "line.yaml").write_text(LINE)
    assert invoke("run", "line.yaml").exit_code == 0
    asked = ("simulate", "line.yaml", "--n", "3", "--format", "json")
    alone = json.loads(invoke(*asked).stdout)
    assert json.loads(invoke(*asked, "--from", "runs/line/0001").stdout) == alone


def test_expectations_gate(invoke: Invoke, here: Path) -> None:
    expect = "{coverage.b: {min: 0.2, max: 1}, bias.a: {max: -9}, failures: {max: 0}}"
    (here / "line.yaml").write_text(f"{LINE}simulate: {{n: 4, expect: {expect}}}\n")
    told = invoke("simulate", "line.yaml")
    assert told.exit_code == 4
    assert told.stderr.startswith("fails: bias.a is ")
    assert "above max -9" in told.stderr


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (("{observed: y, predicted: a + b * x}", "y - a - b * x"), "do not say what was observed"),
        (("observed: y", "observed: log(y)"), "`observed` is no column of the data"),
        (("a + b * x", "a + b * (y + x)"), "depends on 'y' too"),
        (("least_squares: {observed: y, predicted: a + b * x}", "loss: (a - b)**2"), "no model"),
        (("parameters", "simulate: {expect: {coverage.c: {min: 1}}}\nparameters"), "names nothing"),
        (("parameters", "simulate: {expect: {failures: {}}}\nparameters"), "nothing is expected"),
        (
            ("parameters", "simulate: {expect: {failures: {min: 2, max: 1}}}\nparameters"),
            "at least 2 and at most 1",
        ),
    ],
)
def test_what_is_refused(invoke: Invoke, here: Path, change: tuple[str, str], words: str) -> None:
    (here / "line.yaml").write_text(LINE.replace(*change))
    told = invoke("simulate", "line.yaml", "--n", "3")
    assert told.exit_code == 2
    assert words in told.stderr


def test_several_processes_find_the_same_to_the_bit(invoke: Invoke, here: Path) -> None:
    (here / "line.yaml").write_text(f"{LINE}uncertainty: {{profile: [b]}}\n")
    asked = ("simulate", "line.yaml", "--n", "7", "--format", "json")
    assert invoke(*asked, "--jobs", "2").stdout == invoke(*asked).stdout


UNEQUAL = "simulate: {n: 200, density: 'normal_logpdf(y, a + b * x, 0.02 * x**2)'}\n"


def test_another_density_is_drawn_from(invoke: Invoke, here: Path) -> None:
    (here / "line.yaml").write_text(LINE + UNEQUAL)
    asked = ("simulate", "line.yaml", "--format", "json")
    told = invoke(*asked)
    assert told.exit_code == 0, told.stderr
    found = json.loads(told.stdout)
    (here / "line.yaml").write_text(LINE)
    own = json.loads(invoke(*asked, "--n", "200").stdout)
    assert found["truth"] == own["truth"]
    assert found["failures"] == 0
    # Errors that grow with x are not what least squares take them for.
    assert found["spread"]["b"] > 1.3 * found["mean_error"]["b"]
    assert own["spread"]["b"] == pytest.approx(own["mean_error"]["b"], rel=0.15)
    (here / "line.yaml").write_text(LINE + UNEQUAL)
    few = (*asked, "--n", "9")
    assert invoke(*few, "--jobs", "2").stdout == invoke(*few).stdout


@pytest.mark.parametrize(
    ("density", "words"),
    [
        ("normal_logpdf(z, a, 1)", "no value is called 'z'"),
        ("normal_logpdf(x, a, 1)", "one of 'x', which is not what was observed"),
        ("-(y - a)**2", "no density to draw from"),
        ("normal_logpdf(y, a, -1)", "parameters that are beyond its domain"),
        ("normal_logpdf(y, a, 0)", "parameters that are beyond its domain"),
        ("normal_logpdf(y, a, x - 3)", "keep std positive"),
        ("poisson_logpmf(y, -b)", "keep mean positive"),
    ],
)
def test_what_is_no_density_of_the_observed(
    invoke: Invoke, here: Path, density: str, words: str
) -> None:
    (here / "line.yaml").write_text(f"{LINE}simulate: {{density: '{density}'}}\n")
    told = invoke("simulate", "line.yaml", "--n", "3")
    assert told.exit_code == 2
    assert words in told.stderr
    assert "line.yaml:5:" in told.stderr


@pytest.mark.parametrize(("word", "code"), [("interrupted", 130), ("terminated", 143)])
def test_a_signal_is_no_mistake(word: str, code: int) -> None:
    problem = optserve.load(_config())
    fitted = optserve.run(problem)
    end = fitted.termination.model_copy(update={"reason": word})
    ended = fitted.model_copy(update={"termination": end})
    for first, fits in ((ended, None), (fitted, [fitted, ended])):
        with pytest.raises(Interrupted, match=word) as told:
            simulate(problem, first, 4, fits=fits)
        assert (told.value.exit_code, told.value.code) == (code, word)


def test_a_run_of_another_config_is_refused(invoke: Invoke, here: Path) -> None:
    for name in ("one", "two"):
        (here / f"{name}.csv").write_text(f"x,y\n1,1.1\n2,2.3\n3,{name == 'one':d}\n")
        lines = [line for line in LINE.splitlines() if not line.startswith("data")]
        (here / f"{name}.yaml").write_text("\n".join([*lines, f"data: {{read: {name}.csv}}"]))
    assert invoke("run", "one.yaml").exit_code == 0
    told = invoke("simulate", "two.yaml", "--from", "runs/one/0001")
    assert told.exit_code == 2
    assert "another config: it read one.csv, this one reads two.csv" in told.stderr
