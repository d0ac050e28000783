"""``python -m benchmarks.mathematics``: the tables of ``docs/accuracy.md``."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

import numpy as np

from benchmarks.machine import machine, versions
from benchmarks.mathematics.cases import CASES
from benchmarks.mathematics.measure import timed, worst
from benchmarks.mathematics.native import compiled
from optserve.backends.llvm.mathematics import FUNCTIONS

__all__ = ["main"]

DTYPES = ("float64", "float32")
BOUNDS = {
    "arccos": (-1.0, 1.0),
    "arcsin": (-1.0, 1.0),
    "digamma": (0.1, 30.0),
    "gammaln": (0.1, 30.0),
    "log": (0.01, 100.0),
    "log1p": (-0.9, 10.0),
    "power": (0.1, 3.0),
}
"""Where a function is timed, if not from -5 to 5."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the tables; 1 where an error is beyond its limit."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.mathematics", description=__doc__)
    parser.add_argument("functions", nargs="*", metavar="FUNCTION", help="all, if none is named")
    parser.add_argument("--points", type=int, default=1_000_000, help="arguments of each function")
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args(arguments)
    described = [f"{name} {value}" for name, value in {**machine(), **versions()}.items()]
    print(", ".join(described), end="\n\n")
    functions = compiled(DTYPES, tuple(given.functions or FUNCTIONS))

    print("| function | | limit | float64 | float32 |\n|---|---|---|---|---|")
    holds = True
    for case in CASES:
        if (case.function, DTYPES[0]) not in functions:
            continue
        found = [
            worst(case, functions[case.function, dtype], given.points, given.seed)
            for dtype in DTYPES
        ]
        holds = holds and all(entry.error <= case.limit for entry in found)
        row = [case.function, case.note, f"{case.limit:g}", *(f"{e.error:.2f}" for e in found)]
        print(f"| {' | '.join(row)} |", flush=True)

    print("\n| function | float64 | NumPy | ratio | float32 | NumPy | ratio |")
    print("|---|---|---|---|---|---|---|")
    for name in sorted({name for name, _ in functions}):
        row = [name]
        for dtype in DTYPES:
            native, numpy = timed(functions[name, dtype], *BOUNDS.get(name, (-5.0, 5.0)))
            row += [f"{native:.2f}", f"{numpy:.2f}", f"{numpy / native:.1f}"]
        print(f"| {' | '.join(row)} |", flush=True)
    return 0 if holds else 1


if __name__ == "__main__":
    np.seterr(all="ignore")
    sys.exit(main())
