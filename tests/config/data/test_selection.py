"""Rows that are chosen, held out and derived from, as a config says it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from optserve.errors import ConfigError
from optserve.graph.aval import Array
from optserve.jobs.problem import Problem
from tests.config.evaluation import Load

RNG = np.random.default_rng(0)
X, Z = RNG.normal(size=(2, 60))
GROUP = RNG.permutation(np.repeat([0, 1, 2], [30, 20, 10]))
FOLD = RNG.permutation(np.repeat(["train", "validation", "test"], [36, 16, 8]))

TAIL = "\nparameters: {b: 0}\nloss: "
COLUMNS = "columns: {x: x, z: z, g: {take: g, as: integer}}"


@pytest.fixture
def table(tmp_path: Path) -> Path:
    rows = zip(X, Z, GROUP, FOLD, strict=True)
    lines = ["x,z,g,fold", *(f"{x!r},{z!r},{g},{fold}" for x, z, g, fold in rows)]
    path = tmp_path / "t.csv"
    path.write_text("\n".join(lines).replace("np.float64(", "").replace(")", ""))
    return path


def splits(problem: Problem, name: str) -> dict[str, Array]:
    """A column of every split."""
    held_out = {split: arrays[name] for split, arrays in problem.held_out.items()}
    return {"train": problem.objective.data[name], **held_out}


def test_the_seed_of_the_job_changes_no_split(problem: Load, table: Path) -> None:
    text = (
        f"data: {{read: t.csv, {COLUMNS}, split: {{validation: 0.2, test: 0.1}}}}{TAIL}sum(x * b)"
    )
    first, other = problem(text, seed=0), problem(text, seed=1)
    assert {name: len(one) for name, one in splits(first, "x").items()} == {
        "train": 42,
        "validation": 12,
        "test": 6,
    }
    for name, column in splits(first, "x").items():
        assert (column == splits(other, "x")[name]).all()
    assert sorted(np.concatenate(list(splits(first, "x").values()))) == sorted(X)
    assert (first.rows_read, first.rows_used) == (60, 60)


def test_strata(problem: Load, table: Path) -> None:
    split = "split: {test: 0.1, stratify: g}"
    made = problem(f"data: {{read: t.csv, {COLUMNS}, {split}}}{TAIL}sum(x * g * b)")
    assert np.bincount(splits(made, "g")["test"]).tolist() == [3, 2, 1]


@pytest.mark.parametrize("columns", [COLUMNS, "columns: {x: x, fold: {take: fold, as: category}}"])
def test_a_column_of_the_file_or_of_the_config_names_the_splits(
    problem: Load, table: Path, columns: str
) -> None:
    made = problem(f"data: {{read: t.csv, {columns}, split: {{column: fold}}}}{TAIL}sum(x * b)")
    for name, column in splits(made, "x").items():
        assert column.tolist() == X[name == FOLD].tolist()


@pytest.mark.parametrize("precision", ["float64", "float32"])
def test_statistics_are_those_of_the_training_rows(
    problem: Load, table: Path, precision: str
) -> None:
    made = problem(
        f"precision: {precision}\n"
        "data:\n"
        "  read: t.csv\n"
        "  columns: {s: {take: x, standardize: true}, x: x, z: z, M: [x, z]}\n"
        "  derive:\n"
        "    xc: x - mean(x)\n"
        "    u: xc / sqrt(mean(xc**2)) + median(z)\n"
        "    n: z * z.shape[0]\n"
        "    R: M - mean(M, axis=0)\n"
        "    m: mean(x)\n"
        "    pos: x > mean(x)\n"
        "  split: {column: fold}\n"
        f"{TAIL[1:]}b * (sum(s) + sum(xc) + sum(u) + sum(n) + sum(R) + m + sum(where(pos, x, z)))"
    )
    train = FOLD == "train"
    x, z = X[train], Z[train]
    wanted: dict[str, Any] = {
        "s": (X - x.mean()) / x.std(),
        "xc": X - x.mean(),
        "u": (X - x.mean()) / x.std() + np.median(z),
        "n": Z * train.sum(),
        "R": np.stack([X - x.mean(), Z - z.mean()], axis=1),
        "pos": np.greater(X, x.mean()),
    }
    tolerance = 1e-13 if precision == "float64" else 1e-6
    for name, column in wanted.items():
        for split, found in splits(made, name).items():
            assert found.dtype == ("bool" if name == "pos" else precision)
            np.testing.assert_allclose(found, column[split == FOLD], rtol=tolerance, atol=tolerance)
    for found in splits(made, "m").values():
        assert found.shape == ()
        np.testing.assert_allclose(found, x.mean(), rtol=tolerance)


def test_only_what_is_needed_is_read(problem: Load, table: Path) -> None:
    lines = table.read_text().splitlines()
    table.write_text(
        "\n".join([lines[0], lines[1].replace(lines[1].split(",")[1], "?"), *lines[2:]])
    )
    text = "data: {read: t.csv, columns: {x: x, z: z}, derive: {u: x * 2, v: z * 2}}"
    assert problem(f"{text}{TAIL}sum(u * b)").objective.data["u"].tolist() == (2 * X).tolist()
    with pytest.raises(ConfigError, match="missing value"):
        problem(f"{text}{TAIL}sum(v * b)")


def test_a_condition_chooses_before_anything_is_computed(problem: Load, table: Path) -> None:
    made = problem(
        "define: {double(t): 2 * t}\n"
        "data:\n  read: t.csv\n"
        "  columns: {x: {take: x, standardize: true}, g: {take: g, as: category}}\n"
        "  where: (double(x) > 0) & (g != 1)\n"
        f"{TAIL[1:]}sum(x * b)"
    )
    kept = X[(X > 0) & (GROUP != 1)]
    np.testing.assert_allclose(made.objective.data["x"], (kept - kept.mean()) / kept.std())
    assert (made.rows_read, made.rows_used) == (60, len(kept))


def test_codes_do_not_depend_on_the_rows_that_are_chosen(problem: Load, table: Path) -> None:
    columns = "columns: {x: x, g: {take: g, as: category}}"
    made = problem(f"data: {{read: t.csv, {columns}, where: g > 0}}{TAIL}sum(x * g * b)")
    assert set(made.objective.data["g"]) == {1, 2}


def test_rows_with_gaps_are_dropped_and_counted(problem: Load, tmp_path: Path) -> None:
    (tmp_path / "g.csv").write_text("x,y,note\n1,2,\n,4,a\n3,NA,a\n5,6,a\n7,8,\n")
    columns = "columns: {x: x, y: {take: y, as: integer}, note: {take: note, as: category}}"
    data = f"data: {{read: g.csv, missing: drop, {columns}, where: x < 6}}"
    made = problem(f"{data}{TAIL}sum(x * y * b)")
    assert made.objective.data["x"].tolist() == [1, 5]
    assert made.objective.data["y"].tolist() == [2, 6]
    assert (made.rows_read, made.rows_used) == (5, 2)
    made = problem(f"{data}{TAIL}sum(x * note * b)")
    assert made.objective.data["x"].tolist() == [3, 5]
    assert (made.rows_read, made.rows_used) == (5, 2)


def test_a_wrong_value_is_no_gap(problem: Load, tmp_path: Path) -> None:
    (tmp_path / "g.csv").write_text("x\n1\n\n,\n".replace("\n\n,", "\n?\nmany"))
    with pytest.raises(ConfigError, match=r"g\.csv:4:1: the column 'x' has 'many' in row 3"):
        problem(f"data: {{read: g.csv, missing: drop}}{TAIL}sum(x * b)")


def test_constants_stand_beside_a_table_that_is_split(problem: Load, table: Path) -> None:
    made = problem(
        "data:\n  d: {read: t.csv, columns: {x: x}, split: {column: fold}}\n"
        "  w: {inline: {k: [1, 2]}, rows: false}\n"
        f"{TAIL[1:]}sum(d.x * b) + sum(w.k)"
    )
    assert {name: column.tolist() for name, column in splits(made, "w.k").items()} == {
        "train": [1, 2],
        "validation": [1, 2],
        "test": [1, 2],
    }
    assert (made.rows_read, made.rows_used) == (60, 60)


def test_what_is_derived_may_be_a_constant(problem: Load, table: Path) -> None:
    made = problem(
        "data: {read: t.csv, columns: {M: [x, z], x: x}, derive: {m: 'mean(M, axis=0)', c: 3}}\n"
        "parameters: {b: 0}\nloss: sum(x * b) + sum(m) + c\n"
        "minibatch: {rows: 60, last: drop}\noptimizer: adam\n"
    )
    assert {name: column.shape for name, column in made.objective.data.items()} == {
        "x": (60,),
        "m": (2,),
        "c": (),
    }
    np.testing.assert_allclose(made.objective.data["m"], [X.mean(), Z.mean()])


def test_derived_columns_have_sizes(problem: Load, table: Path) -> None:
    made = problem(
        "data: {read: t.csv, columns: {M: [x, z]}, derive: {N: 'M[:, :1]'}}\n"
        "parameters: {w: {shape: ['N.shape[1]']}}\nloss: sum(N @ w)"
    )
    assert made.parameters[0].shape == (1,)


@pytest.mark.parametrize("written", ["null", "~", "NA", '""', "'?'"])
def test_a_mark_in_a_category_is_no_level(problem: Load, written: str) -> None:
    data = f"data: {{inline: {{g: [b, {written}, a], x: [1, 2, 3]}}"
    columns = "columns: {g: {take: g, as: category}, x: x}"
    made = problem(f"{data}, {columns}, missing: drop}}{TAIL}sum(x * g * b)")
    assert made.objective.data["g"].tolist() == [1, 0]
    assert (made.rows_read, made.rows_used) == (3, 2)
    with pytest.raises(ConfigError, match=r"missing value.* in row 2"):
        problem(f"{data}, {columns}}}{TAIL}sum(x * g * b)")
