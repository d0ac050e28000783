"""Floor 9, the command line: one file per command; ``main`` is what `optserve` starts."""

from __future__ import annotations

import sys

__all__ = ["main"]


def main() -> None:
    """Run the command line; exits the process with the code of the command."""
    from optserve.cli.app import app

    for stream in (sys.stdout, sys.stderr):
        # What a terminal cannot show is no reason to fail; a closed stream is None.
        if stream is not None and hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")
    app(prog_name="optserve")
