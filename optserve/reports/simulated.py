"""What a simulation found, as a table for people."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from optserve.reports.numbers import compact
from optserve.reports.text_table import table

if TYPE_CHECKING:
    from optserve.jobs.simulation import Simulated

__all__ = ["simulated_text"]


def simulated_text(name: str, found: Simulated, encoding: str = "utf-8") -> str:
    """A line an entry: truth, bias, spread, mean standard error, and coverage."""
    level = f"{100 * found.level:g}%"
    profiles = bool(found.profile_coverage)
    head = ["parameter", "truth", "bias", "spread", "mean s.e.", f"in {level} interval"]
    rows = [[*head, *(["in profile interval"] if profiles else [])]]
    for label, truth in found.truth.items():
        cells = [label, compact(truth, 6)]
        if label in found.mean:
            cells += [
                _with_error(found.bias, found.bias_error, label, 3),
                compact(found.spread[label], 4),
                compact(found.mean_error[label], 4),
                _with_error(found.coverage, found.coverage_error, label, 3),
            ]
            if profiles:
                cells.append(
                    _with_error(found.profile_coverage, found.profile_coverage_error, label, 3)
                )
        rows.append(cells + [""] * (len(rows[0]) - len(cells)))
    told = [f"{name}  {found.n} data sets drawn and fitted, {found.failures or 'none'} failed", ""]
    return "\n".join([*told, *table(rows, encoding=encoding), *_notes(found)])


def _with_error(
    values: Mapping[str, float], errors: Mapping[str, float], label: str, digits: int
) -> str:
    if label not in values:
        return ""
    return f"{compact(values[label], digits)} ± {compact(errors[label], 2)}"


def _notes(found: Simulated) -> Iterator[str]:
    yield ""
    yield f"  errors   {found.method}"
    for reason, count in found.reasons.items():
        yield f"  failed   {count}: {reason}"
    for label, intervals in found.coverage_of.items():
        if intervals < found.n - found.failures:
            yield f"  note     {label} has an interval in {intervals:g} fits"
