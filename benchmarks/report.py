"""One table a workload, for a person, and the same as JSON, for whoever compares."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict
from typing import Any

from benchmarks.machine import machine, versions
from benchmarks.measure import Measurement, Ratio, Spread

__all__ = ["as_json", "as_text"]


def as_text(measurement: Measurement) -> str:
    """The table of a workload in Markdown, as ``benchmarks/README.md`` shows it.

    What was measured is the median and, in brackets, the quartiles of the rounds.
    """
    workload = measurement.workload
    show = quantity(workload.unit)
    rows = [("contender", "first run", "best", "then")]
    for name, timing in measurement.timings.items():
        best, then = show(min(timing.rounds)), spread(Spread.of(timing.rounds), show)
        rows.append((name, show(timing.first), best, then))
    rows += [(name, "not installed", "", "") for name in measurement.absent]
    before, after = measurement.load
    parts = [f"### {workload.name}", workload.title, markdown(rows)]
    if ratios := measurement.ratios():
        parts.append("\n".join(sentence(ratio, show) for ratio in ratios))
    parts.append(f"Load of the machine: {before:.1f} before, {after:.1f} after.")
    return "\n\n".join(parts)


def as_json(measurements: Sequence[Measurement]) -> dict[str, Any]:
    """Everything measured, with the machine and the versions it was measured on."""
    return {
        "machine": machine(),
        "versions": versions(),
        "workloads": {
            measurement.workload.name: {
                "unit": measurement.workload.unit,
                "load": measurement.load,
                "measured": {name: asdict(timing) for name, timing in measurement.timings.items()},
                "limits": [
                    {**asdict(ratio), "holds": ratio.holds} for ratio in measurement.ratios()
                ],
                "absent": dict(measurement.absent),
            }
            for measurement in measurements
        },
    }


def sentence(ratio: Ratio, show: Callable[[float], str]) -> str:
    """A limit as a line of a list: what was measured against which peers, and whether it holds."""
    verdict = "holds" if ratio.holds else "MISSED"
    what, number = ratio.contender, show
    if ratio.against is not None:
        what, number = f"{ratio.contender} / {ratio.against}", "{:.3g}".format
    measured, best = spread(ratio.measured, number), number(ratio.best)
    at_most = number(ratio.limit.at_most)
    return f"- {what}: {measured}, best {best}, at most {at_most}: {verdict}"


def quantity(unit: str) -> Callable[[float], str]:
    """How a measured number of a unit is shown."""
    return {"s": seconds, "cpu s": seconds, "B": mebibytes, "x": "{:.3g}".format}[unit]


def seconds(value: float) -> str:
    """A time with three digits and a unit that suits it.

    >>> seconds(2.5), seconds(0.0241), seconds(3.21e-6), seconds(1.7e-8)
    ('2.5 s', '24.1 ms', '3.21 us', '17 ns')
    """
    for scale, name in ((1.0, "s"), (1e-3, "ms"), (1e-6, "us")):
        if value >= scale:
            return f"{value / scale:.3g} {name}"
    return f"{value * 1e9:.3g} ns"


def mebibytes(value: float) -> str:
    """A number of bytes.

    >>> mebibytes(3 * 2**20)
    '3 MiB'
    """
    return f"{value / 2**20:.3g} MiB"


def spread(value: Spread, show: Callable[[float], str]) -> str:
    """A median with its quartiles."""
    return f"{show(value.median)} [{show(value.low)}, {show(value.high)}]"


def markdown(rows: Sequence[Sequence[str]]) -> str:
    """A table whose columns line up in plain text too."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = [
        "| " + " | ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) + " |"
        for row in rows
    ]
    rule = "|" + "|".join("-" * (width + 2) for width in widths) + "|"
    return "\n".join([lines[0], rule, *lines[1:]])
