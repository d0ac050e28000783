"""A program that answers lines of JSON by lines of JSON, kept running between them."""

from __future__ import annotations

import json
import os
import selectors
import signal
import subprocess
import threading
import time
import weakref
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

__all__ = ["Failed", "Program"]

CHUNK = 1 << 16
"""Bytes that are read at once."""


class Failed(Exception):
    """The program could not evaluate what it was asked: it says so, ended, or took too long."""


class Program:
    """``argv``, started when it is first asked, and again where it has ended.

    It has ``timeout`` seconds for each answer. What it writes to stderr goes to ours. It reads the
    end of its input where this process ends, in whatever way, and is to end itself then.
    """

    def __init__(self, argv: Sequence[str], timeout: float) -> None:
        self.argv = (*argv,)
        self.timeout = timeout
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._owner = 0
        self._read = bytearray()

    def ask(self, question: object) -> Any:
        """The answer; raises ``Failed``, or ``ValueError`` where it is no JSON, or not one line."""
        with self._lock:
            process = self._running()
            try:
                line = self._answer(process, json.dumps(question).encode() + b"\n")
            except BaseException:
                self._end()
                raise
        try:
            return json.loads(line)
        except ValueError:
            shown = line[:60].decode(errors="replace")
            raise ValueError(f"it answered {shown!r}, which is no JSON") from None

    def _running(self) -> subprocess.Popen[bytes]:
        """The process; another one where it has ended, or belongs to the parent of a fork."""
        if self._owner != os.getpid():
            self._process = None
        if self._process is not None and self._process.poll() is not None:
            self._end()
        if self._process is None:
            self._process = subprocess.Popen(
                self.argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, start_new_session=True
            )
            self._owner, self._read = os.getpid(), bytearray()
            weakref.finalize(self, _killed, self._process, os.getpid())
        return self._process

    def _answer(self, process: subprocess.Popen[bytes], question: bytes) -> bytes:
        """The line that answers a line; both pipes are served at once, so that neither blocks."""
        assert process.stdin is not None
        assert process.stdout is not None
        until, left = time.monotonic() + self.timeout, memoryview(question)
        os.set_blocking(process.stdin.fileno(), False)
        with selectors.DefaultSelector() as pipes:
            pipes.register(process.stdout, selectors.EVENT_READ)
            if pipes.select(0.0):  # its end, or what nobody has asked for
                _hold_to_one(os.read(process.stdout.fileno(), CHUNK))
            pipes.register(process.stdin, selectors.EVENT_WRITE)
            while b"\n" not in self._read[-CHUNK:]:
                ready = pipes.select(max(until - time.monotonic(), 0.0))
                if not ready or time.monotonic() > until:
                    raise Failed(f"no answer within {self.timeout:g} s")
                for key, _ in ready:
                    if key.fileobj is process.stdin:
                        left = left[_written(process.stdin.fileno(), left) :]
                        if not left:
                            pipes.unregister(process.stdin)
                    elif not (more := os.read(process.stdout.fileno(), CHUNK)):
                        raise Failed(_ending(process, until))
                    else:
                        self._read += more
        line, _, beyond = self._read.partition(b"\n")
        self._read.clear()
        _hold_to_one(bytes(beyond))
        return bytes(line)

    def _end(self) -> None:
        if self._process is not None:
            _killed(self._process, self._owner)
        self._process = None


def _hold_to_one(more: bytes) -> None:
    """Raise ``ValueError`` where there is ``more`` than an answer: it would be the next one."""
    if more:
        shown = more[:60].decode(errors="replace")
        raise ValueError(f"it wrote {shown!r} beside an answer, which is to be one line")


def _ending(process: subprocess.Popen[bytes], until: float) -> str:
    """How a process ended that has closed its output."""
    try:
        code = process.wait(max(until - time.monotonic(), 0.0))
    except subprocess.TimeoutExpired:
        return "it closed its output in place of an answer"
    return f"it ended with {code} in place of an answer"


def _killed(process: subprocess.Popen[bytes], owner: int) -> None:
    """End a process with all that it started, unless it belongs to the parent of a fork."""
    if owner != os.getpid():
        return
    if process.poll() is None:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    for pipe in (process.stdin, process.stdout):
        assert pipe is not None
        pipe.close()


def _written(descriptor: int, data: memoryview) -> int:
    try:
        return os.write(descriptor, data[:CHUNK])
    except BrokenPipeError:  # it has ended, which reading tells
        return len(data)
