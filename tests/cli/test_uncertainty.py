"""`optserve uncertainty`: other errors of a run that is over, and what is refused."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.conftest import Invoke

FIT = """version: 1
data: {read: d.csv, columns: {x: x, y: y, g: {take: g, as: category}}}
parameters: {a: 0, b: 1}
least_squares: {observed: y, predicted: a + b * x}
uncertainty: gauss_newton
expect: {uncertainties.gauss_newton.standard_errors.b: {max: 1}}
"""
ROWS = "x,y,g\n1,1.1,a\n2,2.3,a\n3,2.8,b\n4,4.2,b\n5,4.9,c\n7,7.3,c\n"


@pytest.fixture
def fitted(invoke: Invoke, here: Path) -> Path:
    """A line that was fitted, in a folder of its own."""
    (here / "fits").mkdir()
    (here / "fits" / "d.csv").write_text(ROWS)
    (here / "fits" / "line.yaml").write_text(FIT)
    assert invoke("run", "fits/line.yaml").exit_code == 0
    return here / "runs/line/0001"


def test_other_methods_are_those_of_a_run_that_asks_for_them(
    invoke: Invoke, fitted: Path, here: Path
) -> None:
    asked = ("--method", "{cluster: g}", "--method", "jackknife", "--profile", "b")
    told = invoke("uncertainty", fitted, *asked, "--level", "0.9", "--format", "json")
    assert told.exit_code == 0, told.stderr
    found = json.loads(told.stdout)
    whole = "{method: [{cluster: g}, jackknife], level: 0.9, profile: [b]}"
    text = FIT.replace("gauss_newton\nexpect", f"{whole}\n#expect")
    (here / "fits" / "line.yaml").write_text(text)
    assert invoke("run", "fits/line.yaml").exit_code == 0
    run = json.loads((here / "runs/line/0002/result.json").read_text())
    for method in ("cluster", "jackknife"):
        for name in ("a", "b"):
            one, other = (
                result["uncertainties"][method]["standard_errors"][name] for result in (found, run)
            )
            assert one == pytest.approx(other, rel=1e-6)
    ends = (result["profiles"]["b"]["interval"] for result in (found, run))
    assert next(ends) == pytest.approx(next(ends), rel=1e-6)
    assert found["level"] == 0.9


def test_it_does_not_matter_from_where_it_is_asked(
    invoke: Invoke, fitted: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    told = invoke("uncertainty", fitted, "--method", "sandwich", "--out", "more")
    assert told.exit_code == 0, told.stderr
    assert "(J'J)^-1 M (J'J)^-1" in told.stdout
    assert json.loads(Path("more/result.json").read_text())["uncertainty"] == "sandwich, HC1"
    assert invoke("uncertainty", fitted, "--out", "more").exit_code == 2


def test_what_is_refused(invoke: Invoke, fitted: Path, here: Path) -> None:
    wrong = invoke("uncertainty", fitted, "--method", "sandwhich")
    assert wrong.exit_code == 2
    assert "did you mean 'sandwich'?" in wrong.stderr
    (here / "fits" / "d.csv").write_text(ROWS.replace("7.3", "7.9"))
    changed = invoke("uncertainty", fitted)
    assert changed.exit_code == 2
    assert "it has changed" in changed.stderr


def test_estimates_that_are_not_found_again_have_no_errors(invoke: Invoke, fitted: Path) -> None:
    file = fitted / "result.json"
    result = json.loads(file.read_text())
    result["parameters"]["b"] += 0.5
    file.write_text(json.dumps(result))
    told = invoke("uncertainty", fitted)
    assert told.exit_code == 2
    assert "the estimates of the run are not found again: 'a' moves" in told.stderr or (
        "'b' moves" in told.stderr
    )


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (
            ("--method", "hessian", "--method", "bogus"),
            "--method:1:1: `uncertainty.method[1]` is the text 'bogus'  [wrong-value]\n"
            "    bogus\n    ^^^^^\n",
        ),
        (("--method", "{bootstrap: {m: 9}}"), "--method:1:14: there is no key `m` here  [unknown-"),
        (("--method", "["), "--method:1:2: not valid YAML: "),
        (("--method", ""), "there is nothing after `--method`  [override]\n"),
        (("--profile", "b", "--profile", "c"), "--profile:1:1: there is no parameter 'c'  ["),
        (("--contour", "a,c"), "--contour:1:1: there is no parameter 'c'  [no-error-bars]\n"),
        (("--level", "7"), "--level:1:1: `uncertainty.level` is the number 7.0  [wrong-value]\n"),
    ],
)
def test_what_is_wrong_with_an_option_is_told_of_that_option(
    invoke: Invoke, fitted: Path, options: tuple[str, ...], told: str
) -> None:
    refused = invoke("uncertainty", fitted, *options)
    assert refused.exit_code == 2
    assert refused.stderr.startswith(told)


def test_a_contour_afterwards_is_drawn_in_letters(invoke: Invoke, fitted: Path, here: Path) -> None:
    """Of a line it is an ellipse, whose ends are the root of 2 F standard errors away."""
    told = invoke("uncertainty", fitted, "--contour", "a,b", "--out", "more")
    assert told.exit_code == 0, told.stderr
    assert "the joint 95% region by the profile" in told.stdout
    found = json.loads((here / "more/result.json").read_text())
    contour = found["contours"]["a,b"]
    assert contour["closed"]
    [line] = contour["lines"]
    away = contour["limit"] * found["standard_errors"]["b"]
    middle = found["parameters"]["b"]
    assert [min(line[1]), max(line[1])] == pytest.approx([middle - away, middle + away], rel=1e-5)
    drawn = invoke("plot", "more", "contours.a,b")
    assert drawn.exit_code == 0, drawn.stderr
    assert drawn.stdout.count(".") > 60
