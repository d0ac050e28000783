"""`optserve predict`: the mean and new observations of a line, and what is refused."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import numpy as np
import pytest
from scipy import stats

from tests.cli.conftest import Invoke

X = np.array([1.0, 2.0, 3.0, 4.0, 5.0, 7.0])
Y = np.array([1.1, 2.3, 2.8, 4.2, 4.9, 7.3])
NEW = np.array([0.0, 3.5, 10.0])

LINE = """version: 1
data: {read: data.csv}
parameters: {a: 0.1, b: {init: 1, transform: log}}
define: {mu: a + b * x}
least_squares: {observed: y, predicted: mu}
"""


def written(path: Path, **columns: np.ndarray) -> None:
    rows = zip(*columns.values(), strict=True)
    text = "\n".join(",".join(map(str, row)) for row in rows)
    path.write_text(f"{','.join(columns)}\n{text}\n")


@pytest.fixture
def fitted(invoke: Invoke, here: Path) -> Path:
    """A line that was fitted, and new data without a response, in another order."""
    (here / "fits").mkdir()
    written(here / "fits" / "data.csv", x=X, y=Y, z=X)
    (here / "fits" / "line.yaml").write_text(LINE)
    written(here / "new.csv", z=NEW, x=NEW)
    assert invoke("run", "fits/line.yaml").exit_code == 0
    return here / "runs/line/0001"


def table(text: str) -> dict[str, np.ndarray]:
    rows = [*csv.DictReader(io.StringIO(text))]
    return {name: np.array([float(row[name]) for row in rows]) for name in rows[0]}


def test_a_line_has_its_textbook_intervals(invoke: Invoke, fitted: Path) -> None:
    """Draper & Smith 1998, equations 3.1.6 and 3.1.9."""
    result = invoke("predict", fitted, "--data", "new.csv")
    assert result.exit_code == 0, result.stderr
    found = table(result.stdout)
    slope, intercept = np.polyfit(X, Y, 1)
    s = np.sqrt(np.sum((Y - intercept - slope * X) ** 2) / 4)
    leverage = 1 / 6 + (NEW - X.mean()) ** 2 / np.sum((X - X.mean()) ** 2)
    t = stats.t.ppf(0.975, 4)
    assert [*found] == ["x", "predicted", "standard_error", "low", "high", "new_low", "new_high"]
    assert np.array_equal(found["x"], NEW)
    assert np.allclose(found["predicted"], intercept + slope * NEW, rtol=1e-6)
    assert np.allclose(found["standard_error"], s * np.sqrt(leverage), rtol=1e-6)
    assert np.allclose(found["high"] - found["predicted"], t * s * np.sqrt(leverage), rtol=1e-6)
    assert np.allclose(
        found["new_high"] - found["predicted"], t * s * np.sqrt(1 + leverage), rtol=1e-6
    )


def test_any_value_to_a_file(invoke: Invoke, fitted: Path, here: Path) -> None:
    asked = ("--value", "2 * b * z", "--out", "p.csv")
    result = invoke("predict", fitted, "--data", "new.csv", *asked)
    assert result.exit_code == 0, result.stderr
    found = table((here / "p.csv").read_text())
    assert np.allclose(found["predicted"], 2 * np.polyfit(X, Y, 1)[0] * NEW, rtol=1e-6)
    assert [*found] == ["z", "predicted", "standard_error", "low", "high"]


def test_columns_of_any_name_and_power(invoke: Invoke, fitted: Path, here: Path) -> None:
    """A column that has the name of a computed one is kept, and powers of new rows are taken."""
    (here / "fits" / "other.yaml").write_text(
        """version: 1
data: {read: data.csv, columns: {low: x, y: y}}
parameters: {a: 0, b: 0}
least_squares: {observed: y, predicted: a + b * low**2}
"""
    )
    assert invoke("run", "fits/other.yaml", "--out", "other").exit_code == 0
    (here / "new.csv").write_text("x,y\n3,\n4,NA\n")
    result = invoke("predict", "other", "--data", "new.csv")
    assert result.exit_code == 0, result.stderr
    found = table(result.stdout)
    slope, intercept = np.polyfit(X**2, Y, 1)
    assert np.allclose(found["predicted"], intercept + slope * found["data.low"] ** 2, rtol=1e-6)
    assert found["low"][0] < found["predicted"][0]


def test_new_rows_are_not_written_over(invoke: Invoke, fitted: Path, here: Path) -> None:
    before = (here / "new.csv").read_text()
    result = invoke("predict", fitted, "--data", "new.csv", "--out", "./new.csv")
    assert result.exit_code == 2
    assert "holds the new rows" in result.stderr
    assert (here / "new.csv").read_text() == before


def test_a_fit_row_by_row_is_predicted_again(invoke: Invoke, fitted: Path) -> None:
    again = table(invoke("predict", fitted, "--data", "fits/data.csv").stdout)
    before = table((fitted / "fitted.csv").read_text())
    assert np.allclose(again["predicted"], before["predicted"], rtol=1e-12)
    assert np.allclose(again["standard_error"], before["standard_error"], rtol=1e-6)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (("a + b * x", "a + b * xc"), "made of 'xc'"),
        (
            ("data.csv", "data.csv, columns: {x: {take: x, standardize: true}, y: y}"),
            "'x'",
        ),
    ],
    ids=["derived", "standardized"],
)
def test_what_is_computed_from_training_rows_is_refused(
    invoke: Invoke, fitted: Path, here: Path, change: tuple[str, str], words: str
) -> None:
    text = LINE.replace(*change)
    if "xc" in text:
        text = text.replace("data.csv}", 'data.csv, derive: {xc: "x - mean(x)"}}')
    (here / "fits" / "other.yaml").write_text(text.replace("init: 1, transform: log", "init: 1"))
    assert invoke("run", "fits/other.yaml", "--out", "other").exit_code == 0
    result = invoke("predict", "other", "--data", "new.csv")
    assert result.exit_code == 2
    assert words in result.stderr
    assert "training rows" in result.stderr


def test_what_is_refused(invoke: Invoke, fitted: Path, here: Path) -> None:
    assert "no file" in invoke("predict", fitted, "--data", "none.csv").stderr
    written(here / "short.csv", z=NEW)
    result = invoke("predict", fitted, "--data", "short.csv")
    assert result.exit_code == 2
    assert "made of 'x', and short.csv does not give it" in result.stderr
    assert invoke("predict", fitted, "--data", "new.csv", "--value", "b +").exit_code == 2
    result = invoke("predict", fitted, "--data", "new.csv", "--value", "b")
    assert "a value for each row" in result.stderr
    written(here / "fits" / "data.csv", x=X, y=Y + 1, z=X)
    result = invoke("predict", fitted, "--data", "new.csv")
    assert result.exit_code == 2
    assert "it has changed" in result.stderr


def test_a_column_that_is_missing_or_there_twice(invoke: Invoke, fitted: Path, here: Path) -> None:
    for head, words in {"x": "made of 'z', and", "x,z,z": "2 columns"}.items():
        (here / "some.csv").write_text(f"{head}\n1{',2' * head.count(',')}\n")
        result = invoke("predict", fitted, "--data", "some.csv", "--value", "mu + z**2")
        assert result.exit_code == 2
        assert words in result.stderr


def test_a_run_without_estimates_predicts_nothing(invoke: Invoke, fitted: Path, here: Path) -> None:
    invoke("run", "fits/line.yaml", "--set", "stop.steps=1", "--out", "short")
    result = invoke("predict", "short", "--data", "new.csv")
    assert result.exit_code == 2
    assert "no estimates" in result.stderr


def test_data_that_stand_in_the_config_itself(invoke: Invoke, here: Path) -> None:
    inline = f"inline: {{x: {X.tolist()}, y: {Y.tolist()}}}"
    (here / "line.yaml").write_text(LINE.replace("read: data.csv", inline))
    written(here / "new.csv", x=NEW)
    assert invoke("run", "line.yaml").exit_code == 0
    found = table(invoke("predict", "runs/line/0001", "--data", "new.csv").stdout)
    assert np.allclose(found["predicted"], np.polyval(np.polyfit(X, Y, 1), NEW), rtol=1e-6)


def test_a_run_without_error_bars_predicts_values(invoke: Invoke, here: Path) -> None:
    inline = f"inline: {{x: {X.tolist()}, y: {Y.tolist()}}}"
    text = LINE.replace("read: data.csv", inline) + "minibatch: {rows: 3}\noptimizer: adam\n"
    (here / "line.yaml").write_text(f"{text}stop: {{epochs: 2}}\n")
    written(here / "new.csv", x=NEW)
    assert invoke("run", "line.yaml").exit_code == 0
    result = invoke("predict", "runs/line/0001", "--data", "new.csv")
    assert [*table(result.stdout)] == ["x", "predicted"]
    assert "no error bars: the steps saw batches" in result.stderr


def test_a_model_that_takes_rows_together_is_refused(invoke: Invoke, here: Path) -> None:
    inline = f"inline: {{x: {X.tolist()}, y: {Y.tolist()}}}"
    text = LINE.replace("read: data.csv", inline).replace("b * x", "b * (x - mean(x))")
    (here / "line.yaml").write_text(text)
    written(here / "new.csv", x=NEW)
    assert invoke("run", "line.yaml").exit_code == 0
    result = invoke("predict", "runs/line/0001", "--data", "new.csv")
    assert result.exit_code == 2
    assert "takes rows of x together" in result.stderr


def test_no_file_is_replaced_unasked(invoke: Invoke, fitted: Path, here: Path) -> None:
    (here / "p.csv").write_text("precious\n")
    asked = ("predict", fitted, "--data", "new.csv", "--out", "p.csv")
    refused = invoke(*asked)
    assert refused.exit_code == 2
    assert "remedy: give another name, or --replace" in refused.stderr
    assert (here / "p.csv").read_text() == "precious\n"
    assert invoke(*asked, "--replace").exit_code == 0
    assert (here / "p.csv").read_text().startswith("x,predicted")
    again = ("predict", fitted, "--data", "new.csv", "--out", "new.csv", "--replace")
    assert invoke(*again).exit_code == 2


def test_it_does_not_matter_from_where_it_is_asked(
    invoke: Invoke, fitted: Path, here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = invoke("predict", fitted, "--data", here / "new.csv").stdout
    (here / "elsewhere").mkdir()
    monkeypatch.chdir(here / "elsewhere")
    assert invoke("predict", fitted, "--data", here / "new.csv").stdout == before
    moved = here.parent / "moved"
    here.rename(moved)
    monkeypatch.chdir(moved)
    found = invoke("predict", "runs/line/0001", "--data", "new.csv")
    assert found.stdout == before, found.stderr
    here.mkdir()


def test_remedies_are_those_of_a_prediction(invoke: Invoke, fitted: Path, here: Path) -> None:
    (here / "gap.csv").write_text("x\n1\nNA\n")
    gap = invoke("predict", fitted, "--data", "gap.csv")
    assert gap.exit_code == 2
    assert "remedy: fill it in, or leave out the row" in gap.stderr
    text = LINE + "outputs: {twice: 2 * mu}\n"
    (here / "fits" / "other.yaml").write_text(text)
    assert invoke("run", "fits/other.yaml", "--out", "other").exit_code == 0
    output = invoke("predict", "other", "--data", "new.csv", "--value", "twice")
    assert output.exit_code == 2
    assert "remedy: --value '2 * mu' is what it is made of" in output.stderr
