"""Floor 9, the command line: one file per command; ``main`` is what `optserve` starts."""

from __future__ import annotations

import os
import sys

from optserve.cli.early import heed_signals
from optserve.collector import at_rest

__all__ = ["main"]

PATIENCE = 1.0
"""Seconds that threads have to end after a command is done."""


def main() -> None:
    """Run the command line; exits the process with the code of the command."""
    heed_signals()
    # What a config means is not for plugins of pydantic to say, and to look for them takes time.
    os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")
    with at_rest(stays=True):
        from optserve.cli.app import app_of

    for stream in (sys.stdout, sys.stderr):
        # What a terminal cannot show is no reason to fail; a closed stream is None.
        if stream is not None and hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")
    try:
        app_of(sys.argv[1] if len(sys.argv) > 1 else "")(prog_name="optserve")
    except SystemExit as end:
        _end_soon(end.code if isinstance(end.code, int) else int(end.code is not None))
        raise


def _end_soon(code: int) -> None:
    """See to it that a thread that a plugin left does not keep the process."""
    import threading

    if all(one.daemon for one in threading.enumerate() if one is not threading.main_thread()):
        return
    timer = threading.Timer(PATIENCE, os._exit, [code])
    timer.daemon = True
    timer.start()
