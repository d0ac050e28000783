from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from optserve.config import load
from optserve.config.data.columns import TakenColumn, take
from optserve.config.data.data_table import DataTable
from optserve.config.schema.table import Column
from optserve.errors import ConfigError, Place
from optserve.graph.aval import Array
from optserve.graph.dim import Dim
from optserve.tables.text_frame import TextFrame

TABLE = {
    "x": ["1", "2", "3", "6"],
    "p1": ["1", "1", "1", "1"],
    "p2": ["0", "2", "4", "8"],
    "site": ["b", "a", "b", "c"],
    "dose": ["10", "9", "10", "100"],
    "0:2": ["5", "6", "7", "8"],
}
FLOAT64 = np.dtype("float64")


def frame(named: bool = True) -> TextFrame:
    columns = list(TABLE.values())
    names = tuple(TABLE) if named else ()
    return TextFrame(
        names, len(columns), 4, lambda index: columns[index], lambda row, index: Place("d.csv")
    )


def taken(named: bool = True, **settings: Any) -> TakenColumn:
    return take("c", Column(**settings), frame(named), None)


def made(column: TakenColumn) -> tuple[Array, str]:
    """The array of a column and a warning, as a table of no selection makes them."""
    table = DataTable("data", frame(), {"c": column}, {"c": None}, Dim.rows("data"), None)
    arrays, warnings, _ = table.arrays(["c"], FLOAT64)
    return np.asarray(arrays["c"]), " ".join(warnings)


def array(**settings: Any) -> Array:
    return made(taken(**settings))[0]


@pytest.mark.parametrize(
    ("taking", "positions", "matrix"),
    [
        ("x", (0,), False),
        (2, (2,), False),
        ("p*", (1, 2), True),
        ("p[2]", (2,), True),
        ("1:3", (1, 2), True),
        (":2", (0, 1), True),
        ("4:", (4, 5), True),
        ("0:2", (5,), False),
        (("x", 3, "p*"), (0, 3, 1, 2), True),
        (("x",), (0,), True),
    ],
)
def test_what_is_taken(taking: Any, positions: tuple[int, ...], matrix: bool) -> None:
    column = taken(take=taking)
    assert (column.positions, column.matrix) == (positions, matrix)


def test_without_names_a_range_is_a_range() -> None:
    assert taken(named=False, take="0:2").positions == (0, 1)


@pytest.mark.parametrize("taking", ["y", 6, -1, "3:3", "3:9", "q*", (), ("x", "y")])
def test_what_cannot_be_taken(taking: Any) -> None:
    with pytest.raises(ConfigError):
        taken(take=taking)


def test_a_matrix_has_its_columns_in_order() -> None:
    matrix = array(take=("p2", "x"))
    assert matrix.tolist() == [[0, 1], [2, 2], [4, 3], [8, 6]]
    assert array(take=("x",)).shape == (4, 1)


def test_standardized_columns_have_mean_0_and_deviation_1() -> None:
    x = array(take="x", standardize=True)
    np.testing.assert_allclose([x.mean(), x.std()], [0.0, 1.0], atol=1e-15)
    matrix = array(take=("x", "p2"), standardize=True)
    np.testing.assert_allclose(matrix[:, 0], x)


def test_a_constant_column_standardizes_to_0_with_a_warning() -> None:
    column = taken(take="p*", standardize=True)
    values, warning = made(column)
    assert (values[:, 0] == 0).all()
    assert warning == "1 constant column(s) of c standardize to 0"


def test_a_divisor_divides() -> None:
    assert array(take="p2", divide=4.0).tolist() == [0, 0.5, 1, 2]


def test_categories_are_codes_of_sorted_values() -> None:
    site = array(take="site", as_="category")
    assert site.tolist() == [1, 0, 1, 2]
    assert site.dtype == np.int64
    assert array(take="dose", as_="category").tolist() == [1, 0, 1, 2]


def test_dtypes() -> None:
    assert taken(take="x").dtype(np.dtype("float32")) == np.float32
    assert taken(take="x", as_="integer").dtype(FLOAT64) == np.int64
    assert taken(take="x", as_="bool").dtype(FLOAT64) == np.bool_


@pytest.mark.parametrize("scale", [{"standardize": True}, {"divide": 2.0}])
def test_what_is_counted_has_no_scale(scale: dict[str, Any]) -> None:
    with pytest.raises(ConfigError, match="no scale"):
        taken(take="x", as_="integer", **scale)


@pytest.mark.parametrize(
    ("written", "message"),
    [
        (("site", "s*"), "takes 'site' twice"),
        (("p*", "p1"), "takes 'p1' twice"),
        ((0, "0:3"), "takes the column at position 0 twice"),
    ],
)
def test_a_column_is_taken_once(written: tuple[str | int, ...], message: str) -> None:
    named = not any(isinstance(one, int) for one in written)
    with pytest.raises(ConfigError, match=message):
        taken(named, take=written)


def test_no_rows_have_no_moments() -> None:
    column = taken(take="x", standardize=True)
    with pytest.raises(ConfigError, match="no rows to standardize c by"):
        column.moments(np.zeros(0))


def test_a_deviation_that_is_rounded_to_0_is_none() -> None:
    column = taken(take="x", standardize=True)
    with pytest.raises(ConfigError, match="too small to be standardized"):
        column.moments(np.array([0.0, 1e-300]))


@pytest.mark.parametrize(
    "more", [{}, {"where": "x >= 0"}, {"columns": {"y": {"take": "y", "divide": 2}}}]
)
def test_float32_must_tell_values_apart(more: dict[str, Any]) -> None:
    config = {
        "version": 1,
        "data": {"inline": {"x": [0, 1, 2], "y": [1e9, 1e9 + 3, 1e9 + 6]}, **more},
        "parameters": {"a": 1, "b": 0},
        "least_squares": {"observed": "y", "predicted": "a * x + b"},
    }
    load(config)
    with pytest.raises(ConfigError, match="float32 rounds values of y by"):
        load({**config, "precision": "float32"})


@pytest.mark.parametrize(
    "values", [[1e9, 1e9, 1e9], [1e9, 1e9 + 3e3, 1e9 - 2e4], [1e-3, 2e-3, 3], [0.3, 0.1 + 0.2, 0.3]]
)
def test_float32_may_round_what_it_tells_apart(values: list[float]) -> None:
    data = {"y": np.array(values)}
    config = {"version": 1, "precision": "float32", "parameters": {"b": 0}, "loss": "mean(y - b)"}
    assert load(config, data=data).objective.data["y"].dtype == np.float32


def test_a_column_given_in_memory_is_not_copied() -> None:
    table = np.arange(6.0).reshape(3, 2)
    config = {"version": 1, "parameters": {"b": 0}, "loss": "mean((y - b)**2)"}
    for _ in range(2):  # the second time by what is known of the config
        found = load(config, data={"y": table[:, 1]})
        assert np.shares_memory(np.asarray(found.objective.data["y"]), table)
