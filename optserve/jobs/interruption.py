"""Ctrl-C, SIGTERM, SIGHUP: the evaluation that runs is finished, and what was reached is kept."""

from __future__ import annotations

import signal
import threading
from types import FrameType, MappingProxyType, TracebackType
from typing import Any

from optserve.jobs.reasons import Reason

__all__ = ["Interruption"]

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
    one has. Outside of the main thread, where Python delivers no signals, nothing is listened for.

    >>> with Interruption() as interruption:
    ...     signal.raise_signal(signal.SIGTERM)
    >>> interruption.reason.name
    'terminated'
    """

    def __init__(self, patience: int | None = 3) -> None:
        self.reason: Reason | None = None
        self.patience = patience
        self._count = 0
        self._before: dict[int, Any] = {}

    def __enter__(self) -> Interruption:
        if threading.current_thread() is threading.main_thread():
            for number in _REASONS:
                before = signal.getsignal(number)
                if number == getattr(signal, "SIGHUP", 0) and before is signal.SIG_IGN:
                    continue  # of what `nohup` started
                outer = getattr(before, "__self__", None)
                self._before[number] = signal.signal(number, self._hear)
                if isinstance(outer, Interruption):
                    self.reason = self.reason or outer.reason
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for number, handler in self._before.items():
            signal.signal(number, signal.SIG_DFL if handler is None else handler)
        self._before.clear()

    def _hear(self, number: int, frame: FrameType | None) -> None:
        self._count += 1
        self.reason = self.reason or _REASONS[signal.Signals(number)]
        if self.patience is not None and self._count >= self.patience:
            raise KeyboardInterrupt
