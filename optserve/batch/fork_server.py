"""``ForkServer``: a process without threads beside one with many, which forks and supervises jobs.

``python -m optserve.batch.fork_server PARENT [FOLDER]`` reads orders from its input and writes
replies. It ends with its input, with the thread that began it, and when it was asked for nothing
for a minute.
"""

from __future__ import annotations

import os
import pickle
import select
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from optserve.batch.parcel import Parcel, Reply
from optserve.batch.pool import Done, Pool, Task
from optserve.batch.process import end_with
from optserve.batch.result_key import installed
from optserve.batch.serving import Do, JobVerdict, Send, ask, hear
from optserve.batch.worker import running, warm_up
from optserve.jobs.interruption import Interruption

__all__ = ["ForkServer", "fork_server"]

IDLE = 60.0
"""Seconds after which a fork server ends that is asked for nothing."""

_OF_THREAD = threading.local()


def fork_server(folder: Path | None = None) -> ForkServer:
    """The fork server of this thread."""
    found: ForkServer | None = getattr(_OF_THREAD, "server", None)
    if found is None or found.folder != folder or found.process.poll() is not None:
        found = _OF_THREAD.server = ForkServer(folder)
    return found


class ForkServer:
    """A fork server that has begun; what it is asked for leaves nothing in ``folder``."""

    def __init__(self, folder: Path | None = None) -> None:
        self.folder = folder
        command = [sys.executable, "-m", "optserve.batch.fork_server", str(os.getpid())]
        names = ("OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "OMP_NUM_THREADS")
        self.process = subprocess.Popen(
            [*command, *([str(folder)] if folder else [])],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={**os.environ, **dict.fromkeys(names, "1")},
            start_new_session=True,
        )

    def reply(self, parcel: bytes) -> Reply | None:
        """The reply to a pickled ``Parcel``; ``None`` where the fork server ends without one."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        try:
            ask(self.process.stdin.fileno(), parcel)
            content = hear(self.process.stdout.fileno())
        except OSError:
            content = b""
        if not content:
            self.close()
            return None
        reply: Reply = pickle.loads(content)
        return reply

    def finish(self) -> None:
        """Ask it for nothing more, and wait until it has ended."""
        self.process.communicate()

    def close(self) -> None:
        """End it, and what it has begun."""
        with suppress(OSError):
            os.killpg(self.process.pid, 9)
        with self.process:
            self.process.kill()


@dataclass
class _Jobs:
    """What the processes of a fork server do: the jobs that come, one after another."""

    folder: Path

    def do(self) -> Do:
        """What runs the job of a parcel, and leaves its files in the folder of its number."""

        def do(request: bytes, send: Send, new: bool) -> JobVerdict:
            parcel: Parcel = pickle.loads(request)
            folders = {parcel.job.id: self.folder / str(parcel.number)}
            work = running([parcel.job], parcel.options, folders, parcel.digests)
            return work(b"0", send, new)

        return do

    def reply(self, done: Done[int]) -> Reply:
        """How the job ended, with what it left, of which nothing stays."""
        folder = self.folder / str(done.of)
        files = {}
        for path in sorted(folder.rglob("*")) if folder.is_dir() else ():
            if path.is_file():
                files[path.relative_to(folder).as_posix()] = path.read_bytes()
                path.unlink()
        return Reply(done.of, done, files)


def main(parent: int, folder: str | None) -> None:
    """Answer parcels until there are no more."""
    end_with(parent)
    answers = os.dup(1)
    os.dup2(2, 1)  # whatever is printed is no answer
    parcels = _parcels()
    waiting = next(parcels, None)
    if waiting is None:
        return
    with tempfile.TemporaryDirectory(dir=folder) as room, Interruption() as interruption:
        warm_up()
        installed()
        jobs = _Jobs(Path(room))

        def tasks(parcel: Parcel | None) -> Iterator[Task[int]]:
            """This and others for which the same holds; the first of another kind is left."""
            nonlocal waiting
            waiting = None
            while parcel is not None and _limits(parcel) == limits:
                yield Task(parcel.number, pickle.dumps(parcel, protocol=5))
                parcel = next(parcels, None)
            waiting = parcel

        while waiting is not None:
            timeout, memory, home = limits = _limits(waiting)
            with suppress(OSError):  # then its files are not there, which is told by their names
                os.chdir(home)
            pool = Pool(1, interruption, jobs.do(), timeout=timeout, memory=memory)
            for done in pool.run(tasks(waiting)):
                ask(answers, pickle.dumps(jobs.reply(done), protocol=5))


def _limits(parcel: Parcel) -> tuple[float | None, int | None, str]:
    """What holds for all that one pool does."""
    return parcel.options.timeout, parcel.options.memory, parcel.home


def _parcels() -> Iterator[Parcel]:
    """Those that come, until there is none for a while."""
    with os.fdopen(os.dup(0), "rb", buffering=0) as asked:
        while select.select([asked], [], [], IDLE)[0]:
            content = hear(asked.fileno())
            if not content:
                return
            yield pickle.loads(content)


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2] if len(sys.argv) > 2 else None)
