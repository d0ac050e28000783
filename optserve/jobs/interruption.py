"""Ctrl-C and SIGTERM: the evaluation that is running is finished, and what was reached is kept."""

from __future__ import annotations

import signal
import threading
from types import FrameType, TracebackType
from typing import Any

from optserve.jobs.reasons import Reason

__all__ = ["Interruption"]

_REASONS = {signal.SIGINT: Reason.interrupted, signal.SIGTERM: Reason.terminated}


class Interruption:
    """Listens for signals while it is entered; ``reason`` is ``None`` until the first comes.

    A second signal does not wait: it raises ``KeyboardInterrupt``. Outside of the main thread,
    where Python delivers no signals, nothing is listened for.

    >>> with Interruption() as interruption:
    ...     signal.raise_signal(signal.SIGTERM)
    >>> interruption.reason.name
    'terminated'
    """

    def __init__(self) -> None:
        self.reason: Reason | None = None
        self._before: dict[signal.Signals, Any] = {}

    def __enter__(self) -> Interruption:
        if threading.current_thread() is threading.main_thread():
            for number in _REASONS:
                self._before[number] = signal.signal(number, self._hear)
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
        if self.reason is not None:
            raise KeyboardInterrupt
        self.reason = _REASONS[signal.Signals(number)]
