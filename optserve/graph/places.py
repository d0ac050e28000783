"""Where something was written in Python: the nearest line outside of this package."""

from __future__ import annotations

from functools import lru_cache
from types import FrameType
from typing import Literal

from optserve.errors import Place

__all__ = ["place_of_error", "place_of_frame"]


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
    while frame is not None:
        whose = _whose(frame.f_globals.get("__name__", ""))
        if whose == "command":
            return None
        if whose == "person":
            return Place(frame.f_code.co_filename, frame.f_lineno)
        frame = frame.f_back
    return None


@lru_cache(maxsize=1024)
def _whose(module: str) -> Literal["command", "person", "library"]:
    """Who wrote a module, as far as places are told."""
    if module.startswith("optserve.cli."):
        return "command"
    return "library" if module.startswith(("optserve.", "numpy", "contextlib")) else "person"
