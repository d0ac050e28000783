"""The scoreboard: `python -m tests.reference nist mgh --ways default lbfgs --json FILE`.

Each published problem is run in each way, from each start, and judged; so is SciPy.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from optserve.graph.aval import Array
from tests.reference.judged import CRASH, FAILED, HONEST, OTHER, RIGHT, WRONG, attempt
from tests.reference.peers import PEERS, peer_ends
from tests.reference.published import Published, more_garbow_hillstrom, nist

FACTORS = (1, 10, 100)
WORDS = (RIGHT, OTHER, WRONG, HONEST, FAILED, CRASH)


def starts(published: Published) -> Iterator[tuple[str, Array]]:
    """The starts that a problem is judged from, by name."""
    if published.certified:
        for name in ("start1", "start2"):
            yield name, np.array(published.certified[name], float)
    else:
        for factor in FACTORS:
            yield f"x{factor}", factor * published.start


def main() -> None:
    """Print the table, and each end that is not right."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("sets", nargs="*", default=["nist", "mgh"])
    parser.add_argument("--ways", nargs="*", default=["default", "lbfgs", "loss"])
    parser.add_argument("--only", nargs="*", default=[])
    parser.add_argument("--json", type=Path)
    given = parser.parse_args()
    ends: list[dict[str, Any]] = []
    for name in given.sets:
        problems = nist() if name == "nist" else more_garbow_hillstrom()
        for published in problems.values():
            if given.only and published.name not in given.only:
                continue
            for start, point in starts(published):
                for way in given.ways:
                    began = time.perf_counter()
                    ends_of = peer_ends if way in PEERS else attempt
                    worth, why = ends_of(published, way, point)
                    seconds = time.perf_counter() - began
                    end = {"set": name, "problem": published.name, "start": start, "way": way}
                    ends.append({**end, "worth": worth, "why": why, "seconds": round(seconds, 2)})
                    if worth != RIGHT and way not in PEERS:
                        sys.stdout.write(f"{worth:28} {published.name} {start} {way}: {why}\n")
                        sys.stdout.flush()
    sys.stdout.write(table(ends))
    if given.json:
        given.json.write_text(json.dumps(ends, indent=1))


def table(ends: list[dict[str, Any]]) -> str:
    """How often each way ends how, a line for each set, way and start."""
    kinds = sorted({(end["set"], end["start"], end["way"]) for end in ends})
    lines = [f"{'':30}" + "".join(f"{word.split(',')[0]:>16}" for word in WORDS) + "   seconds"]
    for kind in kinds:
        of = [end for end in ends if (end["set"], end["start"], end["way"]) == kind]
        counts = Counter(end["worth"] for end in of)
        seconds = sum(end["seconds"] for end in of)
        numbers = "".join(f"{counts[word] or '':>16}" for word in WORDS)
        lines.append(f"{' '.join(kind):30}{numbers}{seconds:10.1f}")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()
