"""Several files as one table: ``parts/*.parquet``, in the order of their names."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from optserve.errors import ConfigError, Place
from optserve.tables.frame import Frame, Reader
from optserve.tables.pieces import PieceFrame, pieces_of

__all__ = ["joined"]


def joined(files: Sequence[Path], read: Reader) -> Frame:
    """The rows of all ``files``, one after another; each has the columns of the first."""
    frames = [read(file) for file in files]
    first = frames[0]
    if len(frames) == 1:
        return first
    for file, frame in zip(files, frames, strict=True):
        if (frame.names, frame.width) != (first.names, first.width):
            raise ConfigError(
                f"{file.name} has other columns than {files[0].name}: {_difference(frame, first)}",
                place=Place(str(file)),
                expected="the same columns in the same order in every file",
                code="malformed-file",
            )
    pieces = [piece for frame in frames for piece in pieces_of(frame)]
    return PieceFrame(first.names, first.width, pieces)


def _difference(frame: Frame, first: Frame) -> str:
    if frame.width != first.width:
        return f"{frame.width} of them, not {first.width}"
    pairs = zip(frame.names, first.names, strict=True)
    return next((f"{name!r} for {other!r}" for name, other in pairs if name != other), "no names")
