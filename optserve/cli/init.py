"""`optserve init`: a config to start from, with its data."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from optserve.cli.failures import ending
from optserve.cli.streams import write_output
from optserve.errors import ConfigError

__all__ = ["Template", "init"]

_FOLDER = Path(__file__).with_name("templates")


class Template(StrEnum):
    """The files `NAME.*` of the folder `templates`, one problem each."""

    curve = "curve"
    logistic = "logistic"
    function = "function"


def init(
    template: Annotated[
        Template,
        typer.Argument(
            metavar="TEMPLATE",
            help="curve (a least-squares fit with error bars), logistic (a log likelihood) "
            "or function (no data).",
        ),
    ] = Template.curve,
) -> None:
    """Write a config to start from, with its data.

    They go to the current folder and run as they are. Nothing is overwritten.
    """
    with ending():
        sources = sorted(_FOLDER.glob(f"{template.value}.*"), reverse=True)
        present = [source.name for source in sources if Path(source.name).exists()]
        if present:
            raise ConfigError(
                f"{' and '.join(present)} exist{'s' if len(present) == 1 else ''} already",
                expected="a folder without such a file: nothing is overwritten",
                remedy="choose another folder, or rename the file",
                code="cannot-write",
            )
        for source in sources:
            _write_new(Path(source.name), source.read_bytes())
        write_output(f"wrote {' and '.join(source.name for source in sources)}")
        write_output(f"next: optserve run {template.value}.yaml")


def _write_new(path: Path, content: bytes) -> None:
    """Write a file that must not exist yet."""
    try:
        with path.open("xb") as file:
            file.write(content)
    except OSError as error:
        raise ConfigError(
            f"cannot write {path}: {error.strerror}",
            remedy="choose another folder",
            code="cannot-write",
        ) from error
