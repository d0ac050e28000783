"""What a job leaves behind: a folder with the result, made whole or not at all.

Everything is written into a folder beside the final one, made before the job runs, which is then
renamed. Many processes may do so at once: a number that was taken in the meantime is passed over.
The unfinished folder of a process that was killed is removed by the next that works there.
"""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

import numpy as np

from optserve.errors import ConfigError
from optserve.graph.aval import Array
from optserve.jobs.problem import Problem
from optserve.jobs.record.large import FILE
from optserve.jobs.record.replacing import lock_folder, unlock
from optserve.jobs.record.result import Result, read_result
from optserve.jobs.record.tables import (
    history_csv,
    output_csv,
    read_fitted,
    read_history,
    table_csv,
)

__all__ = [
    "Room",
    "check_new",
    "config_file",
    "folder_name",
    "graph_text",
    "read_config_text",
    "read_graph_text",
    "read_run",
    "remove_leftovers",
    "room",
    "save",
]

_UNFINISHED = re.compile(r"\.unfinished-[0-9]+-[0-9a-f]{12}")

MOST_EQUATIONS = 2000
"""Equations of a graph up to which it is written out."""


def check_new(out: Path) -> None:
    """Raise ``ConfigError`` where ``out`` cannot become a new folder; ask before a job runs."""
    if out.exists():
        raise ConfigError(
            f"{out} exists already",
            expected="a new folder",
            remedy="choose another name, or remove it",
            code="cannot-write",
        )


class Room:
    """Where the result of a job will be: ``folder``, still unfinished, becomes ``out`` or the next
    number in ``home``.
    """

    def __init__(self, folder: Path, home: Path, out: Path | None) -> None:
        self.folder, self.home, self.out = folder, home, out

    def keep(self, result: Result, config: str = "", graph: str = "", *, sync: bool = True) -> Path:
        """Write ``result`` to the disk and return its folder.

        Without ``sync`` the system may still hold it in memory when this returns; that is for who
        has the disk brought up to date after many.

        The folder holds ``result.json``, ``history.csv``, ``checkpoint.npz`` (arrays only, nothing
        pickled), ``arrays.npz`` where there are numbers of more than 1,000 entries, ``fitted.csv``
        where there is a table of the fit, ``outputs/NAME.csv`` for each output that is an array,
        and, where ``config`` and the ``graph`` of the loss are given, ``config.resolved.yaml`` and
        ``graph.txt``.
        """
        folder = self.folder
        _write(folder / "result.json", f"{result.to_json()}\n")
        _write(folder / "history.csv", history_csv(result))
        _save(folder / "checkpoint.npz", result.checkpoint)
        if arrays := result.arrays:
            _save(folder / FILE, arrays)
        if result.fitted:
            _write(folder / "fitted.csv", table_csv(result.fitted))
        for name, output in result.outputs.items():
            if np.ndim(output.value):
                (folder / "outputs").mkdir(exist_ok=True)
                _write(folder / "outputs" / f"{name}.csv", output_csv(output))
        if config:
            _write(folder / "config.resolved.yaml", config)
        if graph:
            _write(folder / "graph.txt", graph)
        if sync:
            _sync(folder)
        final = self.become()
        if sync:
            _sync_names(self.home)
        return final

    def write(self, result: Result, config: str) -> None:
        """Write ``result`` over what the folder holds of one with the same numbers."""
        _write(self.folder / "result.json", f"{result.to_json()}\n")
        _write(self.folder / "config.resolved.yaml", config)

    def become(self) -> Path:
        """Give the folder its final name, which is returned."""
        return next(name for name in self._names() if _renamed(self.folder, name))

    def _names(self) -> Iterator[Path]:
        """What the folder may be called, in order, where others take names meanwhile."""
        if self.out is not None:
            yield self.out
            yield from (self.out.with_name(f"{self.out.name}-{n}") for n in range(2, 10**6))
        taken = [int(entry.name) for entry in self.home.iterdir() if entry.name.isdecimal()]
        yield from (self.home / f"{n:04d}" for n in range(max(taken, default=0) + 1, 10**9))


@contextmanager
def room(name: str, *, runs: Path = Path("runs"), out: Path | None = None) -> Iterator[Room]:
    """A place for the result of the job ``name``, tried before the job runs.

    Raises ``ConfigError`` where ``out`` exists or no folder can be made. What is not kept is
    removed in the end, with every folder that was made for it.
    """
    if out is not None:
        check_new(out)
    home = runs / folder_name(name) if out is None else out.parent
    made = [folder for folder in (home, *home.parents) if not folder.exists()]
    try:
        home.mkdir(parents=True, exist_ok=True)
        remove_leftovers(home)
        folder, lock = _unfinished(home)
    except OSError as error:
        _remove_empty(made)
        raise _no_place(home, error) from error
    try:
        yield Room(folder, home, out)
    finally:
        shutil.rmtree(folder, ignore_errors=True)  # it is gone where it was renamed
        unlock(lock)
        _remove_empty(made)


def save(
    result: Result,
    *,
    config: str = "",
    graph: str = "",
    runs: Path = Path("runs"),
    out: Path | None = None,
) -> Path:
    """Write ``result`` and return its folder: ``out``, or the next number in ``runs/NAME``."""
    with room(result.name, runs=runs, out=out) as place:
        return place.keep(result, config, graph)


def read_run(path: Path) -> Result:
    """The result that a job left at ``path``, its folder or the ``result.json`` in it, with its
    history and the table of its fit; its checkpoint is not read.

    Raises ``ConfigError`` where there is none of this version.
    """
    folder = path.parent if path.name == "result.json" else path
    if not (folder / "result.json").is_file():
        inside = sorted(one.parent for one in folder.glob("*/result.json"))
        raise ConfigError(
            f"{folder} holds no result.json" if folder.exists() else f"there is no folder {folder}",
            expected="the folder of a run, such as runs/NAME/0001",
            remedy=f"give one of the runs in it, such as {inside[-1]}" if inside else "",
            code="missing-file",
        )
    result = read_result(folder / "result.json")
    tables = {
        "history": read_history(folder / "history.csv"),
        "fitted": read_fitted(folder / "fitted.csv"),
    }
    return result.model_copy(update=tables)


def read_config_text(folder: Path) -> str:
    """The config that a run left in ``folder``, as it ran; nothing where there is none."""
    file = folder / "config.resolved.yaml"
    return file.read_text(encoding="utf-8") if file.is_file() else ""


def read_graph_text(folder: Path) -> str:
    """The graph of the loss that a run left in ``folder``; nothing where there is none."""
    file = folder / "graph.txt"
    return file.read_text(encoding="utf-8") if file.is_file() else ""


def graph_text(problem: Problem) -> str:
    """The loss of a problem as it was traced; of a very large graph, how many equations it has."""
    graph = problem.objective.graph
    count = sum(1 for _ in graph.all_equations())
    if count > MOST_EQUATIONS:
        return f"{count} equations, which are too many to be read\n"
    return f"{graph}\n"


def config_file(result: Result, folder: Path) -> Path:
    """Where the config is that left ``result`` in ``folder``.

    It was named from the working directory, of which ``folder`` is most often a part: so it is
    looked for from each folder that this is in, the innermost first, and else from where we are.
    """
    config = Path(result.config)
    for above in folder.resolve().parents:
        if (above / config).is_file():
            return above / config
    return config


def _no_place(home: Path, error: OSError) -> ConfigError:
    there = next((folder for folder in (home, *home.parents) if folder.exists()), Path())
    why = "cannot be written to" if there.is_dir() else "is a file"
    if there.is_dir() and os.access(there, os.W_OK | os.X_OK):
        why = f"takes no folder: {error.strerror or error}"
    return ConfigError(
        f"there is no place for the result: {there.absolute()} {why}",
        expected="a folder in which a new one can be made",
        remedy="start optserve in another folder, or give one: --out DIR",
        code="cannot-write",
    )


def _unfinished(home: Path) -> tuple[Path, int | None]:
    """A new folder in ``home``, and what locks it while this process lives."""
    while True:
        folder = home / f".unfinished-{os.getpid()}-{os.urandom(6).hex()}"
        folder.mkdir(parents=True)
        # Until it is locked, another process may take it for a leftover and remove it.
        with suppress(FileNotFoundError):
            lock = lock_folder(folder, wait=True)
            if folder.exists():
                return folder, lock
            unlock(lock)


def remove_leftovers(home: Path) -> None:
    """Remove the unfinished folders of processes that were killed."""
    for entry in home.iterdir():
        if _UNFINISHED.fullmatch(entry.name) and entry.is_dir() and not entry.is_symlink():
            with suppress(OSError):
                lock = lock_folder(entry, wait=False)  # held by whoever still writes there
                if lock is not None:
                    shutil.rmtree(entry, ignore_errors=True)
                    unlock(lock)


def _remove_empty(folders: list[Path]) -> None:
    """Remove those of ``folders`` that are empty, the innermost first."""
    for folder in folders:
        with suppress(OSError):
            folder.rmdir()


def _save(path: Path, arrays: Mapping[str, Array]) -> None:
    """Write arrays by name."""
    np.savez(path, allow_pickle=False, **arrays)


def _write(path: Path, text: str) -> None:
    path.write_bytes(text.encode())


def _sync(folder: Path) -> None:
    """Have the system bring what is in ``folder`` down to the disk."""
    for entry in folder.iterdir():
        if entry.is_dir():
            _sync(entry)
        else:
            with entry.open("rb+") as file:
                os.fsync(file.fileno())
    _sync_names(folder)


def _sync_names(folder: Path) -> None:
    """Have the names in ``folder`` written to the disk, where the system does so."""
    with suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _renamed(folder: Path, target: Path) -> bool:
    """Whether ``folder`` is now ``target``; not where that name was taken in the meantime."""
    try:
        folder.rename(target)  # refused onto a folder that holds something, as all of these do
    except OSError:
        if not target.exists():
            raise
        return False
    return True


def folder_name(name: str) -> str:
    """The name of a job as that of a folder: no separators, no leading dots.

    >>> folder_name("../a fit"), folder_name("misra1a")
    ('a_fit', 'misra1a')
    """
    return re.sub(r"[^\w.+-]+", "_", name).lstrip("._") or "job"
