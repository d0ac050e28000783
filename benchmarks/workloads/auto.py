"""``auto``: how much longer a job takes on the backend that is chosen than on the best one.

``python -m benchmarks.workloads.auto`` prints, for each job and backend, the predicted and the
measured seconds until the first step and for each further one. The constants in
``optserve/backends/cost.py`` were found by bringing those columns together: first the setup, then
the entries, bytes and terms of the large jobs, at last the calls of the small ones.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path

import numpy as np

from benchmarks import problem as problems
from benchmarks.workload import Contender, Limit, Work, Workload
from benchmarks.workloads import curve, embedding, gemm, gmm, logistic, mlp, rosenbrock, scan
from optserve.backends.backend_choice import choose
from optserve.backends.cost import Demand, Estimate
from optserve.graph.aval import Array
from optserve.jobs.demand import demand_of_job
from optserve.jobs.packing import Packing
from optserve.jobs.parameters import JobParameter
from optserve.jobs.problem import BatchPlan, Objective, Problem, StoppingRule
from optserve.jobs.run import run
from optserve.optimizers import adam

__all__ = ["JOBS", "Job", "job", "workload"]

ROOT = Path(__file__).resolve().parents[2]
BACKENDS = ("numpy", "llvm")


@dataclass(frozen=True)
class Job:
    """What is minimized, for which numbers of steps, over batches of how many rows, if any."""

    make: Callable[[], problems.Problem]
    steps: tuple[int, ...]
    batch: int | None = None


def _mlp(count: int) -> problems.Problem:
    """The network of ``mlp``, with the rows of its first ``count`` batches."""
    return problems.Problem(
        mlp.loss,
        mlp.parameters,
        lambda: [np.concatenate(batches[:count]) for batches in mlp.batches()],
        precision="float32",
    )


def _rosenbrock() -> problems.Problem:
    return problems.Problem(
        lambda xp, x, y: rosenbrock.loss(x, y),
        lambda: [np.array(value) for value in rosenbrock.START],
        list,
        rows=False,
    )


JOBS: dict[str, Job] = {
    "curve": Job(partial(curve.problem, 1_000_000), (1, 30, 300)),
    "curve, 10,000 rows": Job(partial(curve.problem, 10_000), (100, 3_000)),
    "curve, 500 rows": Job(partial(curve.problem, 500), (100, 10_000)),
    "curve, batches": Job(partial(curve.problem, 10_000), (100, 20_000), 100),
    "logistic": Job(partial(logistic.problem, 200_000), (1, 30, 300)),
    "gmm": Job(partial(gmm.problem, gmm.COPIES), (1, 10, 30)),
    "embedding": Job(partial(embedding.problem, 100_000, 1_000_000), (1, 30)),
    "gemm": Job(partial(gemm.problem, gemm.SIZE), (1, 10)),
    "mlp": Job(partial(_mlp, 1), (100, 3_000)),
    "mlp, batches": Job(partial(_mlp, mlp.STEPS), (mlp.STEPS, 100 * mlp.STEPS), mlp.BATCH),
    "scan": Job(lambda: scan.problem, (1, 30)),
    "rosenbrock": Job(_rosenbrock, (1_000, 100_000)),
}


def job(name: str, steps: int, backend: str) -> Problem:
    """A job of so many steps, so small that none of them goes wrong."""
    wanted = JOBS[name]
    own = wanted.make()
    graph = own.objective_graph()
    count = len(own.parameters())
    return Problem(
        name="auto",
        parameters=tuple(
            _parameter(f"p{index}", value) for index, value in enumerate(own.parameters())
        ),
        objective=Objective(
            "loss", graph, {f"d{i}": x for i, x in enumerate(own.arguments[count:])}
        ),
        optimizer=adam(1e-6),
        stop=StoppingRule(steps=steps, gradient=0),
        precision="float32" if own.precision == "float32" else "float64",
        backend=backend,
        minibatch=None if wanted.batch is None else BatchPlan(wanted.batch),
    )


def _parameter(name: str, init: Array) -> JobParameter:
    infinite = np.full(init.shape, np.inf, init.dtype)
    return JobParameter(name, init, -infinite, infinite, np.zeros(init.shape, bool))


def alone(name: str, steps: int, backend: str) -> float:
    """Seconds that the job takes in a process of its own that has compiled nothing before."""
    with tempfile.TemporaryDirectory() as folder:
        completed = subprocess.run(
            [sys.executable, "-m", "benchmarks.workloads.auto", name, str(steps), backend],
            cwd=ROOT,
            env={**os.environ, "OPTSERVE_CACHE_DIR": folder},
            capture_output=True,
            text=True,
            check=True,
        )
    return float(json.loads(completed.stdout))


@cache
def measured(name: str, steps: int) -> dict[str, list[float]]:
    """Seconds on each backend, run by run."""
    return {backend: [] for backend in BACKENDS}


def slower(name: str, steps: int) -> Work:
    """Runs that give the seconds on the chosen backend over those on the best; best of all runs."""
    problem = job(name, steps, "auto")
    chosen = choose("auto", demand=_demand(problem)).backend.name

    def work() -> float:
        seconds = measured(name, steps)
        for backend in BACKENDS:
            seconds[backend].append(alone(name, steps, backend))
        best = {backend: min(found) for backend, found in seconds.items()}
        return best[chosen] / min(best.values())

    return work


def _demand(problem: Problem) -> Demand:
    return demand_of_job(problem, Packing(problem.parameters, np.dtype(problem.precision)))


def comparison() -> Iterator[str]:
    """For each job and backend what was predicted and what was measured."""
    yield f"{'job':20} {'steps':>7} {'backend':7} {'predicted':>10} {'measured':>10}  ratio"
    for name, wanted in JOBS.items():
        for steps in wanted.steps:
            demand = _demand(job(name, steps, "auto"))
            choice = choose("auto", demand=demand)
            for estimate in choice.estimates:
                yield _line(name, steps, estimate, estimate.backend == choice.backend.name)


def _line(name: str, steps: int, estimate: Estimate, chosen: bool) -> str:
    seconds = alone(name, steps, estimate.backend)
    return (
        f"{name:20} {steps:7,} {estimate.backend:7} {estimate.seconds:8.4f} s {seconds:8.4f} s "
        f"{estimate.seconds / seconds:6.2f}{'  chosen' if chosen else ''}"
    )


def main(arguments: Sequence[str]) -> None:
    """One job in this process, or the comparison."""
    if not arguments:
        for line in comparison():
            print(line, flush=True)
        return
    name, steps, backend = arguments
    problem = job(name, int(steps), backend)
    start = time.perf_counter()
    run(problem)
    print(json.dumps(time.perf_counter() - start))


workload = Workload(
    name="auto",
    title="Seconds on the backend that `auto` chooses over those on the best one.",
    contenders=tuple(
        Contender(f"{name}, {count:,} steps", partial(slower, name, count))
        for name, wanted in JOBS.items()
        for count in wanted.steps
    ),
    limits=tuple(
        Limit(f"{name}, {count:,} steps", 1.3)
        for name, wanted in JOBS.items()
        for count in wanted.steps
    ),
    runs=1,
    unit="x",
)

if __name__ == "__main__":
    main(sys.argv[1:])
