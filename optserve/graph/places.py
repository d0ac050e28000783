"""Where something was written in Python: the nearest line outside of this package."""

from __future__ import annotations

from functools import lru_cache
from types import CodeType, FrameType
from typing import Literal

from optserve.errors import Place

__all__ = ["Executed", "place_of", "place_of_error", "place_of_frame", "written_from"]

Executed = Place | tuple[CodeType, int] | None
"""A place, or the instruction of a piece of code that was executed, of which it can be made."""


def place_of_error(error: Exception) -> Place | None:
    """The line that a person wrote from which ``error`` came."""
    step = error.__traceback__
    while step is not None and step.tb_next is not None:
        step = step.tb_next
    return place_of_frame(step.tb_frame) if step is not None else None


def place_of_frame(frame: FrameType | None) -> Place | None:
    """The nearest caller outside this package: the line that a person wrote.

    Behind a command there is none.
    """
    return place_of(written_from(frame))


def written_from(frame: FrameType | None) -> Executed:
    """The same, but what it takes to make a place of it is left to ``place_of``."""
    while frame is not None:
        whose = _whose(frame.f_globals.get("__name__", ""))
        if whose == "library":
            frame = frame.f_back
        elif whose == "person":
            return frame.f_code, frame.f_lasti
        else:
            return None
    return None


def place_of(written: Executed) -> Place | None:
    """The place where something was written."""
    if not isinstance(written, tuple):
        return written
    code, instruction = written
    for first, end, line in code.co_lines():
        if first <= instruction < end:
            return Place(code.co_filename, line or 0)
    return Place(code.co_filename, code.co_firstlineno)


@lru_cache(maxsize=1024)
def _whose(module: str) -> Literal["command", "person", "library"]:
    """Who wrote a module, as far as places are told."""
    if module.startswith("optserve.cli."):
        return "command"
    return "library" if module.startswith(("optserve.", "numpy", "contextlib")) else "person"
