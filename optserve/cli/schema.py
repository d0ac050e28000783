"""`optserve schema`: the config language, or the result of a job, as JSON Schema."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from optserve.cli.failures import ending
from optserve.cli.shared_options import PluginFiles
from optserve.cli.streams import write_output
from optserve.errors import ConfigError

__all__ = ["schema"]


def schema(
    *,
    out: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Write it to a file, not to stdout."),
    ] = None,
    result: Annotated[
        bool, typer.Option("--result", help="That of result.json, instead of configs.")
    ] = False,
    plugin: PluginFiles,
) -> None:
    """Print the JSON Schema of configs, or of results.

    That of configs holds what is installed here: an editor completes the names and options of
    plugins too.
    """
    with ending():
        text = json.dumps(_result_schema() if result else _config_schema(plugin), indent=2)
        if out is None:
            write_output(text)
            return
        try:
            out.write_text(f"{text}\n", encoding="utf-8")
        except OSError as error:
            raise ConfigError(
                f"cannot write {out}: {error.strerror}", code="cannot-write"
            ) from error


def _config_schema(plugin: list[Path]) -> dict[str, Any]:
    from optserve.config import json_schema
    from optserve.registry import check_files, load

    registry = load(files=plugin)
    check_files(registry, plugin)
    return json_schema(registry)


def _result_schema() -> dict[str, Any]:
    from optserve.jobs.record.result import result_json_schema

    return result_json_schema()
