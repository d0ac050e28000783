"""``Pool``: so many processes at a time, each with a limit of time, until all is done."""

from __future__ import annotations

import selectors
import signal
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from time import perf_counter
from typing import Any, Generic, Literal, TypeVar

from optserve.batch.process import Message, Process, Work
from optserve.jobs.interruption import Interruption
from optserve.jobs.reasons import Reason

__all__ = ["Done", "Pool", "Task"]

T = TypeVar("T")

GRACE = 5.0
"""Seconds that a process has to save what it has reached, before it is killed."""

LOOK = 0.1
"""Seconds between two looks at the clock and at the signals that came."""

LOOK_WITHOUT_DESCRIPTORS = 0.005
"""The same where the system does not say by itself that a process has ended."""


@dataclass(frozen=True)
class Task(Generic[T]):
    """Something to do in a process of its own, and what it is done for."""

    of: T
    work: Work


@dataclass(frozen=True)
class Done(Generic[T]):
    """How a task ended: the messages that came.

    ``status`` is the exit code of the process, or minus the number of the signal that killed it;
    ``told`` says that it was told to end, and why.
    """

    of: T
    messages: tuple[Message, ...]
    status: int
    told: Literal["", "timeout", "interrupted"]
    seconds: float
    printed: str


@dataclass
class _Running(Generic[T]):
    of: T
    process: Process
    told: Literal["", "timeout", "interrupted"] = ""
    heard: float = 0.0
    kill_at: float | None = None
    seen: list[Message] = field(default_factory=list)


class Pool:
    """Does tasks, ``size`` at a time.

    ``timeout`` and ``memory`` limit each; one that tells something has ``timeout`` once more. Where
    ``interruption`` hears a signal, it is passed on to those that run, and no other is begun.
    ``watching`` is shown what tasks run, for so many seconds, ten times a second or so.

    >>> tasks = [Task(number, lambda send, n=number: send({"n": n})) for number in range(3)]
    >>> with Interruption() as interruption:
    ...     done = [*Pool(2, interruption).run(tasks)]
    >>> sorted((one.of, one.messages, one.status) for one in done)
    [(0, ({'n': 0},), 0), (1, ({'n': 1},), 0), (2, ({'n': 2},), 0)]
    """

    def __init__(
        self,
        size: int,
        interruption: Interruption,
        *,
        timeout: float | None = None,
        memory: int | None = None,
        watching: Callable[[Sequence[tuple[Any, float]]], None] | None = None,
    ) -> None:
        self.size = size
        self.interruption = interruption
        self.timeout = timeout
        self.memory = memory
        self.watching = watching
        self.stopped = False

    def stop(self) -> None:
        """Begin no other task."""
        self.stopped = True

    def run(self, tasks: Iterable[Task[T]]) -> Iterator[Done[T]]:
        """Do ``tasks`` in order; gives each as it ends. Those that did not begin are not given."""
        waiting, running = iter(tasks), list[_Running[T]]()
        with selectors.DefaultSelector() as selector:
            try:
                while True:
                    self._start(waiting, running, selector)
                    if not running:
                        return
                    selector.select(self._patience(running))
                    self._tell(running)
                    ended = [one for one in running if self._has_ended(one)]
                    for one in ended:
                        running.remove(one)
                        self._forget(one, selector)
                    yield from map(_done, ended)
                    if self.watching is not None:
                        self.watching([(one.of, one.process.seconds) for one in running])
            finally:  # nobody asks for the rest
                for one in running:
                    one.process.kill()

    def _start(
        self,
        waiting: Iterator[Task[T]],
        running: list[_Running[T]],
        selector: selectors.BaseSelector,
    ) -> None:
        while len(running) < self.size and not self.stopped and self.interruption.reason is None:
            task = next(waiting, None)
            if task is None:
                return
            closing = [one.process.pipe for one in running]
            process = Process(task.work, memory=self.memory, closing=closing)
            running.append(_Running(task.of, process))
            if process.descriptor is not None:
                selector.register(process.descriptor, selectors.EVENT_READ)

    def _patience(self, running: list[_Running[T]]) -> float:
        """Seconds until there is something to do, if no process ends before."""
        seen = all(one.process.descriptor is not None for one in running)
        return LOOK if seen else LOOK_WITHOUT_DESCRIPTORS

    def _tell(self, running: list[_Running[T]]) -> None:
        """Tell those to end that must, and kill those that were told and did not."""
        now, reason = perf_counter(), self.interruption.reason
        for one in running:
            if one.kill_at is not None:
                if now >= one.kill_at:
                    one.process.kill()
            elif reason is not None:
                terminated = reason is Reason.terminated
                one.process.signal(signal.SIGTERM if terminated else signal.SIGINT)
                one.told, one.kill_at = "interrupted", now + GRACE
            elif self.timeout is not None and one.process.seconds - one.heard >= self.timeout:
                one.process.signal(signal.SIGTERM)
                one.told, one.kill_at = "timeout", now + GRACE

    def _has_ended(self, one: _Running[T]) -> bool:
        told = [*one.process.messages()]
        if told:
            one.seen += told
            one.heard = one.process.seconds
        return one.process.has_ended()

    def _forget(self, one: _Running[T], selector: selectors.BaseSelector) -> None:
        if one.process.descriptor is not None:
            selector.unregister(one.process.descriptor)
        one.seen += one.process.close()


def _done(one: _Running[T]) -> Done[T]:
    assert one.process.status is not None
    return Done(
        one.of, (*one.seen,), one.process.status, one.told, one.process.seconds, one.process.printed
    )
