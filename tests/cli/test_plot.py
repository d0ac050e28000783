"""`optserve plot`: pictures of a run, as letters and as files."""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest

from optserve.reports.html.svg import Band, ChartMark, Line, MatrixCells, Plot, Points
from optserve.reports.text_plot import text_plot
from tests.cli.conftest import Invoke

FIT = """version: 1
data: {inline: {x: [1, 2, 3, 4, 5, 7], y: [1.1, 2.3, 2.8, 4.2, 4.9, 7.3]}}
parameters: {a: 0, b: 1}
least_squares: {observed: y, predicted: a + b * x}
uncertainty: {profile: [b]}
outputs: {curve: {value: a + b * x, at: {x: "linspace(0, 9, 9)"}}}
"""
NAMES = "fit, residuals, outputs.curve, profiles.b, correlation, loss, gradient"


@pytest.fixture
def fitted(invoke: Invoke, here: Path) -> Path:
    (here / "line.yaml").write_text(FIT)
    assert invoke("run", "line.yaml", "--out", "run").exit_code == 0
    return here / "run"


def test_a_picture_in_letters(invoke: Invoke, fitted: Path) -> None:
    told = invoke("plot", fitted)
    assert told.exit_code == 0, told.stderr
    assert told.stdout.startswith("Observed and predicted, over x")
    assert f"also: {NAMES.removeprefix('fit, ')}" in told.stdout
    assert told.stdout.isascii()
    assert told.stdout.count("x") > 6
    profile = invoke("plot", fitted, "profiles.b").stdout
    assert "-------" in profile
    assert "-0.881" in invoke("plot", fitted, "correlation").stdout


@pytest.mark.parametrize("name", NAMES.split(", "))
def test_a_picture_as_a_file(invoke: Invoke, fitted: Path, here: Path, name: str) -> None:
    told = invoke("plot", fitted, name, "--out", "a.svg")
    assert told.exit_code == 0, told.stderr
    tree = ElementTree.fromstring((here / "a.svg").read_text())
    assert tree.tag == "{http://www.w3.org/2000/svg}svg"
    assert len([*tree.iter()]) > 8
    assert invoke("plot", fitted, name, "--out", "a.svg").exit_code == 2
    assert invoke("plot", fitted, name, "--out", "a.svg", "--replace").exit_code == 0


def test_what_is_refused(invoke: Invoke, fitted: Path) -> None:
    unknown = invoke("plot", fitted, "profile.b")
    assert unknown.exit_code == 2
    assert f"one of {NAMES}" in unknown.stderr
    assert "did you mean 'profiles.b'?" in unknown.stderr
    assert "ends in .svg" in invoke("plot", fitted, "--out", "a.png").stderr


def test_letters_are_where_the_numbers_are() -> None:
    x = np.array([0.0, 1.0, 2.0])
    marks: list[ChartMark] = [
        Band(x, x - 1, x + 1, "band"),
        Points(x, x, "points"),
        Line(x, 0 * x, dashed=True),
    ]
    lines = text_plot(Plot(marks, "t", "across", "up"), 30, 9).splitlines()
    assert lines[0] == "up"
    assert lines[1].startswith(" 3 |")
    assert lines[9].startswith("-1 |")
    assert lines[3].endswith("o")
    assert lines[7][4] == "-"
    assert lines[11].strip() == "across"
    assert lines[12:] == ["    : band", "    o points"]


def test_what_is_not_there_is_not_drawn() -> None:
    nothing = Plot([Line(np.array([np.nan]), np.array([1.0]))], "empty", "x", "y")
    assert text_plot(nothing) == "empty: there is nothing to draw"
    assert text_plot(Plot([], "none", "x", "y")) == "none: there is nothing to draw"
    one = Plot([Points(np.array([3.0]), np.array([-1.0]))], "one", "x", "y")
    assert text_plot(one).count("o") == 1
    powers = Plot([Line(np.arange(4.0), 10.0 ** np.arange(4), "")], "p", "x", "y", log_y=True)
    assert "1000 |" in text_plot(powers)
    assert "0.500" in text_plot(MatrixCells([[1.0, 0.5], [0.5, 1.0]], ["a", "b"], "c"))
