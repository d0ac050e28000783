"""``python -m benchmarks.jobs [JOB ...]``: whole jobs beside their peers, as a table and as JSON.

The exit code is 1 where a job takes longer than its limit, or where two answers differ.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path

from benchmarks.jobs import fits, learning, regression, series, vision
from benchmarks.jobs.job import Job, prepared
from benchmarks.machine import machine, versions
from benchmarks.measure import Measurement, Spread, measure
from benchmarks.report import as_json, markdown, seconds, spread

__all__ = ["JOBS", "main"]

JOBS: dict[str, Job] = {
    job.name: job for room in (regression, learning, series, vision, fits) for job in room.JOBS
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the named jobs, or all, in rounds of both contenders; 1 where one takes too long."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.jobs", description=__doc__)
    parser.add_argument("jobs", nargs="*", metavar="JOB", help=", ".join(JOBS))
    parser.add_argument("--rounds", type=int, help="rounds of each job")
    told = "measure the processor time of all threads, where the machine does other work"
    parser.add_argument("--processor", action="store_true", help=told)
    parser.add_argument("--json", type=Path, help="write everything measured to this file")
    given = parser.parse_args(arguments)
    if unknown := [name for name in given.jobs if name not in JOBS]:
        parser.error(f"no job {', '.join(unknown)}; there are {', '.join(JOBS)}")

    print(", ".join(f"{name} {value}" for name, value in {**machine(), **versions()}.items()))
    measurements = []
    for name in given.jobs or JOBS:
        with prepared(JOBS[name], processor=given.processor) as workload:
            measurements.append(measure(workload, given.rounds))
        print(f"{name}: {_told(measurements[-1])}", file=sys.stderr, flush=True)
    print(table(measurements))
    if given.json is not None:
        given.json.write_text(json.dumps(as_json(measurements), indent=1) + "\n", encoding="utf-8")
    return 0 if all(one.holds for made in measurements for one in made.ratios()) else 1


def table(measurements: Sequence[Measurement]) -> str:
    """A row a job: what optserve and the fastest peer took, and how many times as long that is."""
    rows = [("job", "peer", "its time", "optserve", "first time", "times as fast", "what is done")]
    for measured in measurements:
        timings = dict(measured.timings)
        ours = timings.pop("optserve")
        name, title = measured.workload.name, measured.workload.title
        took, first = spread(Spread.of(ours.rounds), seconds), seconds(ours.first)
        if not timings:
            rows.append((name, "not installed", "", took, first, "", title))
            continue
        peer = min(timings, key=lambda label: Spread.of(timings[label].rounds).median)
        theirs = timings[peer].rounds
        faster = [other / mine for mine, other in zip(ours.rounds, theirs, strict=True)]
        times = spread(Spread.of(faster), "{:.2g}".format)
        rows.append((name, peer, spread(Spread.of(theirs), seconds), took, first, times, title))
    return markdown(rows)


def _told(measured: Measurement) -> str:
    """The medians of one job, for somebody who waits."""
    medians = {name: Spread.of(one.rounds).median for name, one in measured.timings.items()}
    return ", ".join(f"{name} {seconds(value)}" for name, value in medians.items())


if __name__ == "__main__":
    sys.exit(main())
