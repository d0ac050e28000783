"""The arguments and options that several commands share."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from types import MappingProxyType
from typing import Annotated

import typer

__all__ = [
    "CONTEXT",
    "AllowPath",
    "ConfigFile",
    "Format",
    "OutputFormat",
    "Overrides",
    "PluginFiles",
    "Quiet",
    "RefitJobs",
    "Seed",
    "Threads",
]


CONTEXT = MappingProxyType({"help_option_names": ["-h", "--help"], "max_content_width": 100})
"""How every group of commands shows its help."""


class Format(StrEnum):
    """What a command prints: a report for people, or JSON for programs."""

    text = "text"
    json = "json"


# No `exists=True`: reading the file tells more, in the words of every other error.
ConfigFile = Annotated[
    Path,
    typer.Argument(metavar="CONFIG", help="The YAML file.", show_default=False),
]

Overrides = Annotated[
    list[str],
    typer.Option(
        "--set",
        metavar="KEY=VALUE",
        default_factory=list,
        show_default=False,
        help="Replace one value of the config, as in stop.steps=100; null removes a key. "
        "May be repeated.",
    ),
]

PluginFiles = Annotated[
    list[Path],
    typer.Option(
        "--plugin",
        metavar="FILE.py",
        default_factory=list,
        show_default=False,
        help="Load a Python file of your own as a plugin. May be repeated.",
    ),
]

AllowPath = Annotated[
    bool,
    typer.Option("--allow-path", help="Let the config read files outside of its folder."),
]

Seed = Annotated[
    int | None,
    typer.Option(metavar="N", min=0, help="Seed of initial values, instead of the config's."),
]

RefitJobs = Annotated[
    int,
    typer.Option(
        metavar="N",
        min=1,
        help="Processes that make the refits of a bootstrap or a jackknife at the same time, each "
        "on one thread. Results are the same to the bit.",
    ),
]

Threads = Annotated[
    int | None,
    typer.Option(
        metavar="N",
        min=1,
        help="Threads that share the rows; by default as many as this process may use. "
        "Results are the same to the bit.",
    ),
]

Quiet = Annotated[bool, typer.Option("--quiet", help="Show no progress.")]

OutputFormat = Annotated[
    Format,
    typer.Option(
        "--format",
        metavar="text|json",
        help="What to print: a report, or JSON and nothing else.",
    ),
]
