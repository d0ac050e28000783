"""``PluginSource``: where contributions come from: an entry point of a distribution, or a file.

Finding the sources imports none of them.
"""

from __future__ import annotations

import functools
import hashlib
import importlib.util
import os
import re
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from importlib import import_module
from importlib.machinery import ModuleSpec
from pathlib import Path

from optserve.errors import ConfigError
from optserve.registry.hookspecs import PROJECT
from optserve.registry.scan import Installed, scan

__all__ = [
    "PluginSource",
    "canonical",
    "entry_module",
    "entry_value",
    "file_source",
    "installed_sources",
    "python_files",
]

BUILTIN_MODULES = ("optserve.registry.builtin", "optserve.config.builtin")
"""The entry points of optserve itself, for a source tree that was never installed."""

PARTS = ("optserve.registry.densities", "optserve.reports.builtin", "optserve.batch.builtin")
"""Built in too, and no entry points: parts that are imported where what is in them is named."""


@dataclass(frozen=True, eq=False)
class PluginSource:
    """One plugin, not yet imported.

    ``stamp`` changes whenever its code does; "" where its names are not worth remembering.
    ``load`` imports it and returns what pluggy registers.
    """

    distribution: str
    version: str
    module: str
    stamp: str
    load: Callable[[], object]

    @property
    def builtin(self) -> bool:
        """Whether it ships with optserve."""
        return canonical(self.distribution) == PROJECT

    def __str__(self) -> str:
        return f"{self.distribution} {self.version}".rstrip()


def canonical(distribution: str) -> str:
    """The name of a distribution as packaging tools compare it.

    >>> canonical("Optserve_Robust")
    'optserve-robust'
    """
    return re.sub(r"[-_.]+", "-", distribution).lower()


def installed_sources() -> list[PluginSource]:
    """The entry points of the group ``optserve``, of every distribution on ``sys.path``."""
    found: dict[str, list[PluginSource]] = {}
    first: dict[str, tuple[str, str]] = {}
    for entry in scan():
        name = canonical(entry.distribution)
        # Of two distributions of one name, Python imports the one that comes first.
        if first.setdefault(name, (entry.distribution, entry.version))[1] != entry.version:
            continue
        source, others = _source(entry), found.setdefault(name, [])
        if all(other.module != source.module for other in others):  # one folder, twice on the path
            others.append(source)
    if PROJECT not in found:
        found[PROJECT] = _uninstalled_builtins()
    own = found[PROJECT][0]
    found[PROJECT] += [
        replace(own, module=part, load=functools.partial(import_module, part)) for part in PARTS
    ]
    # An order that does not hang on that of the folders; what is built in comes first.
    ordered = sorted(found, key=lambda name: (name != PROJECT, name))
    return [source for name in ordered for source in found[name]]


def file_source(path: Path) -> PluginSource:
    """The source of ``--plugin FILE.py``, whose version is a digest of its text."""
    try:
        content = path.read_bytes()
    except OSError as error:
        raise ConfigError(
            f"cannot read the plugin {path}: {error.strerror}",
            expected="--plugin FILE.py, a Python file of yours",
            code="unreadable-file",
        ) from error
    digest = hashlib.sha256(content).hexdigest()[:12]
    name = f"optserve_plugin_{digest}_{path.stem}"
    load = functools.partial(_load_file, name, path)
    return PluginSource(path.name, f"sha256:{digest}", str(path), "", load)


def _source(entry: Installed) -> PluginSource:
    name = PROJECT if canonical(entry.distribution) == PROJECT else entry.distribution
    package = entry_module(entry.entry).partition(".")[0]
    stamp_of = _own_stamp if package == PROJECT else _tree_stamp
    stamp = entry.record or ("" if entry.problem else stamp_of(package))
    load = functools.partial(_load_entry, entry)
    return PluginSource(name, entry.version, entry.entry, stamp, load)


def _load_entry(entry: Installed) -> object:
    if entry.problem:
        raise ImportError(entry.problem)
    return entry_value(entry.entry)


def entry_value(entry: str) -> object:
    """What the ``module`` or ``module:attribute`` of an entry point names, imported."""
    attributes = entry.partition(":")[2].strip()
    names = [name for name in attributes.split(".") if name]
    return functools.reduce(getattr, names, import_module(entry_module(entry)))


def entry_module(entry: str) -> str:
    """The module of an entry point.

    >>> entry_module("optserve_growth:hooks")
    'optserve_growth'
    """
    return entry.partition(":")[0].strip()


def _uninstalled_builtins() -> list[PluginSource]:
    stamp = _own_stamp(PROJECT)
    return [
        PluginSource(
            PROJECT, "(not installed)", module, stamp, functools.partial(import_module, module)
        )
        for module in BUILTIN_MODULES
    ]


def _load_file(name: str, path: Path) -> object:
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise ImportError(f"{path} is not a Python file")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # dataclasses and pickle look their module up
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[name]
        raise
    return module


def _tree_stamp(*packages: str) -> str:
    """A digest of the paths, times and sizes of the Python files of top-level packages."""
    lines: set[str] = set()
    for package in packages:
        spec = importlib.util.find_spec(package)
        if spec is not None:
            lines.update(map(_file_line, python_files(spec)))
    return hashlib.sha256("\n".join(sorted(lines)).encode()).hexdigest()


_own_stamp = functools.cache(_tree_stamp)
"""That of the code which is running: a process that loads many configs asks once."""


def python_files(spec: ModuleSpec) -> Iterator[str]:
    """The Python files of a module or package."""
    if spec.submodule_search_locations is None and spec.origin is not None:
        yield spec.origin
    for location in spec.submodule_search_locations or ():
        for folder, _, names in os.walk(location):
            yield from (f"{folder}{os.sep}{name}" for name in names if name.endswith(".py"))


def _file_line(path: str) -> str:
    try:
        status = os.stat(path)  # noqa: PTH116 - a Path for each file would double the time
    except OSError:  # the lock of an editor, or a file deleted this moment
        return path
    return f"{path} {status.st_mtime_ns} {status.st_size}"
