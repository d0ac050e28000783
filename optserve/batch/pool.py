"""``Pool``: so many processes at a time, each with a limit of time, until all is done."""

from __future__ import annotations

import os
import selectors
import signal
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from time import perf_counter
from typing import Any, Generic, Literal, TypeVar

from optserve.batch.process import Message, Process
from optserve.batch.serving import END, Do, JobVerdict, ask, serving
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
    """Something that a process is asked to do, and what it is done for."""

    of: T
    request: bytes


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
    """A process, and the task that it does now."""

    task: Task[T]
    process: Process
    requests: int
    began: float
    new: bool = True
    told: Literal["", "timeout", "interrupted"] = ""
    kill_at: float | None = None
    seen: list[Message] = field(default_factory=list)
    verdict: JobVerdict | None = None

    @property
    def seconds(self) -> float:
        """Since the task began, until it ended."""
        return (self.process.ended or perf_counter()) - self.began

    @property
    def believed(self) -> bool:
        """Whether the process ended as it would have if it had done nothing before."""
        return self.new or bool(self.told) or self.verdict in ("next", "last")

    def look(self) -> None:
        """Take the messages that came."""
        for message in self.process.messages():
            if END in message:
                self.verdict = message[END]
            else:
                self.seen.append(message)

    def done(self) -> Done[T]:
        """How the task ended, where its process goes on or has ended."""
        status = self.process.status or 0
        printed = self.process.printed
        return Done(self.task.of, (*self.seen,), status, self.told, self.seconds, printed)


class Pool:
    """Does tasks, ``size`` at a time; ``do`` is what does one, in a process forked from this one.

    A process does one task after another, as long as ``do`` says that it may and nothing is left
    of the last. What did not go well in one that had done others is done again in a new one.
    ``timeout`` and ``memory`` limit each task. Where ``interruption`` hears a signal, it is passed
    on to those that run, and no other is begun. ``watching`` is shown what tasks run, for so many
    seconds, ten times a second or so.

    >>> def do(request, send, new):
    ...     send({"twice": 2 * int(request)})
    ...     return "next"
    >>> tasks = [Task(number, b"%d" % number) for number in range(3)]
    >>> with Interruption() as interruption:
    ...     done = [*Pool(2, interruption, do).run(tasks)]
    >>> sorted((one.of, one.messages, one.status) for one in done)
    [(0, ({'twice': 0},), 0), (1, ({'twice': 2},), 0), (2, ({'twice': 4},), 0)]
    """

    def __init__(
        self,
        size: int,
        interruption: Interruption,
        do: Do,
        *,
        timeout: float | None = None,
        memory: int | None = None,
        watching: Callable[[Sequence[tuple[Any, float]]], None] | None = None,
    ) -> None:
        self.size = size
        self.interruption = interruption
        self.do = do
        self.timeout = timeout
        self.memory = memory
        self.watching = watching
        self.stopped = False

    def stop(self) -> None:
        """Begin no other task."""
        self.stopped = True

    def run(self, tasks: Iterable[Task[T]]) -> Iterator[Done[T]]:
        """Do ``tasks`` in order; gives each as it ends. Those that did not begin are not given."""
        waiting, again = iter(tasks), deque[Task[T]]()
        running, idle = list[_Running[T]](), list[_Running[T]]()
        with selectors.DefaultSelector() as selector:
            try:
                while True:
                    self._start(waiting, again, running, idle, selector)
                    if not running:
                        return
                    selector.select(self._patience(running))
                    self._tell(running)
                    ended: list[Done[T]] = []
                    for one in [*running]:
                        one.look()
                        over = one.process.has_ended()
                        if not over and (one.verdict != "next" or one.told):
                            if one.told and one.verdict:  # it was done all the same
                                one.process.kill()
                            elif one.process.is_silent:
                                _unregister(selector, one.process.pipe)
                            continue
                        running.remove(one)
                        if over:
                            self._close(one, selector)
                        else:
                            idle.append(one)
                        if one.believed:
                            ended.append(one.done())
                        else:
                            again.append(one.task)
                    yield from ended
                    if self.watching is not None:
                        self.watching([(one.task.of, one.seconds) for one in running])
            finally:  # nobody asks for the rest
                for one in [*running, *idle]:
                    one.process.kill()
                    [*one.process.wait()]
                    os.close(one.requests)

    def _start(
        self,
        waiting: Iterator[Task[T]],
        again: deque[Task[T]],
        running: list[_Running[T]],
        idle: list[_Running[T]],
        selector: selectors.BaseSelector,
    ) -> None:
        """Begin as many tasks as may run, those first that are to be done again."""
        while len(running) < self.size and not self.stopped and self.interruption.reason is None:
            one = None
            if again:
                task: Task[T] | None = again.popleft()
            else:
                task = next(waiting, None)
                one = None if task is None else self._given(task, idle, selector)
            if task is None:
                break
            running.append(one or self._begun(task, [*running, *idle], selector))
        while idle:
            self._end(idle.pop(), selector)

    def _begun(
        self, task: Task[T], others: Sequence[_Running[T]], selector: selectors.BaseSelector
    ) -> _Running[T]:
        """The task in a new process, which has no use for the pipes of ``others``."""
        requests, write = os.pipe()
        closing = [write, *(end for one in others for end in (one.process.pipe, one.requests))]
        work = serving(self.do, task.request, requests, self.memory)
        process = Process(work, memory=self.memory, closing=closing)
        os.close(requests)
        selector.register(process.pipe, selectors.EVENT_READ)
        if process.descriptor is not None:
            selector.register(process.descriptor, selectors.EVENT_READ)
        return _Running(task, process, write, process.began)

    def _given(
        self, task: Task[T], idle: list[_Running[T]], selector: selectors.BaseSelector
    ) -> _Running[T] | None:
        """The task in a process that has done another; none where there is no such process."""
        while idle:
            one = idle.pop()
            with suppress(BrokenPipeError):
                ask(one.requests, task.request)
                return _Running(task, one.process, one.requests, perf_counter(), new=False)
            self._end(one, selector)
        return None

    def _end(self, one: _Running[T], selector: selectors.BaseSelector) -> None:
        one.process.kill()
        while not one.process.has_ended():
            selector.select(LOOK_WITHOUT_DESCRIPTORS)
        self._close(one, selector)

    def _close(self, one: _Running[T], selector: selectors.BaseSelector) -> None:
        """Take the last messages of a process that has ended, and forget it."""
        _unregister(selector, one.process.pipe)
        _unregister(selector, one.process.descriptor)
        os.close(one.requests)
        one.look()
        one.process.close()

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
            elif self.timeout is not None and one.seconds >= self.timeout:
                one.process.signal(signal.SIGTERM)
                one.told, one.kill_at = "timeout", now + GRACE


def _unregister(selector: selectors.BaseSelector, descriptor: int | None) -> None:
    if descriptor is not None:
        with suppress(KeyError):  # it told nothing more, and was forgotten
            selector.unregister(descriptor)
