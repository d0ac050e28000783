"""What a name stands for, and what is said of one that stands for nothing."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from optserve.config.expressions import build
from optserve.errors import Place
from optserve.graph.dim import Dim
from tests.config.expressions.workbench import (
    COLUMNS,
    PARAMETERS,
    Workbench,
    message,
    parse,
)

X, W = COLUMNS["X"], PARAMETERS["layer1.W"]

MISTAKEN = (
    "bl + 1",
    "epx(x)",
    "layer1",
    "layer1.X",
    "layer1.W.foo",
    "X.size",
    "exp",
    "exp + x",
    "x(1)",
    "mu + x",
    "mu.T",
    "mu(x)",
    "np",
    "quite_other",
    "quite_other(x)",
    "sigma(x)",
)


def test_messages(golden: Callable[[str, str], None]) -> None:
    later = {"mu": Place("fit.yaml", 9, 3)}
    blocks = (f"{written}\n{message(written, later=later)}" for written in MISTAKEN)
    golden("names.txt", "\n\n".join(blocks) + "\n")


def test_the_longest_declared_name_wins() -> None:
    np.testing.assert_array_equal(Workbench().evaluate("layer1.W.T"), W.T)
    bench = Workbench()
    scope = replace(bench.scope, values={"layer1.W.T": 7})
    assert build(parse("layer1.W.T"), scope, bench.trace) == 7
    assert build(parse("layer1.W.shape"), scope, bench.trace) == (3, 4)


def test_in_call_position_a_name_is_a_function_elsewhere_a_value() -> None:
    np.testing.assert_allclose(Workbench().evaluate("sum(sum) / sum"), 15 / COLUMNS["sum"])


def test_shapes_are_numbers_and_row_counts() -> None:
    assert Workbench().build("X.shape[1]") == 3
    assert Workbench().build("X.shape[0]") == Dim.rows("data")
    assert Workbench().build("X.shape") == (Dim.rows("data"), 3)
    assert Workbench().build("(X @ layer1.W).shape[-1]") == 4
    assert Workbench().build("b.shape") == ()
    assert Workbench().evaluate("2.5 * X.shape[0]") == 12.5


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("7 % X.shape[0]", 2),
        ("X.shape[0] // 2", 2),
        ("k * X.shape[0] % 3", COLUMNS["k"] * 5 % 3),
        ("x[7 % x.shape[0]]", COLUMNS["x"][2]),
        ("take(x, (k + 7) % x.shape[0])", COLUMNS["x"][(COLUMNS["k"] + 7) % 5]),
    ],
)
def test_a_row_count_among_integers_is_an_integer(written: str, expected: Any) -> None:
    found = Workbench().evaluate(written)
    np.testing.assert_array_equal(found, expected)
    assert found.dtype == np.asarray(expected).dtype


def test_constants_give_way_to_what_is_declared() -> None:
    assert Workbench().build("pi + e") == np.pi + np.e
    assert Workbench().build("-inf") == -np.inf
    bench = Workbench()
    assert build(parse("e"), replace(bench.scope, values={"e": 3}), bench.trace) == 3
