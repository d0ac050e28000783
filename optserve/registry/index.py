"""The name index: which plugin has which names, remembered so that a run imports what it needs.

One small JSON file a plugin, in the user's cache folder. It is only ever a shortcut: a file that
is missing, damaged, or of another version means that the plugin is imported to ask it.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from optserve.registry.hookspecs import KINDS
from optserve.registry.registry import Names
from optserve.registry.sources import Source

__all__ = ["NameIndex", "Record", "cache_folder"]


@dataclass(frozen=True)
class Record:
    """What is remembered of a plugin: its names, or ``None`` where it failed to load."""

    names: Names | None


@dataclass(frozen=True)
class NameIndex:
    """The index in a folder; ``None`` remembers nothing.

    Any number of processes may read and write at once: a file is replaced as a whole, and what they
    write is the same. A folder that is not ours, or cannot be written, is left alone.
    """

    folder: Path | None

    @classmethod
    def of_user(cls) -> NameIndex:
        """The index in the user's cache folder."""
        folder = cache_folder()
        return cls(None if folder is None else _private(folder / "names"))

    def read(self, source: Source) -> Record | None:
        """What is remembered of this very state of the plugin, if anything."""
        path = self._path(source)
        if path is None:
            return None
        try:
            stored = json.loads(path.read_bytes())
        except (OSError, ValueError, RecursionError):
            return None
        if not isinstance(stored, dict) or stored.get("key") != _key(source):
            return None
        return _record(stored.get("names"))

    def write(self, source: Source, record: Record) -> None:
        """Remember ``record``; a cache that cannot be written costs time and nothing else."""
        path = self._path(source)
        if path is None:
            return
        text = json.dumps({"key": _key(source), "names": record.names})
        with contextlib.suppress(OSError):
            descriptor, temporary = tempfile.mkstemp(dir=path.parent, suffix=".tmp")
            try:
                with os.fdopen(descriptor, "w", encoding="utf-8") as file:
                    file.write(text)
                Path(temporary).replace(path)
            except BaseException:
                Path(temporary).unlink(missing_ok=True)
                raise

    def _path(self, source: Source) -> Path | None:
        """The plugin's file: one for each environment, so that two do not undo each other."""
        if self.folder is None or not source.stamp:
            return None
        place = [sys.prefix, sys.implementation.cache_tag, source.distribution, source.module]
        return self.folder / f"{hashlib.sha256(json.dumps(place).encode()).hexdigest()[:32]}.json"


def cache_folder() -> Path | None:
    """Where this user's caches of optserve are, by the conventions of the platform.

    ``OPTSERVE_CACHE_DIR`` overrides it. ``None`` where the user has no home.
    """
    given = os.environ.get("OPTSERVE_CACHE_DIR")
    if given:
        return Path(given).absolute()
    try:
        home = Path.home()
    except RuntimeError:
        return None
    if sys.platform == "win32":
        base = os.environ.get("LOCALAPPDATA")
        return (Path(base) if base else home / "AppData" / "Local") / "optserve" / "Cache"
    if sys.platform == "darwin":
        return home / "Library" / "Caches" / "optserve"
    base = os.environ.get("XDG_CACHE_HOME")
    # The specification has a relative path ignored.
    return (Path(base) if base and Path(base).is_absolute() else home / ".cache") / "optserve"


def _private(folder: Path) -> Path | None:
    """``folder``, made if need be; ``None`` where others than this user may write in it."""
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        status = folder.stat()
    except OSError:
        return None
    if os.name == "posix" and (status.st_uid != os.geteuid() or status.st_mode & 0o022):
        return None
    return folder


def _key(source: Source) -> dict[str, object]:
    """What a record holds for; a new kind of hook makes every record old."""
    return {
        "distribution": source.distribution,
        "version": source.version,
        "module": source.module,
        "stamp": source.stamp,
        "kinds": list(KINDS),
    }


def _record(names: object) -> Record | None:
    """What was stored, or ``None`` where it is not what ``write`` writes."""
    if names is None:
        return Record(None)
    if not isinstance(names, Mapping) or not names.keys() <= set(KINDS):
        return None
    listed = {kind: names[kind] for kind in KINDS if kind in names}
    for value in listed.values():
        if not isinstance(value, list) or not all(isinstance(name, str) for name in value):
            return None
    return Record({kind: tuple(value) for kind, value in listed.items()})
