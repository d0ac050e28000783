"""How two results differ: estimates in joint standard errors, losses, settings, versions."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from optserve.reports.numbers import compact
from optserve.reports.text_table import table

if TYPE_CHECKING:
    from optserve.jobs.record.result import Result

__all__ = ["comparison", "distance"]

_ORIGIN = re.compile(r'(  # [^"]*|# left to defaults: .*)$')
"""The comment that says where a value of a config comes from."""

LONGEST = 40
"""Characters of a value that are shown."""


def comparison(
    one: Result, two: Result, configs: tuple[str, str] = ("", ""), *, encoding: str = "utf-8"
) -> str:
    """What is different between two results, and how far; ``configs`` are the resolved ones.

    Numbers stand side by side; of arrays the entry that differs most is told. ``joint s.e.`` is the
    difference in units of the square root of the sum of both squared standard errors.
    """
    rows = [["", "one", "two", "relative", "joint s.e."], *_numbers(one, two)]
    parts = [table(rows, align="<>>>>", encoding=encoding)]
    words = [*_words(one, two)]
    if words:
        parts.append(table([["", "one", "two"], *words], encoding=encoding))
    settings = [*_settings(*configs)]
    parts.append(["  the configs:", *settings] if settings else ["  the configs are the same"])
    return "\n\n".join("\n".join(part) for part in parts)


def distance(one: Any, two: Any, errors: tuple[Any, Any]) -> tuple[float | None, float | None]:
    """The largest relative difference, and the largest in joint standard errors.

    ``None`` for what cannot be told: of values of two shapes, or without standard errors.

    >>> distance(2.0, 3.0, (0.3, 0.4))
    (0.5, 2.0)
    >>> distance([1.0, 2.0], [1.0], (None, None))
    (None, None)
    """
    first, second = _floats(one), _floats(two)
    if first is None or second is None or first.shape != second.shape:
        return None, None
    apart = np.abs(second - first)
    joint = None
    known = [error for value in errors if (error := _floats(value)) is not None]
    with np.errstate(all="ignore"):
        if len(known) == 2 and known[0].shape == known[1].shape == apart.shape:
            joint = _largest(apart / np.hypot(*known), apart)
        return _largest(apart / np.abs(first), apart), joint


def _numbers(one: Result, two: Result) -> Iterator[list[str]]:
    yield _row("loss", one.loss, two.loss)
    for name in dict.fromkeys([*one.parameters, *two.parameters]):
        errors = one.standard_errors.get(name), two.standard_errors.get(name)
        yield _row(name, one.parameters.get(name), two.parameters.get(name), errors)
    for split in dict.fromkeys([*one.metrics, *two.metrics]):
        first, second = one.metrics.get(split, {}), two.metrics.get(split, {})
        for name in dict.fromkeys([*first, *second]):
            yield _row(f"{split} {name}", first.get(name), second.get(name))
    yield _row("steps", one.steps, two.steps)
    yield _row("evaluations", one.evaluations, two.evaluations)
    yield _row("seconds", one.seconds, two.seconds)


def _row(name: str, one: Any, two: Any, errors: tuple[Any, Any] = (None, None)) -> list[str]:
    relative, joint = distance(one, two, errors)
    apart = ["" if found is None else compact(found, 2) for found in (relative, joint)]
    return [name, _text(one), _text(two), *apart]


def _words(one: Result, two: Result) -> Iterator[list[str]]:
    """What is told in words and differs: how they ended, and what they ran with."""
    pairs: list[tuple[str, Any, Any]] = [
        ("ended", one.termination.message, two.termination.message),
        ("exit code", one.exit_code, two.exit_code),
    ]
    for first, second in (
        (one.used.model_dump(), two.used.model_dump()),
        (one.environment, two.environment),
    ):
        pairs += [(key, first.get(key), second.get(key)) for key in {**first, **second}]
    yield from ([name, str(a), str(b)] for name, a, b in pairs if a != b)


def _settings(one: str, two: str) -> Iterator[str]:
    """The lines of the configs that differ, wherever their values come from."""
    first, second = ([_ORIGIN.sub("", line) for line in text.splitlines()] for text in (one, two))
    lines = difflib.unified_diff(first, second, lineterm="", n=0)
    yield from (f"    {line}" for line in lines if not line.startswith(("---", "+++", "@@")))


def _floats(value: Any) -> Any:
    """``value`` as an array of floats, without infinities and what is none; else ``None``."""
    if value is None or isinstance(value, Mapping):
        return None
    try:
        array = np.asarray(value, dtype=np.float64)
    except (TypeError, ValueError):
        return None
    return array if array.size else None


def _largest(ratios: Any, apart: Any) -> float | None:
    """The largest of ``ratios``, 0 where nothing is ``apart``."""
    found = np.where(apart == 0.0, 0.0, ratios)
    known = found[~np.isnan(found)]
    return float(known.max()) if known.size else None


def _text(value: Any) -> str:
    if value is None:
        return ""
    text = compact(float(value), 9) if isinstance(value, int | float) else str(value)
    text = " ".join(text.split())
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 3]}..."
