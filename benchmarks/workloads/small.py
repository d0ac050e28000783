"""``small``: the latency of a gradient where there is next to nothing to compute."""

from __future__ import annotations

from benchmarks.peers import PEERS, with_peers
from benchmarks.workload import Limit, Workload
from benchmarks.workloads.curve import problem

__all__ = ["workload"]

ROWS = 500

workload = Workload(
    name="small",
    title=f"Value and gradient of `curve` at {ROWS} rows.",
    contenders=with_peers(problem(ROWS), units=200),
    limits=(Limit("llvm", 0.3, PEERS),),
    check=problem(ROWS).check,
)
