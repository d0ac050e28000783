"""What holds from the first line on: a signal ends the process at once, by a word and a code.

Nothing is imported here that takes time, not even from the standard library, since a signal may
come while all else is imported.
"""

from __future__ import annotations

import os
import signal
import sys

__all__ = ["heed_signals", "wants_json"]


def heed_signals(stdout: int = 1) -> None:
    """End at the first Ctrl-C, SIGTERM or SIGHUP; a job that descends listens for itself.

    ``stdout`` is the file descriptor that gets the JSON, whatever ``sys.stdout`` is for a while.
    """
    for name in ("SIGINT", "SIGTERM", "SIGHUP"):
        number = getattr(signal, name, None)  # Windows has no SIGHUP
        # What `nohup` starts ignores the end of its terminal, and goes on to.
        if number is not None and not (
            name == "SIGHUP" and signal.getsignal(number) is signal.SIG_IGN
        ):
            signal.signal(number, lambda number, frame: _end(number, stdout))


def wants_json(arguments: list[str]) -> bool:
    """Whether a command line asks for JSON, also where it is wrong otherwise.

    >>> wants_json(["run", "--format", "json", "--theads", "2"]), wants_json(["run", "json"])
    (True, False)
    """
    pairs = zip(arguments, [*arguments[1:], ""], strict=True)
    return any(one == "--format=json" or (one, two) == ("--format", "json") for one, two in pairs)


def _end(number: int, stdout: int) -> None:
    """End the process where nothing is lost by that.

    An exception would not do: raised amid an import or a callback of C code, it is swallowed, or
    shown with a traceback.
    """
    word, code = ("interrupted", 130) if number == signal.SIGINT else ("terminated", 143)
    _write(2, f"{word}\n")
    if wants_json(sys.argv[1:]) and sys.__stdout__ is not None:  # else 1 may be another file
        error = f'{{"kind": "{word.capitalize()}", "code": "{word}", "message": "{word}"}}'
        _write(stdout, f'{{"error": {error}, "exit_code": {code}}}\n')
    os._exit(code)


def _write(descriptor: int, text: str) -> None:
    try:
        os.write(descriptor, text.encode())
    except OSError:  # closed, or nobody reads
        return
