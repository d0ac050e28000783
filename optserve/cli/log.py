"""Lines of a log on stderr: with the time, as text or as JSON."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from enum import StrEnum
from typing import Annotated, Any

import typer

from optserve.cli.streams import write_error

__all__ = ["Log", "LogFormat", "LogFormatOption"]


class LogFormat(StrEnum):
    """How it is told what happens, where no terminal is: in lines of text, or of JSON."""

    text = "text"
    json = "json"


LogFormatOption = Annotated[
    LogFormat,
    typer.Option(
        "--log-format",
        metavar="text|json",
        help="How stderr tells what happens, where it is no terminal: lines of text, or of JSON.",
    ),
]


class Log:
    """Writes a line for each event; ``format`` is text or JSON."""

    def __init__(self, format: LogFormat) -> None:
        self.format = format

    def write(self, event: str, text: str, told: Mapping[str, Any]) -> None:
        """Tell an ``event``: ``text`` for people (nothing where it is empty), ``told`` as JSON."""
        now = datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
        if self.format is LogFormat.json:
            write_error(json.dumps({"time": now, "event": event, **told}))
        elif text:
            write_error(f"{now} {text}")
