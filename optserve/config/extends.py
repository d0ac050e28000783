"""``extends``: a config on top of another. Mappings merge, lists replace, null removes a key."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from optserve.config.allowed_paths import FileReach
from optserve.config.nodes import MappingEntry, MappingNode, Node, ScalarNode, is_null, kind_of
from optserve.config.parse_yaml import parse
from optserve.config.source import read_source
from optserve.errors import ConfigError

__all__ = ["chain_of", "extended", "merge", "read_tree"]

MAX_CHAIN = 8


def read_tree(path: Path, reach: FileReach, chain: tuple[Path, ...] = ()) -> MappingNode:
    """The mapping in the file ``path``, merged onto what it extends."""
    return extended(parse(read_source(path)), reach, (*chain, path.resolve()))


def extended(tree: Node, reach: FileReach, chain: tuple[Path, ...] = ()) -> MappingNode:
    """The mapping ``tree``, merged onto what it extends; ``chain`` are the files up to it."""
    if not isinstance(tree, MappingNode):
        raise ConfigError(
            f"the file holds {kind_of(tree)}",
            place=tree.place,
            expected="a mapping, which begins with `version: 1`",
            code="wrong-value",
        )
    entry = tree.entries.get("extends")
    if entry is None:
        return tree
    own = replace(tree, entries={k: e for k, e in tree.entries.items() if k != "extends"})
    written = entry.value
    if not (isinstance(written, ScalarNode) and isinstance(written.value, str)):
        raise ConfigError(
            f"`extends` is {kind_of(written)}",
            place=written.place,
            expected="the name of a file",
            code="extends",
        )
    base = reach.file(written)
    if base.resolve() in chain:
        raise ConfigError("a config extends itself", place=written.place, code="extends")
    if len(chain) >= MAX_CHAIN:
        raise ConfigError(
            "too many configs extend one another",
            place=written.place,
            expected=f"at most {MAX_CHAIN}",
            code="extends",
        )
    return merge(read_tree(base, reach, chain), own)


def chain_of(path: Path) -> tuple[Path, ...]:
    """The file ``path`` and those that it extends, one after another, as far as they can be read.

    >>> [one.name for one in chain_of(Path("configs/misra1a.yaml"))]
    ['misra1a.yaml']
    """
    chain: tuple[Path, ...] = (path,)
    while len(chain) <= MAX_CHAIN:
        try:
            tree = parse(read_source(chain[-1]))
        except ConfigError:
            break
        entry = tree.entries.get("extends") if isinstance(tree, MappingNode) else None
        if entry is None or not isinstance(entry.value, ScalarNode):
            break
        chain = (*chain, entry.value.source.folder / entry.value.text)
    return chain


def merge(base: MappingNode, over: MappingNode) -> MappingNode:
    """``over`` on top of ``base``.

    >>> from optserve.config.nodes import plain
    >>> from optserve.config.source import Source
    >>> texts = "{a: {b: 1, c: 2}, d: [1]}", "{a: {b: null}, d: [2]}"
    >>> base, over = (parse(Source("fit.yaml", text)) for text in texts)
    >>> assert isinstance(base, MappingNode) and isinstance(over, MappingNode)
    >>> plain(merge(base, over))
    {'a': {'c': 2}, 'd': [2]}
    """
    entries = dict(base.entries)
    for key, entry in over.entries.items():
        below = entries.get(key)
        if is_null(entry.value):
            entries.pop(key, None)
        elif (
            below and isinstance(below.value, MappingNode) and isinstance(entry.value, MappingNode)
        ):
            entries[key] = MappingEntry(entry.key, merge(below.value, entry.value))
        else:
            entries[key] = entry
    return replace(over, entries=entries)
