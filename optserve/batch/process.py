"""``Process``: a fork of this one that does one thing, and costs nobody else anything.

POSIX only. The parent has no threads, so that a fork finds no lock held; it has imported all that
jobs need, so that a fork begins at once.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from time import perf_counter, sleep
from typing import IO, Any, NoReturn

from optserve.batch.traces import private_memory

__all__ = ["Message", "Process", "Work", "end_with"]

Message = dict[str, Any]
"""What a process tells its parent: anything that JSON holds."""

Work = Callable[[Callable[[Message], None]], None]
"""What a process does; it is given what sends a message."""

SIGNALS = frozenset({signal.SIGINT, signal.SIGTERM, *filter(None, [getattr(signal, "SIGHUP", 0)])})

TAIL = 4000
"""Bytes of the end of what a process printed that are kept."""

CHUNK = 1 << 16


class Process:
    """A process of a group of its own: killing it kills what it started.

    ``is_silent`` once it can tell nothing more, ``printed`` is known when it has been closed.

    ``memory`` is how many bytes it may take beside what it begins with; what is asked for beyond
    fails in it, as ``MemoryError`` where Python asks. ``closing`` are file descriptors of the
    parent that it has no use for.

    >>> process = Process(lambda send: send({"answer": 6 * 7}))
    >>> [*process.wait()], process.status
    ([{'answer': 42}], 0)
    """

    def __init__(
        self, work: Work, *, memory: int | None = None, closing: Iterable[int] = ()
    ) -> None:
        self.began = perf_counter()
        self.ended: float | None = None
        self.status: int | None = None
        self.printed = ""
        self.is_silent = False
        self.pipe, write = os.pipe()
        self.output: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115 - `close` does
        self._left = b""
        for stream in (sys.stdout, sys.stderr):
            with contextlib.suppress(OSError, ValueError, AttributeError):
                stream.flush()
        # Between the fork and its own handlers the new process must not hear with those of this.
        before, parent = signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS), os.getpid()
        try:
            self.pid = os.fork()
            if self.pid == 0:
                _become(work, write, self.output.fileno(), [self.pipe, *closing], memory, parent)
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)
        os.close(write)
        os.set_blocking(self.pipe, False)
        with contextlib.suppress(OSError):  # it did so itself, or is gone
            os.setpgid(self.pid, self.pid)
        opened = getattr(os, "pidfd_open", None)
        self.descriptor: int | None = None
        with contextlib.suppress(OSError):
            self.descriptor = opened(self.pid) if opened else None

    def messages(self) -> Iterator[Message]:
        """Those that came since this was asked."""
        while True:
            try:
                read = os.read(self.pipe, CHUNK)
            except BlockingIOError:
                return
            if not read:
                self.is_silent = True
                return
            *lines, self._left = (self._left + read).split(b"\n")
            for line in lines:
                with contextlib.suppress(ValueError):  # not ours
                    yield json.loads(line)

    def has_ended(self) -> bool:
        """Whether it ended; then what it started and left is killed, and ``status`` is known:
        the exit code, or minus the number of the signal that killed it."""
        if self.status is None:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if not pid:
                return False
            self.status, self.ended = os.waitstatus_to_exitcode(status), perf_counter()
            self.kill()  # what is left of its group
        return True

    def wait(self) -> Iterator[Message]:
        """Its messages until it has ended; for where there is nothing else to do."""
        while not self.has_ended():
            yield from self.messages()
            sleep(0.001)
        yield from self.close()

    def signal(self, number: int) -> None:
        """Send a signal to it, and to nothing that it started."""
        if self.status is None:
            os.kill(self.pid, number)

    def kill(self) -> None:
        """End it, and all that it started."""
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, signal.SIGKILL)

    def close(self) -> list[Message]:
        """The last messages, once it has ended; ``printed`` is the end of what it has printed."""
        last = [*self.messages()]
        with self.output as output:
            output.seek(max(0, output.seek(0, os.SEEK_END) - TAIL))
            self.printed = output.read().decode(errors="replace").strip()
        os.close(self.pipe)
        if self.descriptor is not None:
            os.close(self.descriptor)
        return last


def _become(
    work: Work,
    write: int,
    output: int,
    closing: Iterable[int],
    memory: int | None,
    parent: int,
) -> NoReturn:
    """In the new process: do the work, and end without a way back into what the parent did."""
    code = 1
    try:
        os.setpgid(0, 0)
        end_with(parent)
        for number in SIGNALS:
            signal.signal(number, signal.SIG_DFL)
        for descriptor in closing:
            with contextlib.suppress(OSError):
                os.close(descriptor)
        _redirect(output)
        _limit(memory)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, SIGNALS)

        def send(message: Message) -> None:
            left = memoryview(json.dumps(message).encode() + b"\n")
            while left:
                left = left[os.write(write, left) :]

        work(send)
        code = 0
    except BaseException:
        import traceback

        with contextlib.suppress(Exception):
            traceback.print_exc()
    finally:
        with contextlib.suppress(Exception):
            sys.stdout.flush()
        os._exit(code)


def _redirect(output: int) -> None:
    """Read from nowhere, print to ``output``, also from compiled code, and where it crashed."""
    import faulthandler

    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.dup2(output, 1)
    os.dup2(output, 2)
    os.close(nothing)
    sys.stdout = sys.stderr = os.fdopen(
        1, "w", buffering=1, encoding="utf-8", errors="backslashreplace", closefd=False
    )
    faulthandler.enable(2)


def _limit(memory: int | None) -> None:
    import resource

    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if memory is not None:
        most = private_memory() + memory
        resource.setrlimit(resource.RLIMIT_DATA, (most, most))
    # Where all memory of the machine runs out, it is this that the system ends, not the parent.
    with contextlib.suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text("500")


def end_with(parent: int) -> None:
    """Be killed when the parent is, where the system does so."""
    if sys.platform == "linux":
        import ctypes

        ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG
        if os.getppid() != parent:  # it was so before that was asked for
            os._exit(1)
