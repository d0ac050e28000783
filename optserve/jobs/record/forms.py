"""A result in the forms that notebooks and tables take: a dict, a DataFrame, a table of HTML."""

from __future__ import annotations

import json
from importlib import import_module
from math import isfinite
from typing import Any, Protocol

import numpy as np

from optserve.errors import ConfigError
from optserve.jobs.packing import entry_label

__all__ = ["Forms"]

SHOWN = 60
"""Rows of the table in a notebook; of more parameters the rest is counted."""


class _Result(Protocol):
    """What is read of a result."""

    name: str
    termination: Any
    loss: float | None
    parameters: dict[str, Any]
    standard_errors: dict[str, Any]
    intervals: dict[str, Any]
    warnings: list[str]

    def to_json(self) -> str: ...


class Forms:
    """What a result can be turned into."""

    def to_dict(self: _Result) -> dict[str, Any]:
        """All that ``result.json`` holds, as plain dicts, lists, numbers and texts."""
        made: dict[str, Any] = json.loads(self.to_json())
        return made

    def to_dataframe(self: _Result) -> Any:
        """A ``pandas.DataFrame`` with a row for each entry of the parameters.

        Its index holds their names, its columns are ``estimate``, ``standard_error``, ``low`` and
        ``high``, the ends of the confidence interval. Raises ``ConfigError`` without pandas.
        """
        try:
            pandas: Any = import_module("pandas")
        except ImportError:
            raise ConfigError(
                "to_dataframe needs pandas, which is not installed",
                expected="pandas",
                remedy="install it, or use to_dict()",
                code="not-installed",
            ) from None
        rows = _rows(self)
        columns = {key: [row[key] for row in rows] for key in _COLUMNS}
        return pandas.DataFrame(columns, index=[row["parameter"] for row in rows])

    def _repr_html_(self: _Result) -> str:
        """The estimates and why the job ended, as a notebook shows them."""
        import html  # with its table of names, which the command line does not need

        rows = _rows(self)
        head = "".join(f"<th>{one.replace('_', ' ')}</th>" for one in ("parameter", *_COLUMNS))
        body = "".join(
            f"<tr><th>{html.escape(row['parameter'])}</th>"
            + "".join(f"<td>{_shown(row[key])}</td>" for key in _COLUMNS)
            + "</tr>"
            for row in rows[:SHOWN]
        )
        more = f"<p>and {len(rows) - SHOWN} more</p>" if len(rows) > SHOWN else ""
        loss = "" if self.loss is None else f", loss {self.loss:.8g}"
        told = (
            f"<p><b>{html.escape(self.name)}</b> {html.escape(self.termination.message)}{loss}</p>"
        )
        warned = "".join(f"<p>warning: {html.escape(one)}</p>" for one in self.warnings)
        table = f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
        return f"{told}{table}{more}{warned}"


_COLUMNS = ("estimate", "standard_error", "low", "high")


def _rows(result: _Result) -> list[dict[str, Any]]:
    """An entry of the parameters each, NaN where there is no number."""
    rows: list[dict[str, Any]] = []
    for name, value in result.parameters.items():
        estimates = np.asarray(value, np.float64)
        errors = _like(result.standard_errors.get(name), estimates.shape)
        ends = _like(result.intervals.get(name), (*estimates.shape, 2)).reshape(-1, 2)
        for at, estimate in enumerate(estimates.ravel()):
            parts = (estimate, errors.ravel()[at], *ends[at])
            rows.append(
                {
                    "parameter": entry_label(name, estimates.shape, at),
                    **dict(zip(_COLUMNS, map(float, parts), strict=True)),
                }
            )
    return rows


def _like(value: Any, shape: tuple[int, ...]) -> Any:
    """``value`` as an array of this shape; NaN where there is none."""
    made = np.full(shape, np.nan)
    if value is not None:
        made[...] = np.asarray(value, np.float64)
    return made


def _shown(number: float) -> str:
    return f"{number:.6g}" if isfinite(number) else ""
