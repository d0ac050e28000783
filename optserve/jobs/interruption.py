"""Ctrl-C, SIGTERM, SIGHUP: the evaluation that runs is finished, and what was reached is kept."""

from __future__ import annotations

import functools
import signal
import sys
import threading
from types import FrameType, MappingProxyType, TracebackType
from typing import Any

from optserve.jobs.reasons import Reason

__all__ = ["Interruption", "unanswered"]

_REASONS = MappingProxyType(
    {
        getattr(signal, name): reason
        for name, reason in (
            ("SIGINT", Reason.interrupted),
            ("SIGTERM", Reason.terminated),
            ("SIGHUP", Reason.terminated),  # the terminal was closed; Windows has none
        )
        if hasattr(signal, name)
    }
)


class Interruption:
    """Listens for signals while it is entered; ``reason`` is ``None`` until the first comes.

    A second signal changes nothing: the job is ending, and what was reached will be saved. Only
    the ``patience``-th raises ``KeyboardInterrupt``, where an evaluation would not end; without
    ``patience`` none does, which is for saving. Entered within another one, it has heard what that
    one has, which in the end has heard what it has. Outside of the main thread, where Python
    delivers no signals, nothing is listened for.

    >>> with Interruption() as interruption:
    ...     signal.raise_signal(signal.SIGTERM)
    >>> interruption.reason.name
    'terminated'

    Who calls ``deferring`` gives a signal back to the process in the end, if nobody outside listens
    as this does. A handler of the program is called then. What the system or Python does by
    default, ending the program, is done as well, unless ``told`` says that the result tells of the
    signal: then it is done when the next such listening begins, since a program that runs more has
    not looked at that result. (At an interactive prompt, where a person has seen it, it is not.)
    """

    def __init__(self, patience: int | None = 3) -> None:
        self.reason: Reason | None = None
        self.patience = patience
        self.told: Reason | None = None
        self._heard: list[int] = []
        self._before: dict[int, Any] = {}
        self._deferring = False

    def deferring(self) -> Interruption:
        """The same, which gives signals back."""
        self._deferring = True
        return self

    def __enter__(self) -> Interruption:
        if threading.current_thread() is threading.main_thread():
            if self._deferring:
                _take_course()
            for number in _REASONS:
                before = signal.getsignal(number)
                if number == getattr(signal, "SIGHUP", 0) and before is signal.SIG_IGN:
                    continue  # of what `nohup` started
                self._before[number] = signal.signal(number, self._hear)
                if (outer := _listening(before)) is not None:
                    self.reason = self.reason or outer.reason
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        before = {**self._before}
        self._before.clear()
        for number, handler in before.items():
            signal.signal(number, signal.SIG_DFL if handler is None else handler)
        for number in dict.fromkeys(self._heard):
            self._give_back(number, before[number], raised=error is not None)

    def _give_back(self, number: int, handler: Any, *, raised: bool) -> None:
        outer = _listening(handler)
        if outer is not None:
            outer.reason = outer.reason or self.reason
        elif self._deferring and not raised and handler is not signal.SIG_IGN:
            if handler not in (signal.SIG_DFL, signal.default_int_handler) or self.told is None:
                signal.raise_signal(number)
            elif not hasattr(sys, "ps1"):
                unanswered().append(number)

    def _hear(self, number: int, frame: FrameType | None) -> None:
        self._heard.append(number)
        self.reason = self.reason or _REASONS[signal.Signals(number)]
        if self.patience is not None and len(self._heard) >= self.patience:
            raise KeyboardInterrupt


def _listening(handler: Any) -> Interruption | None:
    """Whose handler it is, if it is one of these."""
    owner = getattr(handler, "__self__", None)
    return owner if isinstance(owner, Interruption) else None


@functools.cache
def unanswered() -> list[int]:
    """Signals that results told of, and nobody has acted upon."""
    return []


def _take_course() -> None:
    """Let the signals that are unanswered end the program, where nobody listens by now."""
    numbers = [*unanswered()]
    unanswered().clear()
    for number in numbers:
        if signal.getsignal(number) in (signal.SIG_DFL, signal.default_int_handler):
            signal.raise_signal(number)
