"""What jobs cost on the workers of a cluster: ``python -m benchmarks.scaling [SMALL LARGE]``.

Two batches of small fits run on two Dask workers of this machine. What the larger one takes more, a
job, is what a job costs the process that began the batch, in which Dask's scheduler runs as well:
one after another, however many workers there are. What it costs a worker is measured in one fork
server alone. All is processor time, since wall time would tell of other work on the machine.
"""

from __future__ import annotations

import resource
import subprocess
import sys
import tempfile
from pathlib import Path
from random import Random

from benchmarks.batches import config, descents
from optserve.batch.executor import ordered
from optserve.batch.fork_server import ForkServer
from optserve.batch.job import BatchOptions, Job
from optserve.config.written import read_config

__all__ = ["began", "worker"]

TIMED = """
import resource, sys
from optserve.cli import main
try:
    main()
finally:
    used = resource.getrusage(resource.RUSAGE_SELF)
    sys.stderr.write(f"\\nused {used.ru_utime + used.ru_stime}")
"""


def began(configs: Path, out: Path, *options: str) -> float:
    """Processor seconds of the process that begins a batch, without those that it begins."""
    command = [sys.executable, "-c", TIMED, "batch", str(configs), "--quiet", "--out", str(out)]
    done = subprocess.run([*command, *options], check=True, capture_output=True, text=True)
    return float(done.stderr.rpartition("used ")[2])


def worker(configs: Path) -> float:
    """Processor seconds of a fork server that runs all of ``configs``, and of the jobs in it."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    server = ForkServer()
    for number, file in enumerate(sorted(configs.iterdir())):
        order = ordered(number, Job(file.stem, read_config(file)), BatchOptions(), {})
        reply = server.reply(order.content)
        assert reply is not None
        assert reply.files
    server.finish()
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return sum(after[:2]) - sum(before[:2])


def main(small: int, large: int) -> None:
    """Print the constants, and what so many workers would give by them."""
    with tempfile.TemporaryDirectory() as name:
        folders = [Path(name, str(count)) for count in (small, large)]
        for folder, count in zip(folders, (small, large), strict=True):
            random = Random(count)
            folder.mkdir()
            for number in range(count):
                (folder / f"j{number:05d}.yaml").write_text(config(random))
        more = large - small
        options = ("--on", "dask", "--jobs", "2")
        local = [began(one, one.with_suffix(".local"), "--jobs", "2") for one in folders]
        dask = [began(one, one.with_suffix(".dask"), *options) for one in folders]
        there = [worker(one) for one in folders]
        alone = [descents(one) for one in folders]
    serial, here, work, fits = ((pair[1] - pair[0]) / more for pair in (dask, local, there, alone))
    beside = work - fits
    print("milliseconds of processor time a job")
    print(f"  where the batch began, on dask     {serial * 1e3:8.1f}")
    print(f"  where the batch began, on local    {here * 1e3:8.1f}")
    print(f"  of a worker, beside the descent    {beside * 1e3:8.1f}")
    print(f"  the descent                        {fits * 1e3:8.1f}")
    print(f"seconds to begin on dask             {dask[0] - small * serial:8.1f}")
    print("jobs a second by these, with so many workers, of descents of so many seconds")
    print("  workers" + "".join(f"{seconds:>10.2g} s" for seconds in (fits, 1, 10, 60)))
    for workers in (2, 10, 100):
        rates = [min(1 / serial, workers / (one + beside)) for one in (fits, 1, 10, 60)]
        print(f"  {workers:7d}" + "".join(f"{rate:12.2f}" for rate in rates))


if __name__ == "__main__":
    main(*(map(int, sys.argv[1:]) if len(sys.argv) > 2 else (50, 250)))
