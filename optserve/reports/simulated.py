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
            bias, error = found.bias[label], found.bias_error[label]
            cells += [
                f"{compact(bias, 3)} ± {compact(error, 2)}",
                compact(found.spread[label], 4),
                compact(found.mean_error[label], 4),
                _share(found.coverage, found.coverage_low, found.coverage_high, label),
            ]
            if profiles:
                ends = found.profile_coverage_low, found.profile_coverage_high
                cells.append(_share(found.profile_coverage, *ends, label))
        rows.append(cells + [""] * (len(rows[0]) - len(cells)))
    told = [f"{name}  {found.n} data sets drawn and fitted, {found.failures or 'none'} failed", ""]
    return "\n".join([*told, *table(rows, encoding=encoding), *_notes(found)])


def _share(
    shares: Mapping[str, float], low: Mapping[str, float], high: Mapping[str, float], label: str
) -> str:
    """A share, and the ends between which its chance is."""
    if label not in shares:
        return ""
    return f"{compact(shares[label], 3)} [{low[label]:.3f}, {high[label]:.3f}]"


def _notes(found: Simulated) -> Iterator[str]:
    yield ""
    yield f"  errors   {found.method}"
    for reason, count in found.reasons.items():
        yield f"  failed   {count}: {reason}"
    for label, intervals in found.coverage_of.items():
        if intervals < found.n - found.failures:
            yield f"  note     {label} has an interval in {intervals:g} fits"
