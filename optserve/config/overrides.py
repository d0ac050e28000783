"""``--set a.b[2]=value``: one value of a config replaced from the command line."""

from __future__ import annotations

import re
from collections.abc import Sequence as SequenceOf
from dataclasses import replace
from pathlib import Path

from optserve.config.nodes import Entry, Mapping, Node, Scalar, Sequence, kind_of
from optserve.config.parse import parse_value
from optserve.config.source import Source
from optserve.errors import ConfigError, Place

__all__ = ["apply"]

_INDEX = re.compile(r"\[([0-9]{1,6})\]")


def apply(tree: Mapping, overrides: SequenceOf[str], folder: Path) -> Mapping:
    """``tree`` with each of ``overrides`` set in turn; null removes a key.

    Along the path the longest literal key wins, so ``parameters.net.W=0`` finds the key ``net.W``.

    >>> from optserve.config.nodes import plain
    >>> from optserve.config.parse import parse
    >>> tree = parse(Source("fit.yaml", "{stop: {steps: 9}, starts: {points: [{b: 1}]}}"))
    >>> assert isinstance(tree, Mapping)
    >>> plain(apply(tree, ["stop.steps=5", "starts.points[0].b=2", "seed=1"], Path()))
    {'stop': {'steps': 5}, 'starts': {'points': [{'b': 2}]}, 'seed': 1}
    """
    for number, text in enumerate(overrides, 1):
        source = Source("--set", text, folder, first_line=number)
        key, equals, _ = text.partition("=")
        if not equals or not key.strip():
            raise ConfigError(
                "there is no `key=value` here",
                place=source.place(0, len(text)),
                expected="--set key=value, such as --set stop.steps=100",
            )
        value = parse_value(source, len(key) + 1, key.strip())
        changed = _set(tree, key.strip(), value)
        assert isinstance(changed, Mapping)
        tree = changed
    return tree


def _set(node: Node, rest: str, value: Node) -> Node:
    """``node`` with ``value`` at the path ``rest``."""
    if not rest:
        return value
    if isinstance(node, Sequence) and (index := _INDEX.match(rest)):
        return _set_item(node, int(index[1]), rest[index.end() :], value)
    if not isinstance(node, Mapping):
        raise ConfigError(
            f"`{node.path}` is {kind_of(node)}, so `{rest}` names nothing in it",
            place=_key_place(value),
            remedy=f"set all of it: --set '{node.path}=...'",
        )
    key, rest = _split(node, rest)
    entry = node.entries.get(key)
    name = entry.key if entry else _key(value, node.path, key)
    if not rest and isinstance(value, Scalar) and value.value is None:
        return replace(node, entries={k: e for k, e in node.entries.items() if k != key})
    below: Node = entry.value if entry else replace(_empty(value), path=name.path)
    return replace(node, entries={**node.entries, key: Entry(name, _set(below, rest, value))})


def _set_item(node: Sequence, index: int, rest: str, value: Node) -> Sequence:
    if index >= len(node):
        raise ConfigError(
            f"`{node.path}` has {len(node)} entries, so there is no [{index}]",
            place=_key_place(value),
        )
    items = list(node.items)
    items[index] = _set(items[index], rest.removeprefix("."), value)
    return replace(node, items=tuple(items))


def _split(node: Mapping, path: str) -> tuple[str, str]:
    """The first key of ``path`` and the rest of it."""
    for key in sorted(node.entries, key=len, reverse=True):
        after = path[len(key) :]
        if path.startswith(key) and (not after or after[0] in ".["):
            return key, after.removeprefix(".")
    key, _, rest = path.partition(".")
    return key, rest


def _key(value: Node, parent: str, key: str) -> Scalar:
    """A key that the config does not have yet, placed on the path of the override."""
    text = value.source.text
    begin = max(0, text.find(key))
    path = f"{parent}.{key}" if parent else key
    return Scalar(value.source, begin, begin + len(key), path, key, key)


def _empty(value: Node) -> Mapping:
    return Mapping(value.source, value.start, value.end, value.path, {})


def _key_place(value: Node) -> Place:
    """The place of the path before the `=`."""
    return value.source.place(0, value.source.text.find("="), value.path)
