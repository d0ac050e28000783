"""``--set a.b[2]=value``, or another ``Option``: the command line replaces a value of a config."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple

from optserve.config.nodes import MappingEntry, MappingNode, Node, ScalarNode, SequenceNode, kind_of
from optserve.config.parse_yaml import parse_value
from optserve.config.schema.config import Expect
from optserve.config.schema.parameter import Parameter
from optserve.config.source import Source
from optserve.config.suggest import choices, did_you_mean
from optserve.errors import ConfigError, Place

__all__ = ["Option", "apply"]


class Option(NamedTuple):
    """What an option ``name`` such as ``--method`` gives: the ``text`` of the value at ``path``."""

    name: str
    path: str
    text: str


_NAMED = MappingProxyType(
    {
        "parameters": "parameter",
        "expect": "expectation",
        "metrics": "metric",
        "outputs": "output",
        "define": "value or function of `define`",
    }
)
"""The mappings whose keys are names of the config's own, and what a name stands for."""

_KEYED = frozenset({"parameters", "expect", "outputs"})
"""Those of them whose values are mappings of known keys."""

_INDEX = re.compile(r"\[([0-9]{1,6})\]")


def apply(
    tree: MappingNode, overrides: Sequence[str | Option], folder: Path, *, origin: str = "--set"
) -> MappingNode:
    """``tree`` with each of ``overrides`` set in turn; null removes a key.

    Along the path the longest literal key wins, so ``parameters.net.W=0`` finds the key ``net.W``.
    A parameter, an expectation or another name of the config's own must be there already, unless
    the path begins with ``+``, which declares a new one. ``origin`` is where they come from.

    >>> from optserve.config.nodes import plain
    >>> from optserve.config.parse_yaml import parse
    >>> tree = parse(Source("fit.yaml", "{stop: {steps: 9}, starts: {points: [{b: 1}]}}"))
    >>> assert isinstance(tree, MappingNode)
    >>> plain(apply(tree, ["stop.steps=5", "starts.points[0].b=2", "seed=1"], Path()))
    {'stop': {'steps': 5}, 'starts': {'points': [{'b': 2}]}, 'seed': 1}
    >>> plain(apply(tree, ["+expect.parameters.b.max=3"], Path()))["expect"]
    {'parameters.b': {'max': 3}}
    """
    for number, text in enumerate(overrides, 1):
        if isinstance(text, Option):
            tree = _optioned(tree, text, folder)
            continue
        source = Source(origin, text, folder, first_line=number)
        written, equals, _ = text.partition("=")
        path = written.strip()
        new = path.startswith("+")
        path = path.removeprefix("+").strip()
        if not equals or not path:
            raise ConfigError(
                "there is no `key=value` here",
                place=source.place(0, len(text)),
                expected="--set key=value, such as --set stop.steps=100",
                code="override",
            )
        _check_path(source, path)
        if path == "extends":
            raise ConfigError(
                "`extends` is read before what is set",
                place=source.place(0, len(text), path),
                expected="a value of the merged config",
                remedy="write `extends` into the config, or run the other config",
                code="override",
            )
        value = parse_value(source, len(written) + 1, path)
        if isinstance(value, ScalarNode) and value.value is None and not value.text:
            raise ConfigError(
                f"there is nothing after `{path}=`",
                place=source.place(0, len(written) + 1, path),
                expected="a value, such as --set stop.steps=100",
                remedy=f"`{path}=null` removes the key; a variable of the shell may be unset",
                code="override",
            )
        changed = _set(tree, path, value, new)
        assert isinstance(changed, MappingNode)
        tree = changed
    return tree


def _optioned(tree: MappingNode, option: Option, folder: Path) -> MappingNode:
    """``tree`` with what an option of its own says."""
    source = Source(option.name, option.text, folder)
    value = parse_value(source, 0, option.path)
    if isinstance(value, ScalarNode) and value.value is None:
        raise ConfigError(
            f"there is nothing after `{option.name}`",
            remedy="leave the option out, or give its value; a variable of the shell may be unset",
            code="override",
        )
    changed = _set(tree, option.path, value, new=False)
    assert isinstance(changed, MappingNode)
    return changed


def _check_path(source: Source, path: str) -> None:
    """Refuse a path of which a part is empty."""
    at = next((at for at in (path.find(".."), 0, len(path) - 1) if path[at : at + 1] == "."), None)
    if at is None or at < 0:
        return
    start = source.text.index(path)
    tidy = ".".join(filter(None, path.split(".")))
    raise ConfigError(
        f"the path `{path}` has an empty part",
        place=source.place(start + at, start + at + 1, path),
        expected="keys with one dot between them, such as stop.steps",
        remedy=f"did you mean '{tidy}'?" if tidy else "",
        code="override",
    )


def _set(node: Node, rest: str, value: Node, new: bool) -> Node:
    """``node`` with ``value`` at the path ``rest``; ``new`` where it is to be declared by that."""
    if not rest:
        return value
    if isinstance(node, SequenceNode) and (index := _INDEX.match(rest)):
        return _set_item(node, int(index[1]), rest[index.end() :], value, new)
    if not isinstance(node, MappingNode):
        raise ConfigError(
            f"`{node.path}` is {kind_of(node)}, so `{rest}` names nothing in it",
            place=_key_place(value),
            remedy=f"set all of it: {_written(value, node.path)}",
            code="override",
        )
    key, rest = _split(node, rest)
    if new and not rest and key in node.entries:
        raise ConfigError(
            f"`{node.entries[key].key.path}` is there already",
            place=_key_place(value),
            expected="a new key after `+`",
            remedy="leave out the `+` to replace the value",
            code="override",
        )
    if key not in node.entries and (what := _NAMED.get(node.path)):
        if not new:
            raise _undeclared(node, key, what, value)
        key, rest = _new_name(node.path, f"{key}.{rest}" if rest else key)
    entry = node.entries.get(key)
    name = entry.key if entry else _key(value, node.path, key)
    if not rest and isinstance(value, ScalarNode) and value.value is None:
        return replace(node, entries={k: e for k, e in node.entries.items() if k != key})
    below: Node = entry.value if entry else replace(_empty(value), path=name.path)
    return replace(
        node, entries={**node.entries, key: MappingEntry(name, _set(below, rest, value, new))}
    )


def _undeclared(node: MappingNode, key: str, what: str, value: Node) -> ConfigError:
    """The error for a name that the config does not declare."""
    path = value.source.text.partition("=")[0].strip()
    near = did_you_mean(path.removeprefix(f"{node.path}."), node.entries)
    declares = _written(value, f"+{path}") + " declares a new one"
    return ConfigError(
        f"there is no {what} `{path.removeprefix(f'{node.path}.')}`",
        place=_key(value, node.path, key).place,
        expected=f"one of {choices(node.entries)}" if node.entries else "",
        remedy=f"{near} {declares}" if near else declares,
        code="override",
    )


def _written(value: Node, path: str) -> str:
    """How ``path`` is set where ``value`` was: by an option, or in a sweep."""
    return f"--set '{path}=...'" if value.source.name == "--set" else f"'{path}' in the sweep"


def _new_name(parent: str, rest: str) -> tuple[str, str]:
    """The name that a path declares, which may hold dots, and the key of it that is set."""
    keys = Expect.keys() if parent == "expect" else Parameter.keys()
    name, _, last = rest.rpartition(".")
    return (name, last) if name and last in keys and parent in _KEYED else (rest, "")


def _set_item(node: SequenceNode, index: int, rest: str, value: Node, new: bool) -> SequenceNode:
    if index >= len(node):
        raise ConfigError(
            f"`{node.path}` has {len(node)} entries, so there is no [{index}]",
            place=_key_place(value),
            code="override",
        )
    items = list(node.items)
    items[index] = _set(items[index], rest.removeprefix("."), value, new)
    return replace(node, items=tuple(items))


def _split(node: MappingNode, path: str) -> tuple[str, str]:
    """The first key of ``path`` and the rest of it."""
    for key in sorted(node.entries, key=len, reverse=True):
        after = path[len(key) :]
        if path.startswith(key) and (not after or after[0] in ".["):
            return key, after.removeprefix(".")
    key, _, rest = path.partition(".")
    return key, rest


def _key(value: Node, parent: str, key: str) -> ScalarNode:
    """A key that the config does not have yet, placed on the path of the override."""
    text = value.source.text
    begin = max(0, text.find(key))
    path = f"{parent}.{key}" if parent else key
    return ScalarNode(value.source, begin, begin + len(key), path, key, key)


def _empty(value: Node) -> MappingNode:
    return MappingNode(value.source, value.start, value.end, value.path, {})


def _key_place(value: Node) -> Place:
    """The place of the path before the `=`."""
    return value.source.place(0, value.source.text.find("="), value.path)
