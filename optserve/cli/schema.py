"""`optserve schema`: the config language as JSON Schema, for editors."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from optserve.cli.ending import ending
from optserve.cli.options import PluginFiles, path
from optserve.cli.streams import write_output
from optserve.errors import ConfigError

__all__ = ["schema"]


def schema(
    *,
    out: Annotated[
        Path | None,
        typer.Option(metavar="FILE", callback=path, help="Write it to a file, not to stdout."),
    ] = None,
    plugin: PluginFiles,
) -> None:
    """Print the JSON Schema of configs.

    It holds what is installed here: an editor completes the names and options of plugins too.
    """
    with ending():
        from optserve.config import json_schema
        from optserve.registry import load

        text = json.dumps(json_schema(load(files=plugin)), indent=2)
        if out is None:
            write_output(text)
            return
        try:
            out.write_text(f"{text}\n", encoding="utf-8")
        except OSError as error:
            raise ConfigError(f"cannot write {out}: {error.strerror}") from error
