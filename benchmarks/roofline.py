"""``python -m benchmarks.roofline [--write]``: how near the workloads come to what the machine can.

Measures the bandwidth of memory and the peak of fused multiply-adds by native code of its own, then
the gradients of the workloads, and prints a page; with ``--write`` into docs/roofline.md.
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from benchmarks.ceiling import ROUNDS, best, ceiling
from benchmarks.machine import machine, versions
from benchmarks.peers import COMPILE
from benchmarks.problem import Problem
from benchmarks.workloads import curve, gmm, logistic, mlp
from optserve.graph.dim import Dim
from optserve.graph.graph import Equation, Graph
from optserve.primitives.map_reduce import map_reduce
from optserve.transforms.finite_sum import finite_sum

__all__ = ["Work", "page", "work_of"]

PAGE = Path(__file__).resolve().parents[1] / "docs" / "roofline.md"
FLOPS = {
    "exp": 28, "log": 32, "log1p": 40, "tanh": 40, "logaddexp": 74, "sigmoid": 34, "divide": 1,
    "logsumexp": 30, "reshape": 0, "broadcast_to": 0, "transpose": 0, "slice": 0, "take": 0,
    "concatenate": 0, "stack": 0, "scatter_add": 1, "mulz": 1, "cast": 0, "arange": 0,
}  # fmt: skip
"""Operations an entry: of functions those of their polynomials, else 1."""

PROBLEMS: dict[str, Callable[[], Problem]] = {
    "curve": lambda: curve.problem(curve.ROWS),
    "logistic": lambda: logistic.problem(logistic.ROWS),
    "gmm": lambda: gmm.problem(gmm.COPIES),
    "mlp": lambda: Problem(
        mlp.loss, mlp.parameters, lambda: [one[0] for one in mlp.batches()], precision="float32"
    ),
}


@dataclass(frozen=True)
class Work:
    """What a gradient takes for one row: bytes of data read and floating-point operations."""

    bytes: int
    flops: int


def work_of(graph: Graph) -> Work:
    """Bytes and operations a row, over all passes.

    >>> work_of(curve.problem(100).gradient_graph()).bytes
    16
    """
    read = flops = 0
    for equation in finite_sum(graph).equations:
        if equation.primitive is not map_reduce:
            continue
        body: Graph = equation.attributes["body"]
        for variable, axis in zip(body.inputs[1:], equation.attributes["axes"], strict=True):
            if axis is not None:
                read += variable.aval.dtype.itemsize * _entries(variable.aval.shape)
        flops += sum(map(_flops, body.equations))
    return Work(read, flops)


def _entries(shape: Sequence[object]) -> int:
    """Entries of one row."""
    return math.prod(size for size in shape if isinstance(size, int))


def _has_rows(shape: Sequence[object]) -> bool:
    return any(isinstance(size, Dim) for size in shape)


def _flops(equation: Equation) -> int:
    shapes = [atom.aval.shape for atom in equation.operands]
    made = max(_entries(variable.aval.shape) for variable in equation.results)
    name = equation.primitive.name
    if not any(map(_has_rows, shapes)):
        return 0
    if name == "matmul":
        meet = all(map(_has_rows, shapes)) and not _has_rows(equation.results[0].aval.shape)
        left = [size for size in shapes[0] if isinstance(size, int)]
        return 2 * made * (1 if meet else left[-1])
    if name == "einsum":
        labels, _ = equation.attributes["spec"].split("->")
        sizes: dict[str, object] = {}
        for label, shape in zip(labels.split(","), shapes, strict=True):
            sizes.update(zip(label, shape, strict=True))
        return 2 * _entries(list(sizes.values()))
    return FLOPS.get(name, 1) * max(made, *map(_entries, shapes))


def page() -> str:
    """The page: what was measured, and a line for each workload and backend."""
    top = ceiling()
    rows = []
    for name, make in PROBLEMS.items():
        problem = make()
        graph = problem.gradient_graph()
        work = work_of(graph)
        count = len(problem.arguments[-1])
        least = max(work.bytes / top.read, work.flops / top.peak[problem.precision])
        bound = "bytes" if work.bytes / top.read >= least else "operations"
        for backend in COMPILE:
            evaluate = COMPILE[backend](graph, 1)
            taken = best(partial(evaluate, *problem.arguments)) / count
            rows.append(
                f"| {name} | {backend} | {work.bytes} | {work.flops} | "
                f"{work.flops / work.bytes:.2f} | {bound} | {1e9 * least:.2f} | "
                f"{1e9 * taken:.2f} | {100 * least / taken:.0f} % |"
            )
    described = ", ".join(f"{key} {value}" for key, value in {**machine(), **versions()}.items())
    return _TEXT.format(
        read=top.read / 1e9,
        triad=top.triad / 1e9,
        double=top.peak["float64"] / 1e9,
        single=top.peak["float32"] / 1e9,
        ridge=top.peak["float64"] / top.read,
        rows="\n".join(rows),
        machine=described,
        rounds=ROUNDS,
    )


_TEXT = (
    """# How near the machine's limits

A gradient over rows can be no faster than memory delivers the rows, and no faster than the
processor multiplies and adds: the two lines of a roofline (Williams, Waterman and Patterson 2009).
This page is written by `python -m benchmarks.roofline --write`.

On one thread, measured by native code of the benchmark's own:

| what | |
|---|---|
| reading an array that no cache holds | {read:.1f} GB/s |
| triad, a = b + s c, three arrays moved | {triad:.1f} GB/s |
| fused multiply-adds, float64 | {double:.0f} Gflop/s |
| fused multiply-adds, float32 | {single:.0f} Gflop/s |
| operations a byte where the lines meet, float64 | {ridge:.1f} |

A row's bytes are the data that a pass reads, once; its operations are those of the graph after
simplification, a function counting as its polynomial (exp 28, tanh 40), a product two a term.
*Least* is the longer of the times for the two, in ns a row; *reached* is least over measured.
Value and gradient, one thread, best of {rounds} runs.

| workload | backend | bytes | operations | ratio | bound by | least | measured | reached |
|---|---|---|---|---|---|---|---|---|
{rows}

- `curve` and `gmm` are bound by operations. A peak of multiply-adds alone is out of reach for
  polynomials, which also scale, round and select.
- `logistic` is bound by its bytes: 32 columns and a label are read for some 200 operations. Both
  products of a row are taken from the same tile, so that the data is read from memory once.
- `mlp` reads little and multiplies much; its minibatch stays in the cache, and its products are
  those of a BLAS.
- On NumPy each operation reads and writes a tile in a cache, which costs more than the operation.

{machine}
""".replace("{rounds}", str(ROUNDS))
    .replace("{{", "{")
    .replace("}}", "}")
)


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the page, or write it."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.roofline", description=__doc__)
    parser.add_argument("--write", action="store_true", help=f"write {PAGE.name} in docs")
    given = parser.parse_args(arguments)
    text = page()
    if given.write:
        PAGE.write_text(text, encoding="utf-8")
    else:
        print(text)


if __name__ == "__main__":
    main()
