"""``python -m benchmarks.coverage [MODEL ...]``: count over data sets, and print the table.

Needs lmfit, iminuit and statsmodels. The exit code is 1 where a count is not that of the peer, or
where intervals by the profile miss their level by more than four of its binomial errors.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path

from benchmarks.coverage.measure import Counted, counted, data_set, peers_of
from benchmarks.coverage.models import MODELS
from benchmarks.coverage.table import wrong

__all__ = ["FOUND", "PEERS", "main"]

FOUND = Path(__file__).with_name("found.json")
"""The counts that docs/uncertainty.md shows."""

PEERS = Path(__file__).with_name("peers.json")
"""The peers' intervals of the first data sets, for a test that has no peers at hand."""

KEPT = 3
"""Data sets of each model of which they are kept; of the first by the profile too."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Count the named models, or all; ``--write`` keeps what was counted for the docs."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.coverage", description=__doc__)
    parser.add_argument("models", nargs="*", metavar="MODEL", help=", ".join(MODELS))
    parser.add_argument("--sets", type=int, default=1000, help="data sets of each model")
    parser.add_argument("--profiles", type=int, default=300, help="of which have profiles")
    told = f"keep the counts in {FOUND.name}, and the peers' first intervals in {PEERS.name}"
    parser.add_argument("--write", action="store_true", help=told)
    given = parser.parse_args(arguments)
    unknown = [name for name in given.models if name not in MODELS]
    if unknown:
        parser.error(f"no model {', '.join(unknown)}; there are {', '.join(MODELS)}")
    bad = []
    for name in given.models or MODELS:
        made = counted(name, given.sets, given.profiles)
        for one in made:
            print(_line(one), flush=True)
        bad += wrong(made)
        if given.write:
            _keep(FOUND, name, [asdict(one) for one in made])
            _keep(PEERS, name, [_peers(name, number) for number in range(KEPT)])
    for line in bad:
        print(f"fails: {line}", file=sys.stderr)
    return int(bool(bad))


def _line(one: Counted) -> str:
    told = f"{one.model:<18} {one.parameter:<10} {one.kind:<7} {one.sets:>5} sets, in the interval "
    told += f"{one.ours:>5}, of the peer {one.theirs:>5}, ends apart by {one.apart:.1e}"
    return f"{told}; without a fit {one.failed}, of the peer {one.peer_failed}"


def _peers(name: str, number: int) -> list[Mapping[str, tuple[float, float]]] | None:
    model = MODELS[name]
    found = peers_of(model, data_set(model, number), profiles=number == 0)
    return None if found is None else [*found]


def _keep(file: Path, name: str, made: object) -> None:
    """Write what was found of a model into a file of all."""
    kept = json.loads(file.read_text("utf-8")) if file.exists() else {}
    kept[name] = made
    ordered = {one: kept[one] for one in MODELS if one in kept}
    lines = [f"{json.dumps(one)}: {json.dumps(value)}" for one, value in ordered.items()]
    file.write_text("{\n" + ",\n".join(lines) + "\n}\n", encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
