"""What a job leaves behind: a folder with the result, made whole or not at all.

Everything is written into a folder beside the final one, which is then renamed. Many processes may
do so at once: a number that was taken in the meantime is passed over.
"""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from optserve.errors import ConfigError
from optserve.jobs.result import Result

__all__ = ["check_new", "check_room", "save"]


def check_new(out: Path) -> None:
    """Raise ``ConfigError`` where ``out`` cannot become a new folder; ask before a job runs."""
    if out.exists():
        raise ConfigError(
            f"{out} exists already",
            expected="a new folder",
            remedy="choose another name, or remove it",
        )


def check_room(out: Path | None = None, *, runs: Path = Path("runs")) -> None:
    """Raise ``ConfigError`` where no folder can be made for a result; ask before a job runs."""
    parent = runs if out is None else out.parent
    there = next((folder for folder in (parent, *parent.parents) if folder.exists()), Path())
    if not there.is_dir():
        why = "is a file"
    elif not os.access(there, os.W_OK | os.X_OK):
        why = "cannot be written to"
    else:
        return
    raise ConfigError(
        f"there is no place for the result: {there.absolute()} {why}",
        expected="a folder in which a new one can be made",
        remedy="start optserve in another folder, or give one: --out DIR",
    )


def save(
    result: Result, *, config: str = "", runs: Path = Path("runs"), out: Path | None = None
) -> Path:
    """Write ``result`` and return its folder: ``out``, or the next number in ``runs/NAME``.

    The folder holds ``result.json``, ``history.csv``, ``checkpoint.npz`` (arrays only, nothing
    pickled) and, where ``config`` is given, ``config.resolved.yaml``.
    """
    if out is not None:
        with _written(result, config, out.parent) as folder:
            check_new(out)
            folder.rename(out)
        return out
    home = runs / _folder_name(result.name)
    with _written(result, config, home) as folder:
        taken = [int(entry.name) for entry in home.iterdir() if entry.name.isdecimal()]
        number = max(taken, default=0) + 1
        while not _renamed(folder, home / f"{number:04d}"):
            number += 1
    return home / f"{number:04d}"


def _renamed(folder: Path, target: Path) -> bool:
    """Whether ``folder`` is now ``target``; not where that name was taken in the meantime."""
    try:
        folder.rename(target)  # refused onto a folder that holds something, as all of these do
    except OSError:
        if not target.exists():
            raise
        return False
    return True


@contextmanager
def _written(result: Result, config: str, parent: Path) -> Iterator[Path]:
    """A new folder in ``parent`` with everything in it; removed unless it is renamed."""
    folder = parent / f".unfinished-{os.getpid()}-{os.urandom(6).hex()}"
    folder.mkdir(parents=True)
    try:
        record = result.json()
        (folder / "result.json").write_text(f"{record}\n", encoding="utf-8")
        (folder / "history.csv").write_text("\n".join(_history(result)) + "\n", encoding="utf-8")
        with (folder / "checkpoint.npz").open("wb") as file:
            np.savez(file, allow_pickle=False, **result.checkpoint)
        if config:
            (folder / "config.resolved.yaml").write_text(config, encoding="utf-8")
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _history(result: Result) -> Iterator[str]:
    """A line an evaluation; over minibatches a line an epoch, with what was known after it."""
    epochs = any(entry.epoch is not None for entries in result.history for entry in entries)
    yield "start,evaluation,loss,gradient,seconds" + (
        ",epoch,batch_loss,validation_loss" if epochs else ""
    )
    for start, entries in enumerate(result.history, 1):
        for entry in entries:
            evaluation, loss, gradient, seconds, *rest = entry
            shown = [f"{start},{evaluation}", _cell(loss), _cell(gradient), f"{seconds:.6f}"]
            yield ",".join([*shown, *(map(_cell, rest) if epochs else ())])


def _cell(value: float | None) -> str:
    return "" if value is None else repr(value)


def _folder_name(name: str) -> str:
    """The name of a job as that of a folder: no separators, no leading dots.

    >>> _folder_name("../a fit"), _folder_name("misra1a")
    ('a_fit', 'misra1a')
    """
    return re.sub(r"[^\w.+-]+", "_", name).lstrip("._") or "job"
