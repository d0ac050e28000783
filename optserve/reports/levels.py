"""The values of a category with their codes, in one line."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

__all__ = ["levels_lines"]

SHOWN = 12
"""Levels of a category that are listed; of more the first ones and the last."""


def levels_lines(levels: Mapping[str, Sequence[str]]) -> list[str]:
    """What each category's codes stand for.

    >>> levels_lines({"site": ["a", "b"]})
    ['site: 0 a, 1 b']
    """
    return [f"{name}: {_listed(values)}" for name, values in levels.items()]


def _listed(values: Sequence[str]) -> str:
    written = [f"{code} {value[:40]}" for code, value in enumerate(values)]
    if len(written) > SHOWN:
        written = [*written[: SHOWN - 2], "...", written[-1]]
    return ", ".join(written)
