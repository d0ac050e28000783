"""``python -m benchmarks.growth [AXIS ...]``: how the time of jobs grows with their sizes.

Each size is a process of its own; its processor time counts, less that of a job of the least size.
A size is the last one where the next would take longer than ``--seconds``.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from benchmarks.growth.axes import AXES
from benchmarks.growth.measure import grown
from benchmarks.machine import machine, versions

__all__ = ["main"]


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure the named axes, or all; 1 where time grows faster than n log n."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.growth", description=__doc__)
    parser.add_argument("axes", nargs="*", metavar="AXIS", help=", ".join(AXES))
    parser.add_argument("--seconds", type=float, default=300.0, help="that one size may take")
    parser.add_argument("--largest", type=int, help="the largest size")
    given = parser.parse_args(arguments)
    unknown = [name for name in given.axes if name not in AXES]
    if unknown:
        parser.error(f"no axis {', '.join(unknown)}; there are {', '.join(AXES)}")
    print(", ".join(f"{name} {value}" for name, value in {**machine(), **versions()}.items()))
    lines = ["axis        up to        seconds  slope  steeper than n log n from"]
    steep = False
    for name in given.axes or AXES:
        found = grown(name, given.seconds, given.largest)
        steep |= found.breaks is not None
        told = "-" if found.breaks is None else f"{found.breaks:,}"
        last = f"{found.sizes[-1]:>11,}  {found.seconds[-1]:>9.2f}  {found.slope:>5.2f}"
        lines.append(f"{name:<10} {last}  {told}")
    print("\n".join(lines))
    return int(steep)


if __name__ == "__main__":
    sys.exit(main())
