"""``split``: which rows are trained on, and which are held out for validation and test."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from optserve.config.schema.table import Split
from optserve.config.suggest import did_you_mean
from optserve.errors import ConfigError
from optserve.graph.aval import Array

__all__ = ["SPLITS", "drawn_rows", "named_rows"]

SPLITS = ("train", "validation", "test")

SplitRows = Mapping[str, Array]
"""The rows of each split, in order, as int64 positions."""


def named_rows(split: Split, names: Array) -> SplitRows:
    """The rows of each split, which ``names`` (rows,) tells of every row.

    >>> named_rows(Split(column="fold"), np.array(["train", "test", "train"], dtype=object))
    {'train': array([0, 2]), 'test': array([1])}
    """
    rows = {name: np.flatnonzero(names == name) for name in SPLITS}
    if sum(map(len, rows.values())) < len(names):
        row = next(row for row, name in enumerate(names) if name not in SPLITS)
        raise ConfigError(
            f"the column {split.column} says {str(names[row])[:40]!r} of a row, number {row + 1} "
            "of those that are used",
            place=split.place_of("column"),
            expected=f"one of {', '.join(SPLITS)} in every row",
            remedy=did_you_mean(str(names[row]), SPLITS),
            code="split",
        )
    if not len(rows["train"]):
        raise ConfigError(
            f"the column {split.column} leaves no rows to train on",
            place=split.place_of("column"),
            expected="`train` in some rows",
            code="split",
        )
    return {name: chosen for name, chosen in rows.items() if len(chosen)}


def drawn_rows(split: Split, count: int, labels: Array | None = None) -> SplitRows:
    """``count`` rows drawn into splits by their fractions.

    ``labels`` (rows,) are what to stratify by: each of its values has its share of every split, to
    one row. What is drawn depends on the seed of the split and on nothing else.

    >>> rows = drawn_rows(Split(test=0.25), 8)
    >>> {name: len(chosen) for name, chosen in rows.items()}
    {'train': 6, 'test': 2}
    """
    # The bits of Philox 4x64-10 are the same anywhere; what a library shuffles with them is not.
    order = np.argsort(np.random.Philox(key=split.seed).random_raw(count), kind="stable")
    values, numbers = (None, np.zeros(count, np.int64))
    if labels is not None:
        values, numbers = np.unique(labels, return_inverse=True)
    order = order[np.argsort(numbers[order], kind="stable")]
    sizes = np.bincount(numbers, minlength=1)
    held_out = {name: _shares(sizes, part) for name, part in split.fractions.items()}
    counts = {"train": sizes - sum(held_out.values()), **held_out}
    _check(split, counts, sizes, values)
    rows: dict[str, list[Array]] = {name: [] for name in counts}
    for group, members in enumerate(np.split(order, np.cumsum(sizes)[:-1])):
        start = 0
        for name, of_group in counts.items():
            rows[name].append(members[start : start + of_group[group]])
            start += of_group[group]
    return {name: np.sort(np.concatenate(chosen)) for name, chosen in rows.items()}


def _shares(sizes: Array, fraction: float) -> Array:
    """That fraction of each size in whole rows, by the largest remainders."""
    quotas = sizes * fraction
    shares = np.floor(quotas).astype(np.int64)
    missing = int(np.floor(sizes.sum() * fraction + 0.5)) - int(shares.sum())
    shares[np.argsort(shares - quotas, kind="stable")[:missing]] += 1
    return shares


def _check(split: Split, counts: SplitRows, sizes: Array, values: Array | None) -> None:
    """Hold that every split has rows, and rows of every value that it is stratified by."""
    for name, of_group in counts.items():
        if (of_group > 0).all():
            continue
        place = split.place_of("stratify" if values is not None else name)
        if values is not None:
            group = int(np.argmin(of_group > 0))
            raise ConfigError(
                f"the value {values[group]} of {split.stratify} is in {sizes[group]} of "
                f"{sizes.sum()} rows, and {name} would have none of them",
                place=place,
                expected="rows of every value in every split",
                remedy="leave out `stratify`, or give larger fractions",
                code="split",
            )
        raise ConfigError(
            f"of {sizes.sum()} rows none is left to train on"
            if name == "train"
            else f"{split.fractions[name]:g} of {sizes.sum()} rows leaves {name} without any",
            place=place,
            expected="at least one row in every split",
            code="split",
        )
