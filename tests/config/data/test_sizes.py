"""``rows(t)``, ``row(t)`` and ``levels(g)``: sizes and numbers of the rows that are used."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import optserve
from optserve.config.data.data_table import DataTable, TableRows
from optserve.config.data.row_selection import RowSelection
from optserve.errors import ConfigError, ShapeError

Y = [1.0, 5.0, 2.0, 7.0]
GROUPS = {
    "inline": {"y": Y, "g": ["b", "a", "b", "c"]},
    "columns": {"y": "y", "g": {"take": "g", "as": "category"}},
}
GROUP = {"take": "g", "as": "category"}
RIDGE = {"penalty": {"l2": 1.0}}


def solve(config: dict[str, Any], **more: Any) -> Any:
    return optserve.run(optserve.load({"version": 1, **config}, **more))


def shapes(config: dict[str, Any], **more: Any) -> dict[str, tuple[int, ...]]:
    problem = optserve.load({"version": 1, **config}, **more)
    return {one.name: one.shape for one in problem.parameters}


def test_a_parameter_has_an_entry_for_each_row() -> None:
    result = solve(
        {
            "data": {"inline": {"y": Y}},
            "parameters": {"e": {"shape": ["rows(data)"]}},
            "least_squares": {"observed": "y", "predicted": "e[row(data)]"},
        }
    )
    assert result.parameters["e"] == Y


def test_what_where_leaves_out_is_not_counted() -> None:
    config = {
        "data": {"inline": {"y": Y}, "where": "y > 1.5"},
        "parameters": {"e": {"shape": ["rows(data)"]}},
        "least_squares": "y - e[row(data)]",
    }
    assert solve(config).parameters["e"] == [5.0, 2.0, 7.0]


def test_rows_that_are_held_out_keep_their_numbers() -> None:
    config = {
        "data": {
            "inline": {"y": Y, "fold": ["train", "test", "train", "train"]},
            "columns": {"y": "y"},
            "split": {"column": "fold"},
        },
        "parameters": {"e": {"shape": ["rows(data)"], **RIDGE}},
        "least_squares": "y - e[row(data)]",
        "metrics": {"first": "min(row(data))", "count": "rows(data) * 1.0"},
    }
    result = solve(config)
    np.testing.assert_allclose(result.parameters["e"], [0.5, 0.0, 1.0, 3.5], atol=1e-12)
    assert result.metrics["test"]["first"] == 1.0
    assert result.metrics["test"]["count"] == 4.0


def test_batches_see_the_numbers_of_their_rows() -> None:
    config = {
        "data": {"inline": {"y": Y}},
        "parameters": {"e": {"shape": ["rows(data)"]}},
        "loss": "sum((y - e[row(data)])**2)",
        "minibatch": {"rows": 1},
        "optimizer": {"gradient_descent": {"learning_rate": 0.1}},
        "stop": {"epochs": 200},
    }
    np.testing.assert_allclose(solve(config).parameters["e"], Y, rtol=1e-6)


def test_sizes_stand_in_expressions_and_through_names() -> None:
    config = {
        "data": GROUPS,
        "parameters": {"u": {"shape": ["count", "levels(g) + 1"]}},
        "define": {"count": "levels(g)", "unit": "eye(rows(data))"},
        "least_squares": "y - sum(u[g], axis=1) - sum(unit) + rows(data)",
        "optimizer": "none",
    }
    assert shapes(config) == {"u": (3, 4)}
    assert solve(config).loss == sum(y * y for y in Y)


def test_listed_levels_count_whether_they_are_in_the_data_or_not() -> None:
    column = {"take": "g", "as": "category", "levels": ["d", "c", "b", "a"]}
    for missing in ("error", "drop"):
        table = {**GROUPS, "columns": {"y": "y", "g": column}, "missing": missing}
        config = {
            "data": table,
            "parameters": {"u": {"shape": ["levels(g)"]}},
            "least_squares": "y - u[g]",
            "optimizer": "none",
        }
        assert shapes(config) == {"u": (4,)}
        assert solve(config).loss == sum(y * y for y in Y)


def test_a_matrix_of_categories_may_stand_beside_one_that_is_counted() -> None:
    group = {"take": "g", "as": "category"}
    columns = {"y": "y", "g": group, "pairs": {**group, "take": ["g", "y"]}}
    config = {
        "data": {**GROUPS, "columns": columns},
        "parameters": {"u": {"shape": ["levels(g)"]}},
        "least_squares": "y - u[g]",
    }
    assert shapes(config) == {"u": (3,)}


def test_each_of_several_tables_has_its_own() -> None:
    config = {
        "data": {"low": {"inline": {"y": Y}}, "high": {"inline": {"y": Y[:3]}}},
        "parameters": {"a": {"shape": ["rows(low)"]}, "b": {"shape": ["rows(high)"]}},
        "least_squares": {"low": "low.y - a[row(low)]", "high": "high.y - b[row(high)]"},
    }
    assert solve(config).parameters == {"a": Y, "b": Y[:3]}


def test_other_data_of_the_same_config_have_other_sizes() -> None:
    config = {
        "parameters": {"e": {"shape": ["rows(data)"]}},
        "least_squares": "y - e[row(data)]",
    }
    for count in (3, 5, 3):
        assert shapes(config, data={"y": np.arange(count)}) == {"e": (count,)}


def test_a_table_of_constants_has_rows_to_count() -> None:
    config = {
        "data": {"inline": {"y": Y}, "rows": False},
        "parameters": {"e": {"shape": ["rows(data)"]}},
        "least_squares": "y - e",
    }
    assert solve(config).parameters["e"] == Y


def test_a_function_of_the_config_goes_before() -> None:
    config = {
        "data": {"inline": {"y": Y}},
        "parameters": {"b": 0.0},
        "define": {"row(x)": "2 * x"},
        "least_squares": "y - row(b)",
    }
    assert solve(config).parameters["b"] == pytest.approx(np.mean(Y) / 2)


GAPS = {
    "inline": {
        "y": [1.0, None, 2.0, 7.0, 4.0],
        "g": ["b", "a", None, "c", "b"],
        "z": [None, None, None, None, 1.0],
    },
    "columns": {"y": "y", "g": GROUP, "z": "z"},
    "missing": "drop",
}


def test_of_rows_that_lack_a_value_none_is_counted() -> None:
    config = {
        "data": {**GAPS, "where": "y < 6"},
        "parameters": {"e": {"shape": ["rows(data)"]}, "u": {"shape": ["levels(g)"], **RIDGE}},
        "define": {"n": "rows(data)"},
        "least_squares": "y - e[row(data)] - u[g] * (n - 2)",
    }
    result = solve(config)
    assert result.parameters == {"e": [1.0, 4.0], "u": [0.0, 0.0, 0.0]}
    problem = optserve.load({"version": 1, **config})
    assert (problem.rows_used, problem.rows_read) == (2, 5)
    without = {**config, "least_squares": "y - e[row(data)] * (n - 2) + sum(u)"}
    assert shapes(without)["e"] == (3,)


def test_whose_gaps_count_is_what_is_used_also_by_error_bars_and_metrics() -> None:
    config = {
        "data": GAPS,
        "parameters": {"e": {"shape": ["rows(data)"], **RIDGE}},
        "least_squares": "y - e[row(data)]",
    }
    assert shapes(config) == {"e": (4,)}
    assert shapes({**config, "metrics": {"m": "mean(g == 0)"}}) == {"e": (3,)}
    assert shapes({**config, "uncertainty": {"method": {"cluster": "z"}}}) == {"e": (1,)}


def test_a_number_of_rows_that_changes_what_is_used_is_a_contradiction() -> None:
    config = {
        "data": GAPS,
        "parameters": {"b": 1.0},
        "define": {"either": "(y, z)"},
        "least_squares": "either[(rows(data) - 1) // 3] - b",
    }
    with pytest.raises(ConfigError, match=r"depends on rows\(data\) itself"):
        solve(config)


BARE = {"inline": {"y": Y}}


@pytest.mark.parametrize(
    ("data", "expression", "words"),
    [
        (BARE, "rows(dta)", "no table is called 'dta'"),
        (BARE, "rows(y)", "no table is called 'y'"),
        (BARE, "rows(1 + 2)", "something else than a name"),
        (BARE, "row(data, data)", "something else than a name"),
        (BARE, "levels(y)", "'y' is no category"),
        (GROUPS, "levels(h)", "no category is called 'h'"),
        ({**BARE, "rows": False}, "sum(row(data))", "no rows of data"),
    ],
)
def test_what_cannot_be_answered_says_why(data: Any, expression: str, words: str) -> None:
    config = {
        "version": 1,
        "data": data,
        "parameters": {"b": 0.0},
        "least_squares": f"y - b * {expression}",
    }
    with pytest.raises(ConfigError, match=words) as raised:
        optserve.load(config)
    assert raised.value.place is not None
    assert raised.value.expected or raised.value.remedy


def test_without_a_table_there_is_nothing_to_count() -> None:
    with pytest.raises(ConfigError, match="no function is called 'rows'"):
        optserve.load({"version": 1, "parameters": {"b": 0.0}, "loss": "b * rows(data)"})


def test_an_array_that_meets_rows_is_told_how() -> None:
    with pytest.raises(ShapeError, match=r"row\(data\)") as raised:
        optserve.load(
            {
                "version": 1,
                "data": BARE,
                "parameters": {"e": {"shape": [4]}},
                "least_squares": "y - e",
            }
        )
    assert "rows: false" in raised.value.remedy


def test_a_number_of_rows_is_no_size_before_it_is_asked_for() -> None:
    with pytest.raises(ConfigError, match="the size is data") as raised:
        shapes(
            {
                "data": BARE,
                "parameters": {"e": {"shape": ["y.shape[0]"]}},
                "least_squares": "y - sum(e)",
            }
        )
    assert raised.value.remedy == "rows(data) is their number"


@pytest.mark.parametrize("key", ["where", "derive"])
def test_what_chooses_or_makes_rows_does_not_ask_for_them(key: str) -> None:
    said = "row(data) > 1" if key == "where" else {"n": "row(data)"}
    with pytest.raises(ConfigError) as caught:
        solve(
            {
                "data": {"inline": {"y": Y}, key: said},
                "parameters": {"b": 1},
                "loss": "mean((y - b)**2)" if key == "where" else "mean((n - b)**2)",
            }
        )
    assert "did you mean" not in str(caught.value)
    assert "in shapes, `define` and a loss" in str(caught.value)


def test_what_is_asked_often_is_read_once(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "d.csv").write_text("y,g\n1,a\n2,b\n3,a\n")
    config = {
        "version": 1,
        "data": {"read": "d.csv", "where": "y > 1", "columns": {"y": "y", "g": GROUP}},
        "parameters": {"u": {"shape": ["levels(g)", "rows(data)"]}, "v": {"shape": ["rows(data)"]}},
        "define": {"m": "levels(g)", "n": "rows(data)"},
        "loss": "mean((y - v[row(data)])**2) + n * sum(u**2) + m",
    }
    counts = Counter[str]()
    read = RowSelection.read

    def counted(
        self: RowSelection, table: DataTable, used: Sequence[str], precision: Any
    ) -> TableRows:
        counts["all" if used else "none"] += 1
        return read(self, table, used, precision)

    monkeypatch.setattr(RowSelection, "read", counted)
    monkeypatch.chdir(tmp_path)
    problem = optserve.load(config)
    assert [one.shape for one in problem.parameters] == [(2, 2), (2,)]
    assert counts == {"none": 1, "all": 1}
