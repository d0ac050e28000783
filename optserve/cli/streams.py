"""Writing to stdout and stderr, which may be closed, broken, or no terminal."""

from __future__ import annotations

import contextlib
import os
import shutil
import sys
from typing import TextIO

import typer

__all__ = ["is_terminal", "output_width", "write_error", "write_output"]


def write_output(text: str) -> None:
    """Print ``text`` and a newline on stdout; a reader who has left (``| head``) is no error."""
    _write(sys.stdout, f"{text}\n")


def write_error(text: str) -> None:
    """Print ``text`` and a newline on stderr."""
    _write(sys.stderr, f"{text}\n")


def is_terminal(stream: TextIO | None) -> bool:
    """Whether a person watches this stream; a closed one (None) is not watched."""
    try:
        return stream is not None and stream.isatty()
    except ValueError:  # closed
        return False


def _write(stream: TextIO | None, text: str) -> None:
    if stream is None or stream.closed:
        return
    try:
        stream.write(text)
        stream.flush()
    except BrokenPipeError:
        _silence(stream)
    except OSError as error:
        _silence(stream)
        if stream is not sys.stderr:
            write_error(f"cannot write the output: {error.strerror}")
        raise typer.Exit(1) from error


def _silence(stream: TextIO) -> None:
    """Send the rest nowhere: Python flushes once more at exit, and would complain there."""
    with contextlib.suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def output_width() -> int | None:
    """The columns of the terminal that stdout is, ``None`` where it is none."""
    return shutil.get_terminal_size().columns if is_terminal(sys.stdout) else None
