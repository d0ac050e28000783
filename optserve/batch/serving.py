"""``serving``: what a process does that does one thing after another, as it is asked."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Literal

from optserve.batch.process import Message, Work
from optserve.batch.traces import Traces

__all__ = ["END", "Do", "JobVerdict", "Send", "ask", "hear", "serving"]

Send = Callable[[Message], None]

JobVerdict = Literal["next", "last", "again"]
"""How something was done: so that its process may do more, or is done with; or not to be believed
if that process had done something before, where it is to be done again in a new one."""

Do = Callable[[bytes, Send, bool], JobVerdict]
"""Does what was asked; it is given what sends a message, and whether the process is new."""

END = "end"
"""The key of the message that something is done; the value is the verdict."""

LENGTH = 8


def serving(do: Do, first: bytes, requests: int, memory: int | None) -> Work:
    """Work that does what is ``first``, then what comes from the descriptor ``requests``, as long
    as nothing is left of what was done before. ``memory`` is how many bytes each may take.
    """

    def work(send: Send) -> None:
        traces = Traces(memory)
        request, new = first, True
        while request:
            verdict = do(request, send, new)
            if verdict == "next" and (traces.left() or not traces.forget_peak()):
                verdict = "last"
            if verdict == "next":
                os.ftruncate(1, 0)
                os.lseek(1, 0, os.SEEK_SET)
            send({END: verdict})
            if verdict != "next":
                return
            request, new = hear(requests), False

    return work


def ask(descriptor: int, content: bytes) -> None:
    """Send ``content`` as a whole; raises ``BrokenPipeError`` where nobody reads it any more."""
    left = memoryview(len(content).to_bytes(LENGTH, "big") + content)
    while left:
        left = left[os.write(descriptor, left) :]


def hear(descriptor: int) -> bytes:
    """The next content that was sent; empty where no whole one comes."""
    length = _exactly(descriptor, LENGTH)
    return _exactly(descriptor, int.from_bytes(length, "big")) if length else b""


def _exactly(descriptor: int, size: int) -> bytes:
    parts = bytearray()
    while len(parts) < size:
        part = os.read(descriptor, size - len(parts))
        if not part:
            return b""
        parts += part
    return bytes(parts)
