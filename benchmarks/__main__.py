"""``python -m benchmarks [WORKLOAD ...]``: measure, print the tables, write them as JSON."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path

from benchmarks.machine import machine, versions
from benchmarks.measure import measure
from benchmarks.report import as_json, as_text
from benchmarks.workloads import NAMES, load

__all__ = ["main"]


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure the named workloads, or all; 1 where a limit is missed."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("workloads", nargs="*", metavar="WORKLOAD", help=", ".join(NAMES))
    parser.add_argument("--runs", type=int, help="rounds of each workload")
    parser.add_argument("--json", type=Path, help="write everything measured to this file")
    given = parser.parse_args(arguments)
    unknown = [name for name in given.workloads if name not in NAMES]
    if unknown:
        parser.error(f"no workload {', '.join(unknown)}; there are {', '.join(NAMES)}")

    described = [f"{name} {value}" for name, value in {**machine(), **versions()}.items()]
    print(", ".join(described), end="\n\n")
    measurements = []
    for name in given.workloads or NAMES:
        measurements.append(measure(load(name), given.runs))
        print(as_text(measurements[-1]), end="\n\n", flush=True)
    if given.json is not None:
        given.json.write_text(json.dumps(as_json(measurements), indent=1) + "\n", encoding="utf-8")
    ratios = [ratio for measurement in measurements for ratio in measurement.ratios()]
    return 0 if all(ratio.holds for ratio in ratios) else 1


if __name__ == "__main__":
    sys.exit(main())
