"""The arguments and options that several commands share.

Each arrives as text and is converted by its callback (see ``optserve.cli.command``).
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

__all__ = [
    "AllowPath",
    "ConfigFile",
    "Format",
    "OutputFormat",
    "Overrides",
    "PluginFiles",
    "Seed",
    "Threads",
    "choice",
    "path",
]


class Format(StrEnum):
    """What a command prints: a report for people, or JSON for programs."""

    text = "text"
    json = "json"


def path(value: str | None) -> Path | None:
    """A path; none where none was given."""
    return None if value is None else Path(value)


def choice(choices: type[StrEnum], value: str) -> StrEnum:
    """The one of ``choices`` that is called ``value``; raises ``typer.BadParameter``.

    >>> choice(Format, "json")
    <Format.json: 'json'>
    """
    if value not in list(choices):
        import difflib

        close = difflib.get_close_matches(value, list(choices), n=1)
        hint = f"; did you mean '{close[0]}'?" if close else ""
        raise typer.BadParameter(f"{value!r} is not one of {', '.join(choices)}{hint}")
    return choices(value)


def _paths(values: Sequence[str] | None) -> tuple[Path, ...]:
    return tuple(map(Path, values or ()))


def _texts(values: Sequence[str] | None) -> tuple[str, ...]:
    return tuple(values or ())


def _format(value: str) -> StrEnum:
    return choice(Format, value)


def _seed(value: str | None) -> int | None:
    if value is None:
        return None
    try:
        seed = int(value)
    except ValueError:
        seed = -1
    if seed < 0:
        raise typer.BadParameter(f"{value!r} is not an integer of at least 0")
    return seed


def _threads(value: str | None) -> int | None:
    if value is None:
        return None
    if not value.isdecimal() or int(value) < 1:
        raise typer.BadParameter(f"{value!r} is not an integer of at least 1")
    return int(value)


# No `exists=True`: reading the file tells more, in the words of every other error.
ConfigFile = Annotated[
    Path,
    typer.Argument(metavar="CONFIG", callback=path, help="The YAML file.", show_default=False),
]

Overrides = Annotated[
    list[str],
    typer.Option(
        "--set",
        metavar="KEY=VALUE",
        callback=_texts,
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
        callback=_paths,
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
    typer.Option(
        metavar="N", callback=_seed, help="Seed of initial values, instead of the config's."
    ),
]

Threads = Annotated[
    int | None,
    typer.Option(
        metavar="N",
        callback=_threads,
        help="Threads that share the rows; by default as many as this process may use. "
        "Results are the same to the bit.",
    ),
]

OutputFormat = Annotated[
    Format,
    typer.Option(
        "--format",
        metavar="text|json",
        callback=_format,
        help="What to print: a report, or JSON and nothing else.",
    ),
]
