"""``threads``: two threads against one, beside what two processes gain on this machine."""

from __future__ import annotations

from functools import partial

from benchmarks.peers import COMPILE
from benchmarks.runners import Process
from benchmarks.workload import Contender, Lazy, Limit, Work, Workload
from benchmarks.workloads.curve import problem

__all__ = ["workload"]

ROWS = 20_000_000


def by_llvm(rows: int, threads: int) -> Work:
    """All rows in one process; the bits must be those of one thread."""
    own = problem(rows)

    def compiled() -> Work:
        graph = own.gradient_graph()
        evaluate, alone = COMPILE["llvm"](graph, threads), COMPILE["llvm"](graph, 1)
        found, wanted = evaluate(*own.arguments), alone(*own.arguments)
        assert [v.tobytes() for v in found] == [v.tobytes() for v in wanted]
        return lambda: evaluate(*own.arguments)

    return Lazy(compiled)


def by_processes() -> Work:
    """Half of the rows in each of two processes, which know nothing of each other."""
    processes = [Process(workload, HALF) for _ in range(2)]
    for process in processes:
        process.first()

    def work() -> None:
        for process in processes:
            process.ask("run")
        for process in processes:
            process.answer()

    return work


HALF = Contender("llvm, half of the rows", partial(by_llvm, ROWS // 2, 1), threads=1)

workload = Workload(
    name="threads",
    title=f"Value and gradient of `curve` at {ROWS:,} rows, native.",
    contenders=(
        Contender("llvm", partial(by_llvm, ROWS, 1), threads=1),
        Contender("llvm, threaded", partial(by_llvm, ROWS, 2), threads=2),
        HALF,
        Contender("two processes, half of the rows each", by_processes),
    ),
    # At least 0.85 of the gain of processes is at most 1 / 0.85 of their time.
    limits=(Limit("llvm, threaded", 1 / 0.85, ("two processes, half of the rows each",)),),
    runs=9,
)
