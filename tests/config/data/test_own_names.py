"""Columns under their own names, beside those that ``columns`` lists, however they are spelled."""

from __future__ import annotations

from pathlib import Path

import pytest

from optserve.errors import ConfigError
from tests.config.evaluation import Load

TAIL = "\nparameters: {b: 1}\n"
COMPOSED, DECOMPOSED = "Gr\u00f6\u00dfe", "Gro\u0308\u00dfe"


@pytest.mark.parametrize("columns", ["{}", "{z: {take: x, divide: 2}}", "{z: x}", "{z: 0}"])
def test_a_column_that_is_not_listed_keeps_its_name(
    columns: str, problem: Load, tmp_path: Path
) -> None:
    (tmp_path / "t.csv").write_text("x,y,no name,w\n1,2,3,4\n")
    made = problem(f"data: {{read: t.csv, columns: {columns}}}{TAIL}loss: sum(y * w * b)")
    assert made.objective.data["w"].tolist() == [4.0]


def test_a_column_that_is_listed_has_the_name_that_it_is_given(
    problem: Load, tmp_path: Path
) -> None:
    (tmp_path / "t.csv").write_text("x,p1,p2\n1,2,3\n")
    data = "data: {read: t.csv, columns: {z: x, P: 'p*'}}"
    assert problem(f"{data}\nparameters: {{x: 1, p1: 2}}\nloss: sum(z * x * p1)").rows_used == 1
    with pytest.raises(ConfigError, match="no value is called 'x'") as caught:
        problem(f"{data}{TAIL}loss: sum(x * b)")
    assert caught.value.remedy == "`columns` takes it as `z`: add `x: x` to them"
    data = "data: {read: t.csv, columns: {z: x, x: x}}"
    assert problem(f"{data}{TAIL}loss: sum(x * z * b)").rows_used == 1


def test_what_the_config_declares_comes_before_what_it_does_not_list(
    problem: Load, tmp_path: Path
) -> None:
    (tmp_path / "t.csv").write_text("x,b,d,v\n1,2,3,4\n")
    more = "define: {v: 3}\nloss: sum(z * b * d * v)"
    made = problem(f"data: {{read: t.csv, columns: {{z: x}}, derive: {{d: z * 2}}}}{TAIL}{more}")
    assert list(made.objective.data) == ["z", "d"]
    made = problem(
        f"data: {{t: {{read: t.csv, columns: {{z: x}}}}}}{TAIL.replace('b', 't.b')}loss: t.b**2"
    )
    assert not made.objective.data
    with pytest.raises(ConfigError, match="'b' is declared twice") as caught:
        problem(f"data: {{read: t.csv}}{TAIL}loss: sum(x * b)")
    assert "columns: {new: old}" in caught.value.remedy
    with pytest.raises(ConfigError, match="'b' is declared twice"):
        problem(f"data: {{read: t.csv, columns: {{b: x}}}}{TAIL}loss: sum(x * b)")


@pytest.mark.parametrize("in_file", [COMPOSED, DECOMPOSED])
@pytest.mark.parametrize("in_config", [COMPOSED, DECOMPOSED])
@pytest.mark.parametrize("columns", ["", "columns: {%s: %s}", "columns: {z: %s}"])
def test_composed_and_decomposed_letters_are_one_name(
    in_file: str, in_config: str, columns: str, problem: Load, tmp_path: Path
) -> None:
    (tmp_path / "t.csv").write_text(f"{in_file},y\n1,2\n", encoding="utf-8")
    columns = columns.replace("%s", in_config)
    name = "z" if "z:" in columns else in_config
    data = f"data: {{read: t.csv{columns and ', '}{columns}}}"
    made = problem(f"{data}\nparameters: {{{DECOMPOSED}_0: 1}}\nloss: sum({name} * {COMPOSED}_0)")
    assert made.objective.data["z" if name == "z" else COMPOSED].tolist() == [1.0]


def test_two_spellings_in_one_file_are_two_columns_of_one_name(
    problem: Load, tmp_path: Path
) -> None:
    (tmp_path / "t.csv").write_text(f"{COMPOSED},{DECOMPOSED}\n1,2\n", encoding="utf-8")
    with pytest.raises(ConfigError) as caught:
        problem(f"data: {{read: t.csv, columns: {{z: 0}}}}{TAIL}loss: sum({COMPOSED} * b)")
    assert "several columns of this name" in caught.value.remedy


def test_a_key_in_two_spellings_is_written_twice(problem: Load) -> None:
    with pytest.raises(ConfigError, match="written twice"):
        problem(f"parameters: {{{COMPOSED}: 1, {DECOMPOSED}: 2}}\nloss: {COMPOSED}**2")
