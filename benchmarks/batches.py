"""What a job of a batch costs beside its descent: ``python -m benchmarks.batches [N]``.

N small fits run as one batch, two at a time, and one after another in one process, all of whose
processor time but for that of ``optserve.run`` is left out. The difference, a job, is what a batch
adds: processes, reading, checking and writing. Wall time would tell of other work on the machine.
"""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from random import Random

from optserve.config import load
from optserve.jobs.run import run

__all__ = ["config", "descents", "measured"]

RUN = (sys.executable, "-c", "from optserve.cli import main; main()", "batch")


def config(random: Random) -> str:
    """A small fit, of one of three kinds."""
    x = [round(random.uniform(0, 5), 3) for _ in range(random.randint(5, 30))]
    y = [round(1 + 0.5 * one + random.gauss(0, 0.1), 4) for one in x]
    data = f"version: 1\ndata: {{inline: {{x: {x}, y: {y}}}}}\n"
    kinds = (
        f"{data}parameters: {{a: 0, b: 1}}\nleast_squares: {{observed: y, predicted: a + b * x}}\n",
        f"{data}parameters: {{a: 1, b: 0.1}}\n"
        "least_squares: {observed: y, predicted: a * exp(b * x)}\n",
        f"version: 1\nparameters: {{u: {random.uniform(-2, 2):.3f}, v: 1.5}}\n"
        "loss: (1 - u)**2 + 100 * (v - u**2)**2\n",
    )
    return random.choice(kinds)


def measured(configs: Path, out: Path, *options: str) -> tuple[float, float, float]:
    """Of the batch of ``configs``: processor seconds, wall seconds, and the sum of the descents."""
    before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    command = [*RUN, str(configs), "--quiet", "--out", str(out), *options]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    wall, after = time.perf_counter() - began, resource.getrusage(resource.RUSAGE_CHILDREN)
    spent = sum(after[:2]) - sum(before[:2])
    jobs = json.loads((out / "batch.json").read_text())["jobs"]
    return spent, wall, sum(job["seconds"] for job in jobs)


def descents(configs: Path) -> float:
    """Processor seconds of the descents of ``configs``, one after another in this process."""
    spent = 0.0
    for file in sorted(configs.iterdir()):
        problem = load(file)
        began = time.process_time()
        run(problem, threads=1)
        spent += time.process_time() - began
    return spent


def main(count: int) -> None:
    """Print the table."""
    random = Random(count)
    with tempfile.TemporaryDirectory() as name:
        configs = Path(name, "configs")
        configs.mkdir()
        for number in range(count):
            (configs / f"j{number:05d}.yaml").write_text(config(random))
        alone = descents(configs)
        spent, wall, seconds = measured(configs, Path(name, "out"), "--jobs", "2")
        alone = (alone + descents(configs)) / 2
    print(f"{count} jobs, 2 at a time: milliseconds a job")
    print(f"  processor time of the batch      {spent / count * 1e3:8.1f}")
    print(f"  of its descents in one process   {alone / count * 1e3:8.1f}")
    print(f"  difference                       {(spent - alone) / count * 1e3:8.1f}")
    print(f"  wall time times 2                {2 * wall / count * 1e3:8.1f}")
    print(f"  of which descents                {seconds / count * 1e3:8.1f}")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 1000)
