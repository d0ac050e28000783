"""The name index: which plugin has which names, remembered so that a run imports what it needs.

One small JSON file a plugin, in the user's cache folder. It is only ever a shortcut: a file that
is missing, damaged, or of another version means that the plugin is imported to ask it.
"""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from optserve.cache import private_folder, write_whole
from optserve.registry.hookspecs import KINDS
from optserve.registry.plugin_source import PluginSource
from optserve.registry.registry import Names

__all__ = ["NameIndex", "PluginRecord"]


@dataclass(frozen=True)
class PluginRecord:
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
        return cls(private_folder("names"))

    def read(self, source: PluginSource) -> PluginRecord | None:
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

    def write(self, source: PluginSource, record: PluginRecord) -> None:
        """Remember ``record``; a cache that cannot be written costs time and nothing else."""
        path = self._path(source)
        if path is None:
            return
        write_whole(path, json.dumps({"key": _key(source), "names": record.names}).encode())

    def _path(self, source: PluginSource) -> Path | None:
        """The plugin's file: one for each environment, so that two do not undo each other."""
        if self.folder is None or not source.stamp:
            return None
        place = [sys.prefix, sys.implementation.cache_tag, source.distribution, source.module]
        return self.folder / f"{hashlib.sha256(json.dumps(place).encode()).hexdigest()[:32]}.json"


def _key(source: PluginSource) -> dict[str, object]:
    """What a record holds for; a new kind of hook makes every record old."""
    return {
        "distribution": source.distribution,
        "version": source.version,
        "module": source.module,
        "stamp": source.stamp,
        "kinds": list(KINDS),
    }


def _record(names: object) -> PluginRecord | None:
    """What was stored, or ``None`` where it is not what ``write`` writes."""
    if names is None:
        return PluginRecord(None)
    if not isinstance(names, Mapping) or not names.keys() <= set(KINDS):
        return None
    listed = {kind: names[kind] for kind in KINDS if kind in names}
    for value in listed.values():
        if not isinstance(value, list) or not all(isinstance(name, str) for name in value):
            return None
    return PluginRecord({kind: tuple(value) for kind, value in listed.items()})
