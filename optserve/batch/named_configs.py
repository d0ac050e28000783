"""Which configs a command names: files, globs of files, folders."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from glob import has_magic
from pathlib import Path

from optserve.errors import ConfigError, Told

__all__ = ["config_files"]

SUFFIXES = (".yaml", ".yml")


def config_files(named: Sequence[str]) -> tuple[Path, ...]:
    """The files that ``named`` names, each once, in that order and sorted within each name.

    A folder names the ``.yaml`` and ``.yml`` files in it. Those whose names begin with ``_`` are
    for others to extend: a folder or a glob does not name them. Raises ``ConfigError`` for each
    that names nothing.

    >>> [path.name for path in config_files(["configs/ros*.yaml", "configs/rosenbrock.yaml"])]
    ['rosenbrock-gd.yaml', 'rosenbrock.yaml']
    """
    told, found = Told(), dict[Path, Path]()
    for name in named:
        with told:
            for path in _named(name):
                found.setdefault(path.resolve(), path)
    told.hold()
    return tuple(found.values())


def _named(name: str) -> Iterable[Path]:
    path = Path(name)
    if path.is_file():
        return [path]
    if path.is_dir():
        files = sorted(_for_running(path.iterdir()))
        what = f"the folder {name} has no config in it"
    elif has_magic(name):
        base = Path(path.anchor)
        files = sorted(_for_running(base.glob(str(path.relative_to(base)))))
        what = f"no config matches {name}"
    else:
        files, what = [], f"there is no file {name}"
    if not files:
        raise ConfigError(
            what,
            expected="configs, as files, folders or globs: a folder names the .yaml files in it",
            remedy="" if path.is_dir() else f"look from where this is started: {Path.cwd()}",
            code="missing-file",
        )
    return files


def _for_running(paths: Iterable[Path]) -> Iterator[Path]:
    return (
        path
        for path in paths
        if path.suffix.lower() in SUFFIXES and path.name[0] not in "_." and path.is_file()
    )
