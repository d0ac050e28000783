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

    Times are the median and, in brackets, the quartiles of the rounds.
    """
    rows = [("contender", "first run", "then")]
    for name, timing in measurement.timings.items():
        rows.append((name, seconds(timing.first), spread(Spread.of(timing.rounds), seconds)))
    rows += [(name, "not installed", "") for name in measurement.absent]
    workload = measurement.workload
    parts = [f"### {workload.name}", workload.title, markdown(rows)]
    if ratios := measurement.ratios():
        parts.append("\n".join(map(sentence, ratios)))
    return "\n\n".join(parts)


def as_json(measurements: Sequence[Measurement]) -> dict[str, Any]:
    """Everything measured, with the machine and the versions it was measured on."""
    return {
        "machine": machine(),
        "versions": versions(),
        "workloads": {
            measurement.workload.name: {
                "seconds": {name: asdict(timing) for name, timing in measurement.timings.items()},
                "ratios": [
                    {**asdict(ratio.limit), **asdict(ratio.measured), "holds": ratio.holds}
                    for ratio in measurement.ratios()
                ],
                "absent": dict(measurement.absent),
            }
            for measurement in measurements
        },
    }


def sentence(ratio: Ratio) -> str:
    """A limit as a line of a list: what was measured against which peers, and whether it holds."""
    limit = ratio.limit
    peers = " or ".join(limit.against)
    measured = spread(ratio.measured, "{:.2f}".format)
    verdict = "holds" if ratio.holds else "MISSED"
    return f"- {limit.contender} / {peers}: {measured}, at most {limit.ratio:g}: {verdict}"


def seconds(value: float) -> str:
    """A time with three digits and a unit that suits it.

    >>> seconds(2.5), seconds(0.0241), seconds(3.21e-6)
    ('2.5 s', '24.1 ms', '3.21 us')
    """
    if value >= 1.0:
        return f"{value:.3g} s"
    return f"{value * 1e3:.3g} ms" if value >= 1e-3 else f"{value * 1e6:.3g} us"


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
