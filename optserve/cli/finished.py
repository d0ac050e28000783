"""A run that is over, as commands take it up again: its result, its config, its data."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NamedTuple

import typer

if TYPE_CHECKING:
    from optserve.config.written import Read
    from optserve.jobs.record.result import Result

__all__ = ["Finished", "RunFolder", "check_new_file", "check_unchanged", "finished", "write_file"]

RunFolder = Annotated[
    Path, typer.Argument(metavar="RUN", help="The folder of a run, such as runs/NAME/0001.")
]


class Finished(NamedTuple):
    """A run in ``folder``: its ``result``, and the ``config`` that it ran."""

    folder: Path
    result: Result
    config: Read


def finished(run: Path) -> Finished:
    """The run in a folder, or of its ``result.json``; refuses one without estimates.

    Files that the config names are where they were, seen from the folder of the run.
    """
    from optserve.config.predicting import stored_config
    from optserve.errors import ConfigError
    from optserve.jobs.record.artefacts import config_file, read_run

    folder = run.parent if run.name == "result.json" else run
    result = read_run(folder)
    if not {*result.termination.exit_codes} <= {0, 4} or result.loss is None:
        raise ConfigError(
            f"the run has no estimates: {result.termination.message}",
            expected="a run that ended with code 0 or 4",
            code="usage",
        )
    stored = folder / "config.resolved.yaml"
    return Finished(folder, result, stored_config(stored, config_file(result, folder)))


def check_unchanged(result: Result, provenance: Mapping[str, Mapping[str, str]]) -> None:
    """Refuse data that are not those of the run any more."""
    from optserve.errors import ConfigError

    for name, one in result.data.items():
        now = provenance.get(name, {})
        if now.get("sha256") == one.get("sha256"):
            continue
        read, reads = (str(given.get("file", "")) for given in (one, now))
        if reads and Path(reads).name != Path(read).name:
            message = f"the run was one of another config: it read {read}, this one reads {reads}"
        else:
            message = f"{read} is not the file that was fitted: it has changed"
        raise ConfigError(
            message,
            expected=f"a file whose sha256 is {one.get('sha256')}",
            remedy="run the config again",
            code="checksum",
        )


def check_new_file(out: Path, *, replace: bool) -> None:
    """Refuse to take the place of a file that is there, unless it is to be ``replace``d."""
    from optserve.errors import ConfigError
    from optserve.jobs.record.replacing import is_special

    if out.exists() and not replace and not is_special(out):
        raise ConfigError(
            f"--out {out} is there already",
            expected="a new file",
            remedy="give another name, or --replace",
            code="usage",
        )


def write_file(out: Path, text: str) -> None:
    """Write a file, whole or not at all."""
    from optserve.errors import ConfigError
    from optserve.jobs.record.replacing import replace_file

    try:
        replace_file(out, text.encode("utf-8"))
    except OSError as error:
        raise ConfigError(
            f"cannot write {out}: {error.strerror}", remedy="give another file", code="cannot-write"
        ) from error
