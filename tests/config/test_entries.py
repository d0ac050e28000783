"""Bounds and what is held, by entry."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import optserve
from optserve.errors import ConfigError
from optserve.jobs.parameters import JobParameter


def parameter(**keys: Any) -> JobParameter:
    config = {
        "version": 1,
        "parameters": {"w": {"shape": [2, 3], "init": 1.0, **keys}},
        "loss": "sum((w - 5)**2)",
    }
    return optserve.load(config).parameters[0]


@pytest.mark.parametrize(
    ("fixed", "held"),
    [
        (True, [[1, 1, 1], [1, 1, 1]]),
        ("[0]", [[1, 1, 1], [0, 0, 0]]),
        ("[0, :2]", [[1, 1, 0], [0, 0, 0]]),
        ("[:, 2]", [[0, 0, 1], [0, 0, 1]]),
        ("[-1, -1]", [[0, 0, 0], [0, 0, 1]]),
        (" [..., 1:] ", [[0, 1, 1], [0, 1, 1]]),
        (["[0, 0]", "[1, 2]"], [[1, 0, 0], [0, 0, 1]]),
        ([[True, False, False], [False, False, True]], [[1, 0, 0], [0, 0, 1]]),
    ],
)
def test_entries_are_held(fixed: Any, held: Any) -> None:
    np.testing.assert_array_equal(parameter(fixed=fixed).fixed, np.array(held, bool))


def test_what_is_held_stays_and_the_rest_descends() -> None:
    config = {
        "version": 1,
        "parameters": {"w": {"init": [1.0, 2.0, 3.0], "fixed": "[1]"}},
        "loss": "sum((w - 5)**2)",
    }
    result = optserve.run(optserve.load(config))
    np.testing.assert_allclose(result.parameters["w"], [5.0, 2.0, 5.0])


@pytest.mark.parametrize(
    ("bounds", "lower", "upper"),
    [
        ([0, 4], 0.0, 4.0),
        ([None, 4], -np.inf, 4.0),
        ([[[0, 0, 0], [1, 1, 1]], None], [[0, 0, 0], [1, 1, 1]], np.inf),
        ([0, [[2, None, 3], [None, None, 9]]], 0.0, [[2, np.inf, 3], [np.inf, np.inf, 9]]),
    ],
)
def test_bounds_of_each_entry(bounds: Any, lower: Any, upper: Any) -> None:
    found = parameter(bounds=bounds)
    np.testing.assert_array_equal(found.lower, np.broadcast_to(lower, (2, 3)))
    np.testing.assert_array_equal(found.upper, np.broadcast_to(upper, (2, 3)))


def test_each_entry_ends_at_its_own_bound() -> None:
    config = {
        "version": 1,
        "parameters": {"w": {"init": [1.0, 1.0, 1.0], "bounds": [None, [2.0, None, 3.0]]}},
        "loss": "sum((w - 5)**2)",
    }
    np.testing.assert_allclose(optserve.run(optserve.load(config)).parameters["w"], [2, 5, 3])


@pytest.mark.parametrize(
    ("keys", "words"),
    [
        ({"fixed": "yes"}, "is the text 'yes'"),
        ({"fixed": "[2]"}, "takes no entries"),
        ({"fixed": "[x]"}, "takes no entries .* no value is called 'x'"),
        ({"fixed": "[5:]"}, "takes no entries .* it is empty"),
        ({"fixed": "[0, 0, 0]"}, "takes no entries"),
        ({"fixed": "[b]"}, "takes no entries"),
        ({"fixed": "[0] + 1 [0]"}, "takes no entries"),
        ({"fixed": ["[0]", True]}, "is the text"),
        ({"fixed": [True, False]}, "shape"),
        ({"bounds": [[0, 0], None]}, "shape"),
        ({"bounds": [[[2, 2, 2], [2, 2, 2]], 1]}, "above the upper"),
        ({"bounds": [[[0, 0, 2], [0, 0, 0]], None]}, "starts outside of its bounds"),
        ({"bounds": ["low", None]}, "bounds"),
    ],
)
def test_what_fits_no_entry_is_refused(keys: Any, words: str) -> None:
    with pytest.raises(ConfigError, match=words) as raised:
        parameter(**keys)
    assert raised.value.place is not None
    assert raised.value.expected
