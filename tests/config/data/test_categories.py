"""Categories: their levels and codes, what is missing in them, and texts compared in ``where``."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

from optserve.cli.app import app
from optserve.errors import ConfigError
from optserve.jobs.run import run
from tests.config.evaluation import Load

TAIL = "\nparameters: {b: 1}\nloss: sum(g * b)\noptimizer: none\n"
LISTED = "columns: {g: {take: g, as: category, levels: [%s]}}"


def write(folder: Path, texts: list[str]) -> None:
    lines = "".join(f"{text},{row}\n" for row, text in enumerate(texts))
    (folder / "t.csv").write_text(f"g,x\n{lines}", encoding="utf-8")
    pq.write_table(
        pa.table({"g": texts, "x": [float(row) for row in range(len(texts))]}),
        folder / "t.parquet",
        row_group_size=2,
    )


@pytest.mark.parametrize("in_memory", ["true", "false"])
@pytest.mark.parametrize("file", ["t.csv", "t.parquet"])
def test_levels_fix_the_order_of_codes(
    file: str, in_memory: str, problem: Load, tmp_path: Path
) -> None:
    write(tmp_path, ["b", "a", "c", "a"])
    data = f"read: {file}, in_memory: {in_memory}"
    made = problem(f"data: {{{data}, {LISTED % 'c, a, b, unseen'}}}{TAIL}")
    assert made.objective.data["g"][0:4].tolist() == [2, 1, 0, 1]
    assert made.levels == {"g": ("c", "a", "b", "unseen")}
    made = problem(f"data: {{{data}, columns: {{g: {{take: g, as: category}}}}}}{TAIL}")
    assert made.objective.data["g"][0:4].tolist() == [1, 0, 2, 0]
    assert made.levels == {"g": ("a", "b", "c")}


@pytest.mark.parametrize("in_memory", ["true", "false"])
@pytest.mark.parametrize("file", ["t.csv", "t.parquet"])
def test_a_value_that_is_not_listed_is_refused_with_its_row(
    file: str, in_memory: str, problem: Load, tmp_path: Path
) -> None:
    write(tmp_path, ["mild", "severe", "mild", "sever", "mild"])
    data = f"read: {file}, in_memory: {in_memory}, {LISTED % 'mild, severe'}"
    with pytest.raises(ConfigError, match="the column g has 'sever' in row 4") as caught:
        run(problem(f"data: {{{data}}}{TAIL}"))
    assert caught.value.expected == "one of its `levels`: mild, severe"
    assert caught.value.remedy == "did you mean 'severe'?"
    assert caught.value.place is not None
    assert caught.value.place.file.endswith(file)
    assert caught.value.place.line == (5 if file == "t.csv" else 0)


@pytest.mark.parametrize("file", ["t.csv", "t.parquet"])
def test_a_mark_that_is_listed_is_a_level(file: str, problem: Load, tmp_path: Path) -> None:
    write(tmp_path, ["none", "mild", "NA", "none"])
    data = f"read: {file}, {LISTED % 'none, mild'}"
    with pytest.raises(ConfigError, match="the column g has 'NA' in row 3") as caught:
        problem(f"data: {{{data}}}{TAIL}")
    assert "missing: drop" in caught.value.remedy
    made = problem(f"data: {{{data}, missing: drop}}{TAIL}")
    assert made.objective.data["g"].tolist() == [0, 1, 0]
    assert (made.rows_read, made.rows_used) == (4, 3)
    with pytest.raises(ConfigError, match=r"missing value \(none\)") as caught:
        problem(f"data: {{read: {file}, columns: {{g: {{take: g, as: category}}}}}}{TAIL}")
    assert "list it in the `levels`" in caught.value.remedy


def test_codes_depend_on_the_column_alone(problem: Load, tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("g,x\na,\nb,1\nc,2\n")
    data = "read: t.csv, missing: drop, columns: {g: {take: g, as: category}}"
    made = problem(f"data: {{{data}}}\nparameters: {{b: 1}}\nloss: sum(g * x * b)")
    assert made.objective.data["g"].tolist() == [1, 2]
    assert made.levels == {"g": ("a", "b", "c")}


def test_levels_are_spelled_as_they_are_written(problem: Load, tmp_path: Path) -> None:
    write(tmp_path, ["1.50", "2", "true", "e\u0301"])
    made = problem(f"data: {{read: t.csv, {LISTED % '2, 1.50, true, é'}}}{TAIL}")
    assert made.objective.data["g"].tolist() == [1, 0, 2, 3]


def test_a_matrix_of_categories_has_levels_by_column(problem: Load, tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("a,b\nx,v\ny,u\n")
    columns = "columns: {g: {take: [a, b], as: category}}"
    made = problem(f"data: {{low: {{read: t.csv, {columns}}}}}{TAIL}".replace("g * b", "low.g * b"))
    assert made.objective.data["low.g"].tolist() == [[0, 1], [1, 0]]
    assert made.levels == {"low.g[0]": ("x", "y"), "low.g[1]": ("u", "v")}


@pytest.mark.parametrize(
    ("column", "says"),
    [
        ("take: g, levels: [a]", "read as float has no levels.*add `as: category`"),
        ("take: g, as: category, levels: [a, a]", "listed twice"),
        ("take: g, as: category, levels: []", "this lists no level"),
        ("take: g, as: category, levels: a", "levels.*expected: a list"),
        ("take: g, as: category, levels: [[a]]", "levels"),
        ("take: g, as: categories", "one of float, integer, bool, category, time"),
    ],
)
def test_misuse_of_levels(column: str, says: str, problem: Load, tmp_path: Path) -> None:
    write(tmp_path, ["a"])
    with pytest.raises(ConfigError) as caught:
        problem(f"data: {{read: t.csv, columns: {{g: {{{column}}}}}}}{TAIL}")
    assert re.search(says, " ".join(str(caught.value).split())), str(caught.value)
    assert caught.value.place is not None
    assert caught.value.place.line == 2


def test_levels_are_shown(tmp_path: Path) -> None:
    write(tmp_path, [f"k{row % 30:02}" for row in range(90)])
    config = tmp_path / "fit.yaml"
    config.write_text(
        f"version: 1\ndata: {{read: t.csv, columns: {{g: {{take: g, as: category}}}}}}{TAIL}"
    )
    line = "g: 0 k00, 1 k01, 2 k02, 3 k03, 4 k04, 5 k05, 6 k06, 7 k07, 8 k08, 9 k09, ..., 29 k29"
    told = CliRunner().invoke(app, ["check", str(config)]).output
    assert f"  levels  {line}" in told
    told = CliRunner().invoke(app, ["check", str(config), "--format", "json"]).output
    assert json.loads(told)["levels"]["g"][:2] == ["k00", "k01"]
    ended = CliRunner().invoke(app, ["run", str(config), "--out", str(tmp_path / "out")])
    assert "levels   g: 0 k00, 1 k01" in ended.output
    result = json.loads((tmp_path / "out" / "result.json").read_text())
    assert result["levels"] == {"g": [f"k{number:02}" for number in range(30)]}


SURVEY = "sex,age,y\nmale,20,1\nfemale,30,2\nmale,-4,3\nfemale,50,4\nNA,60,5\nmale,70,6\n"
FIT = "\nparameters: {b: 1}\nloss: sum(y * b)\noptimizer: none\n"


@pytest.mark.parametrize(
    ("where", "kept"),
    [
        ('(age > 0) & (sex == "male")', [1, 6]),
        ("sex == 'male'", [1, 3, 6]),
        ('sex != "male"', [2, 4]),
        ('"female" == sex', [2, 4]),
        ('~(sex == "male") | (age < 0)', [2, 3, 4]),
        ('(sex == "male") == (age > 20)', [6]),
        ('(sex == "male") & (age > 20) | (sex == "female") & (age > 30)', [4, 6]),
        ('where(sex == "male", age, -age) > 0', [1, 6]),
    ],
)
def test_texts_are_compared_in_where(
    where: str, kept: list[float], problem: Load, tmp_path: Path
) -> None:
    (tmp_path / "t.csv").write_text(SURVEY)
    for columns in ("", ", columns: {sex: {take: sex, as: category}}", ", columns: {sex: sex}"):
        data = f"{{read: t.csv, missing: drop{columns}, where: {json.dumps(where)}}}"
        made = problem(f"data: {data}{FIT}")
        assert made.objective.data["y"].tolist() == kept
        assert (made.rows_read, made.rows_used) == (6, len(kept))


def test_codes_and_texts_of_one_column(problem: Load, tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text(SURVEY.replace("NA", "male"))
    columns = "columns: {sex: {take: sex, as: category, levels: [male, female]}}"
    made = problem(
        f"data: {{read: t.csv, {columns}, where: '(sex == \"male\") | (sex == 1)'}}{FIT}"
    )
    assert made.rows_used == 6


def test_a_missing_text_is_refused(problem: Load, tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text(SURVEY)
    with pytest.raises(ConfigError, match=r"t\.csv:6:1: the column 'sex' has a missing value"):
        problem(f"data: {{read: t.csv, where: 'sex == \"male\"'}}{FIT}")


@pytest.mark.parametrize(
    ("where", "says"),
    [
        ('sex == "mlae"', "'mlae' is no value of sex.*expected: one of female, male.*mean 'male'"),
        ('sx == "male"', "there is no column 'sx'.*did you mean 'sex'"),
        ('age * 2 == "4"', "a text is compared with a column and nothing else"),
        ('"a" == "a"', "a text is compared with a column and nothing else"),
        ('sex < "male"', r"a string stands where.*\(sex == \"male\"\)"),
        ('sin(sex) == "male"', "compared with a column and nothing else"),
        ('n == "4"', "n is read as integer, and '4' is a text.*without quotes"),
        ('M == "4"', "M is a matrix"),
    ],
)
def test_what_cannot_be_compared(where: str, says: str, problem: Load, tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text(SURVEY.replace("NA", "male"))
    columns = "columns: {n: {take: age, as: integer}, M: [age, y], y: y, age: age}"
    with pytest.raises(ConfigError) as caught:
        problem(f"data: {{read: t.csv, {columns}, where: '{where}'}}{FIT}")
    assert re.search(says, " ".join(str(caught.value).split())), str(caught.value)


@pytest.mark.parametrize(
    "key", ["loss: sum(y * b * (sex == 'male'))", "loss: sum(y*b)\ndefine: {d: sex == 'male'}"]
)
def test_texts_are_compared_nowhere_else(key: str, problem: Load, tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text(SURVEY)
    with pytest.raises(ConfigError, match="a string") as caught:
        problem(f"data: {{read: t.csv}}\nparameters: {{b: 1}}\n{key}")
    assert "texts are compared in `where`, and only there" in caught.value.remedy


def test_texts_of_arrays_in_memory(problem: Load, tmp_path: Path) -> None:
    columns = {"sex": np.array(["m", "f", "m"]), "y": np.array([1.0, 2.0, 3.0])}
    made = problem(f"data: {{where: 'sex == \"m\"'}}{FIT}", data=columns)
    assert made.objective.data["y"].tolist() == [1.0, 3.0]
