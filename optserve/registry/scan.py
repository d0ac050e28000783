"""``scan``: which installed distributions have entry points of the group ``optserve``.

Asking ``importlib.metadata`` is slow, most of it for its own import. The answer is remembered
together with a fingerprint of the metadata folders, and asked for again when one has changed.
"""

from __future__ import annotations

import hashlib
import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from optserve.cache import private_folder, write_whole

if TYPE_CHECKING:
    from importlib.metadata import Distribution

__all__ = ["Installed", "scan"]

GROUP = "optserve"


class Installed(NamedTuple):
    """One entry point. ``record`` is a digest of what was installed, "" where the code is edited in
    place; ``problem`` says what is wrong with damaged metadata."""

    distribution: str
    version: str
    entry: str
    record: str
    problem: str = ""


def scan() -> list[Installed]:
    """Every entry point of the group, in the order of ``sys.path``."""
    fingerprint = _fingerprint()
    folder = private_folder("scans")
    environment = hashlib.sha256("\n".join([sys.version, *sys.path]).encode(errors="replace"))
    path = None if folder is None else folder / f"{environment.hexdigest()[:32]}.json"
    remembered = None if path is None else _read(path, fingerprint)
    if remembered is not None:
        return remembered
    found = list(_ask())
    if path is not None and not any(entry.problem for entry in found):
        write_whole(path, json.dumps({"key": fingerprint, "found": found}).encode())
    return found


def _fingerprint() -> str:
    """A digest of the names and times of all metadata folders on ``sys.path``."""
    lines = [sys.version]
    for place in sys.path:
        lines.append(place)
        try:
            with os.scandir(place or ".") as entries:
                infos = sorted(e.path for e in entries if e.name.endswith(("-info", ".egg-link")))
        except OSError:  # not a folder: an archive, or nothing
            infos = [place]
        for info in infos:
            lines += [info, _times(info), _times(f"{info}{os.sep}entry_points.txt")]
    return hashlib.sha256("\n".join(lines).encode(errors="replace")).hexdigest()


def _times(path: str) -> str:
    try:
        status = os.stat(path)  # noqa: PTH116 - a Path for each would double the time
    except OSError:
        return "-"
    return f"{status.st_mtime_ns} {status.st_size}"


def _read(path: Path, fingerprint: str) -> list[Installed] | None:
    try:
        stored = json.loads(path.read_bytes())
        if stored["key"] != fingerprint:
            return None
        return [Installed(*map(str, entry)) for entry in stored["found"]]
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return None


def _ask() -> Iterator[Installed]:
    import importlib.metadata

    for distribution in importlib.metadata.distributions():
        # Looking at this one file is cheap; parsing the metadata of every distribution is not.
        if _has_group(distribution):
            yield from _entries(distribution)


def _has_group(distribution: Distribution) -> bool:
    try:
        return f"[{GROUP}]" in (distribution.read_text("entry_points.txt") or "")
    except ValueError:  # not text at all
        return False


def _entries(distribution: Distribution) -> Iterator[Installed]:
    name, version = "a distribution without a name", ""
    try:
        name, version = distribution.metadata["Name"] or name, distribution.version or version
        record = _record(distribution)
        for entry_point in distribution.entry_points.select(group=GROUP):
            entry_point.module  # noqa: B018 - raises where the value names no module
            yield Installed(name, version, entry_point.value, record)
    except Exception as error:  # metadata can be damaged in any way
        yield Installed(name, version, "its metadata", "", f"{type(error).__name__}: {error}")


def _record(distribution: Distribution) -> str:
    """A digest of the list of installed files; "" where the code is edited in place."""
    record = distribution.read_text("RECORD")
    direct_url = json.loads(distribution.read_text("direct_url.json") or "{}")
    if not record or direct_url.get("dir_info", {}).get("editable"):
        return ""
    return hashlib.sha256(record.encode()).hexdigest()
