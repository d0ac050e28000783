"""Plots as SVG: well-formed, within their frame, and at round numbers."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET

import numpy as np
import pytest

from optserve.graph.aval import Array
from optserve.reports.html.svg import HEIGHT, WIDTH, Band, ChartMark, Line, Points, matrix, plot

X = np.linspace(-2.0, 3.0, 11)


def drawn(*marks: ChartMark, log_y: bool = False) -> ET.Element:
    return ET.fromstring(plot(marks, title="t", x_label="x", y_label="y", log_y=log_y))


def places(root: ET.Element) -> list[tuple[float, float]]:
    """Where dots and corners of lines are."""
    found = [(float(one.attrib["cx"]), float(one.attrib["cy"])) for one in root.iter("circle")]
    for one in (*root.iter("polyline"), *root.iter("polygon")):
        pairs = re.findall(r"([0-9.e-]+),(\S+)", one.attrib["points"])
        found += [(float(a), float(b)) for a, b in pairs]
    return found


@pytest.mark.parametrize(
    "y",
    [X**2, X * 1e300, X * 1e-300, np.full(11, 7.0), np.zeros(11), 1e9 + X, np.exp(20 * X)],
    ids=["squares", "huge", "tiny", "constant", "zero", "far away", "steep"],
)
@pytest.mark.parametrize("log_y", [False, True], ids=["linear", "log"])
def test_everything_is_within_the_frame(y: Array, log_y: bool) -> None:
    root = drawn(Band(X, y, y), Line(X, y), Points(X, y), log_y=log_y)
    found = places(root)
    assert found or log_y
    assert all(0 <= a <= WIDTH and 0 <= b <= HEIGHT for a, b in found)
    assert "nan" not in ET.tostring(root, encoding="unicode")


def test_larger_numbers_are_higher_and_further_right() -> None:
    (a, b), (c, d) = places(drawn(Points(np.array([0.0, 1.0]), np.array([0.0, 1.0]))))
    assert a < c
    assert b > d


def test_what_is_not_finite_leaves_a_gap() -> None:
    y = X.copy()
    y[5] = np.nan
    root = drawn(Line(X, y), Points(X, y))
    assert len([*root.iter("polyline")]) == 2
    assert len([*root.iter("circle")]) == 10


def test_ticks_are_round_numbers() -> None:
    line = Line(np.array([0.0, 10.0]), np.array([0.0, 0.97]))
    texts = [one.text for one in drawn(line).iter("text")]
    assert {"0", "0.2", "0.4", "0.6", "0.8"} <= {*texts}
    texts = [one.text for one in drawn(Line(X, 10.0**X), log_y=True).iter("text")]
    assert {"1e-1", "1e1"} <= {*texts}
    texts = [one.text for one in drawn(Line(X, 10.0 ** (X / 2)), log_y=True).iter("text")]
    assert {"2e-1", "1e0", "5e0", "2e1"} <= {*texts}


def test_many_points_are_thinned() -> None:
    x = np.arange(1e5)
    assert len(places(drawn(Points(x, x)))) <= 2000


def test_words_are_escaped() -> None:
    text = plot([Line(X, X, "<a>"), Line(X, X, "&")], title='"<t>"', x_label="<x>", y_label="&y")
    root = ET.fromstring(text)
    assert root.attrib["aria-label"] == '"<t>"'
    assert {"<a>", "&", "<x>", "&y"} <= {one.text for one in root.iter("text")}


def test_a_correlation_that_is_less_than_1_is_not_drawn_as_1() -> None:
    root = ET.fromstring(matrix([[1.0, -0.9988], [-0.9988, 1.0]], ["a", "b"], title="m"))
    texts = [one.text for one in root.iter("text")]
    assert texts.count("-0.998") == 2
    assert texts.count("1.00") == 2


def test_a_matrix_has_a_cell_a_number() -> None:
    values: list[list[float | None]] = [[1.0, -0.5], [None, 1.0]]
    root = ET.fromstring(matrix(values, ["a<", "b"], title="m"))
    cells = [*root.iter("rect")]
    assert [one.attrib["class"] for one in cells] == ["cell pos", "cell neg", "cell pos"]
    assert cells[1][0].text == "a<, b: -0.5000"
