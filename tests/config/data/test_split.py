"""Which rows are held out: every row is in one split, the same ones in every run."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from optserve.config.data.split import drawn_rows, named_rows
from optserve.config.schema.table import Split
from optserve.errors import ConfigError
from optserve.graph.aval import Array

SPLIT = Split(validation=0.2, test=0.1)


def everything(rows: Mapping[str, Array]) -> list[int]:
    return sorted(int(row) for chosen in rows.values() for row in chosen)


@given(
    count=st.integers(20, 300),
    validation=st.floats(0.05, 0.4),
    test=st.floats(0.05, 0.4),
    seed=st.integers(0, 2**70),
)
def test_every_row_is_in_one_split(count: int, validation: float, test: float, seed: int) -> None:
    rows = drawn_rows(Split(validation=validation, test=test, seed=seed), count)
    assert list(rows) == ["train", "validation", "test"]
    assert everything(rows) == list(range(count))
    assert abs(len(rows["validation"]) - count * validation) <= 0.5
    assert abs(len(rows["test"]) - count * test) <= 0.5
    assert all((np.diff(chosen) > 0).all() for chosen in rows.values())


@given(sizes=st.lists(st.integers(20, 80), min_size=1, max_size=6), seed=st.integers(0, 99))
def test_strata_have_their_share_of_every_split(sizes: list[int], seed: int) -> None:
    labels = np.random.default_rng(seed).permutation(np.repeat(np.arange(len(sizes)), sizes))
    rows = drawn_rows(Split(validation=0.2, test=0.1, seed=seed), len(labels), labels)
    assert everything(rows) == list(range(len(labels)))
    for name, fraction in SPLIT.fractions.items():
        shares = np.bincount(labels[rows[name]], minlength=len(sizes))
        assert (np.abs(shares - fraction * np.array(sizes)) < 1).all()
        assert abs(shares.sum() - fraction * sum(sizes)) <= 0.5


def test_the_rows_that_are_drawn_never_change() -> None:
    rows = drawn_rows(Split(validation=0.25, test=0.25, seed=3), 12)
    shown = {name: chosen.tolist() for name, chosen in rows.items()}
    assert shown == {
        "train": [1, 2, 5, 6, 8, 11],
        "validation": [7, 9, 10],
        "test": [0, 3, 4],
    }


def test_the_seed_draws_other_rows() -> None:
    first, second = (drawn_rows(Split(test=0.3, seed=seed), 100)["test"] for seed in (0, 1))
    assert len(first) == len(second)
    assert first.tolist() != second.tolist()


def test_texts_are_strata_too() -> None:
    labels = np.array(["b", "a", "b", "a"] * 5, dtype=object)
    rows = drawn_rows(Split(test=0.4), 20, labels)
    assert sorted(labels[rows["test"]]) == ["a"] * 4 + ["b"] * 4


@pytest.mark.parametrize(
    ("split", "labels", "message"),
    [
        ({"test": 0.1}, None, "0.1 of 4 rows leaves test without any"),
        ({"validation": 0.5, "test": 0.49}, None, "of 4 rows none is left to train on"),
        ({"test": 0.5, "stratify": "k"}, [0, 1, 1, 1], "the value 0 of k is in 1 of 4 rows"),
        ({"test": 0.2, "stratify": "k"}, [0, 0, 1, 1], "test would have none of them"),
    ],
)
def test_too_few_rows(split: dict[str, Any], labels: list[int] | None, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        drawn_rows(Split(**split), 4, None if labels is None else np.array(labels))


def test_a_column_names_the_splits() -> None:
    names = np.array(["test", "train", "train", "test"], dtype=object)
    rows = named_rows(Split(column="fold"), names)
    assert {name: chosen.tolist() for name, chosen in rows.items()} == {
        "train": [1, 2],
        "test": [0, 3],
    }


@pytest.mark.parametrize(
    ("names", "message"),
    [(["train", "tests"], "did you mean 'test'"), (["test"], "no rows to train")],
)
def test_a_column_that_does_not(names: list[str], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        named_rows(Split(column="fold"), np.array(names, dtype=object))
