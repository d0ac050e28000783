"""Writing to stdout and stderr, which may be closed, broken, or no terminal."""

from __future__ import annotations

import contextlib
import io
import os
import shutil
import sys
from collections.abc import Iterator
from typing import TextIO

import typer

from optserve.cli.early import heed_signals

__all__ = [
    "is_rewritable",
    "is_terminal",
    "output_encoding",
    "output_width",
    "own_output",
    "write_error",
    "write_output",
]


class _Elsewhere(io.TextIOBase):
    """In the place of stdout: what anybody prints goes to stderr, ``output`` is where ours goes."""

    def __init__(self, output: TextIO | None) -> None:
        self.output = output

    def writable(self) -> bool:
        return True

    def write(self, text: str) -> int:
        return sys.stderr.write(text) if sys.stderr is not None else len(text)

    def flush(self) -> None:
        if sys.stderr is not None:
            sys.stderr.flush()


@contextlib.contextmanager
def own_output() -> Iterator[None]:
    """Only ``write_output`` prints on stdout inside; what a plugin prints goes to stderr.

    In a process of our own that holds for compiled code too, and until the process ends: a thread
    that a plugin leaves may print later.
    """
    before: TextIO | None = sys.stdout
    if isinstance(before, _Elsewhere):
        yield
        return
    own = before is not None and before is sys.__stdout__
    output = _apart(before) if own and before is not None else before
    sys.stdout = _Elsewhere(output)
    if output is not None and output is not before:
        with contextlib.suppress(ValueError):  # not in the main thread
            heed_signals(stdout=output.fileno())
        with contextlib.suppress(OSError):
            os.dup2(2, 1)
    try:
        yield
    finally:
        if not own:
            sys.stdout = before


def _apart(stdout: TextIO) -> TextIO:
    """A stream of its own to where ``stdout`` goes, if that is file descriptor 1."""
    try:
        if stdout.fileno() != 1:
            return stdout
        stdout.flush()
        return os.fdopen(os.dup(1), "w", encoding=stdout.encoding, errors=stdout.errors)
    except (OSError, ValueError):  # closed, or no file
        return stdout


def _output() -> TextIO | None:
    """Where our own output goes."""
    stdout: object = sys.stdout
    return stdout.output if isinstance(stdout, _Elsewhere) else sys.stdout


def write_output(text: str) -> None:
    """Print ``text`` and a newline on stdout; a reader who has left (``| head``) is no error."""
    _write(_output(), f"{text}\n")


def write_error(text: str) -> None:
    """Print ``text`` and a newline on stderr."""
    _write(sys.stderr, f"{text}\n")


def is_terminal(stream: TextIO | None) -> bool:
    """Whether a person watches this stream; a closed one (None) is not watched."""
    try:
        return stream is not None and stream.isatty()
    except ValueError:  # closed
        return False


def is_rewritable(stream: TextIO | None) -> bool:
    """Whether lines on this stream can be rewritten: it is a terminal, and not a dumb one."""
    return is_terminal(stream) and os.environ.get("TERM") != "dumb"


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
    return shutil.get_terminal_size().columns if is_terminal(_output()) else None


def output_encoding() -> str:
    """The encoding of stdout, for what must be aligned there."""
    return getattr(_output(), "encoding", None) or "utf-8"
