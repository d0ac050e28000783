"""``Written``: a config as somebody wrote it, read and held against the schema."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import replace
from os import PathLike, fspath
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from optserve.config.allowed_paths import FileReach
from optserve.config.extends import extended, read_tree
from optserve.config.given import tree_of
from optserve.config.nodes import MappingNode, ScalarNode
from optserve.config.overrides import Option, apply
from optserve.config.schema.config import Config
from optserve.config.schema.section import Section
from optserve.config.schema.validation import validated
from optserve.errors import shown

__all__ = ["Given", "Read", "Written", "content_of", "read_config", "written"]

LARGEST = 4096
"""Entries up to which an array in a config is compared, and what it is part of is kept."""


class Read(NamedTuple):
    """What was read from ``file``, what it extends merged in."""

    file: Path
    tree: MappingNode

    @property
    def name(self) -> str:
        """What the job is called, where that is written as it should be."""
        return self.text_of("name") or self.file.stem

    def text_of(self, key: str) -> str:
        """The text under ``key``, empty where there is none."""
        entry = self.tree.entries.get(key)
        value = entry.value if entry is not None else None
        return value.value if isinstance(value, ScalarNode) and isinstance(value.value, str) else ""


Given = str | Path | Mapping[str, Any] | Config | Read
"""A file, a mapping of the same content, a ``Config``, or what was read from a file."""


class Written(NamedTuple):
    """A config, the ``tree`` that it was read from, and its ``file`` where it was in one.

    ``reach`` are the files that it may name.
    """

    config: Config
    tree: MappingNode
    file: Path | None
    reach: FileReach

    @property
    def name(self) -> str:
        """What the job is called."""
        return self.config.name or ("config" if self.file is None else shown(self.file.stem))


def written(
    config: Given, *, overrides: Sequence[str | Option], allow_path: bool, with_data: bool
) -> Written:
    """The config in a file, a mapping or a ``Config``, what it extends and ``overrides`` merged in.

    ``with_data``: the data are given in memory, and the config may say nothing of them. Raises
    ``ConfigError`` for all in it that does not fit the schema.
    """
    read = config if isinstance(config, Read) else None
    file = Path(config) if isinstance(config, str | Path) else read and read.file
    folder = Path() if file is None else file.parent
    reach = FileReach(folder, allow_path)
    if read is not None:
        tree = read.tree
    else:
        tree = extended(tree_of(config), reach) if file is None else read_tree(file, reach)
    tree = apply(tree, overrides, folder)
    if with_data and "data" not in tree:
        tree = replace(tree, entries={**tree.entries, **_no_data().entries})
    return Written(validated(Config, tree), tree, file, reach)


def read_config(
    file: Path, *, overrides: Sequence[str | Option] = (), allow_path: bool = False
) -> Read:
    """The config in ``file`` as it is written; nothing is held against the schema."""
    return Read(
        file, apply(read_tree(file, FileReach(file.parent, allow_path)), overrides, file.parent)
    )


def _no_data() -> MappingNode:
    """A table of which a config says nothing, its columns being given in memory."""
    tree = tree_of({"data": {}})
    assert isinstance(tree, MappingNode)
    return tree


def content_of(config: Given) -> Hashable:
    """What a config says, to know it again; ``None`` where that is more than stands in it."""
    if isinstance(config, Read):
        return None
    try:
        if not isinstance(config, str | Path):
            entries = config if isinstance(config, Mapping) else {}
            return None if "extends" in entries else (_compared(config), str(Path.cwd()))
        text = Path(config).read_bytes()
        return None if b"extends" in text else (str(config), text)
    except (TypeError, OSError, RecursionError):  # it is refused when it is read
        return None


def _compared(value: Any) -> Hashable:
    """What stands in a config from Python, to compare; ``TypeError`` where that takes too long.

    >>> _compared({"b": 1}) == _compared({"b": 1.0}), _compared([True]) == _compared([1])
    (False, False)
    """
    if isinstance(value, Section):
        names = sorted(value.model_fields_set)
        return type(value), tuple([(name, _compared(getattr(value, name))) for name in names])
    if isinstance(value, Mapping):
        return "mapping", tuple([(name, _compared(one)) for name, one in value.items()])
    if isinstance(value, list | tuple):
        return "list", tuple([_compared(one) for one in value])
    if isinstance(value, float):
        return float, float.hex(value)
    if value is None or isinstance(value, str | bool | int):
        return type(value), value
    if isinstance(value, np.ndarray | np.generic) and value.size <= LARGEST:
        return _compared(value.tolist())
    if isinstance(value, PathLike):
        return "path", fspath(value)
    raise TypeError(f"{type(value).__name__} is not compared")
