"""What a config holds, with the place of every key and value: scalars, sequences, mappings."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal, NamedTuple

from optserve.config.source import Source
from optserve.errors import Place

__all__ = [
    "MappingEntry",
    "MappingNode",
    "Node",
    "ScalarNode",
    "SequenceNode",
    "Style",
    "is_cell",
    "is_null",
    "kind_of",
    "plain",
    "texts",
]

Style = Literal["plain", "quoted", "escaped", "block"]
"""How a scalar is written; ``escaped`` is in double quotes with backslashes, ``block`` folded or
literal."""


_CELL = re.compile(r"data\.(\w+\.)?inline\..+\[[0-9]+\]")


@dataclass(frozen=True, eq=False, repr=False)
class _Written:
    """A stretch of a source, ``source.text[start:end]``, and its key path in the config."""

    source: Source
    start: int
    end: int
    path: str

    @property
    def place(self) -> Place:
        return self.source.place(self.start, self.end, self.path)


@dataclass(frozen=True, eq=False, repr=False)
class ScalarNode(_Written):
    """A number, a truth value, null or a text. ``text`` is what was written, as YAML reads it."""

    value: bool | int | float | str | None
    text: str
    style: Style = "plain"

    def pieces(self) -> tuple[tuple[int, Place], ...]:
        """Where the text stands in the file: (offset in ``text``, place) for each piece of it that
        stands on one line without an escape inside.

        YAML only ever folds blanks, so the n-th other character of the text is the n-th other
        character of the source (the header of a block scalar and the quotes aside).
        """
        raw = self.source.text[self.start : self.end]
        begin = {"plain": 0, "block": raw.find("\n") + 1}.get(self.style, 1)
        written = [
            match.start() for match in _UNIT[self.style].finditer(raw, begin) if _inked(match)
        ]
        offsets = [offset for offset, char in enumerate(self.text) if not char.isspace()]
        pieces: list[tuple[int, Place]] = []
        last = shift = -1
        for offset, position in zip(offsets, written, strict=False):
            if not pieces or position - offset != shift or "\n" in raw[last:position]:
                shift = position - offset
                pieces.append((offset, self._place_from(position)))
            last = position
        return tuple(pieces) or ((0, self.place),)

    def _place_from(self, position: int) -> Place:
        return self.source.place(self.start + position, self.end, self.path)


# What stands for one character of the text: a character, a doubled quote, an escape.
_UNIT: dict[Style, re.Pattern[str]] = {
    "plain": re.compile(".", re.DOTALL),
    "block": re.compile(".", re.DOTALL),
    "quoted": re.compile("''|.", re.DOTALL),
    "escaped": re.compile(r"\\(?:x..|u.{4}|U.{8}|.)|.", re.DOTALL),
}


def _inked(unit: re.Match[str]) -> bool:
    """Whether the unit stands for a character that is not a blank."""
    text = unit[0]
    if len(text) == 1 or text == "''":
        return not text.isspace()
    if len(text) == 2:
        return text[1] not in " \t\n\rntrvfN_LP"
    return not chr(int(text[2:], 16)).isspace()


@dataclass(frozen=True, eq=False, repr=False)
class SequenceNode(_Written):
    """A list."""

    items: tuple[Node, ...]

    def __iter__(self) -> Iterator[Node]:
        return iter(self.items)

    def __len__(self) -> int:
        return len(self.items)


class MappingEntry(NamedTuple):
    """A key of a mapping and its value."""

    key: ScalarNode
    value: Node


@dataclass(frozen=True, eq=False, repr=False)
class MappingNode(_Written):
    """Keys, which are texts, and values; in the order written."""

    entries: dict[str, MappingEntry]

    def __contains__(self, key: str) -> bool:
        return key in self.entries

    def __len__(self) -> int:
        return len(self.entries)


Node = ScalarNode | SequenceNode | MappingNode


def is_null(node: Node) -> bool:
    """Whether the node is null."""
    return isinstance(node, ScalarNode) and node.value is None


def is_cell(path: str) -> bool:
    """Whether at a key path a cell of a table stands, which means what its column makes of it.

    >>> is_cell("data.inline.s[3]"), is_cell("data.t.inline.s[3]"), is_cell("data.seed")
    (True, True, False)
    """
    return _CELL.fullmatch(path) is not None


def texts(node: Node) -> frozenset[str]:
    """Every text in the node, keys included: among them all names that it mentions."""
    match node:
        case ScalarNode():
            return frozenset({node.text})
        case SequenceNode():
            return frozenset[str]().union(*map(texts, node))
        case MappingNode():
            below = (texts(entry.value) for entry in node.entries.values())
            return frozenset(node.entries).union(*below)


def kind_of(node: Node) -> str:
    """What the node is, in the words of an error: "a number", "the text 'abc'", "a list"."""
    match node:
        case ScalarNode(value=None):
            return "null"
        case ScalarNode(value=bool()):
            return f"the truth value {node.text}"
        case ScalarNode(value=int() | float()):
            return f"the number {_shortened(node.text)}"
        case ScalarNode():
            return f"the text {_shortened(node.text)!r}"
        case SequenceNode():
            return "a list"
        case MappingNode():
            return "a mapping"


def _shortened(text: str, limit: int = 40) -> str:
    return text if len(text) <= limit else text[: limit - 3] + "..."


def plain(node: Node) -> object:
    """The node as dicts, lists and scalars, without places.

    >>> from optserve.config.parse_yaml import parse
    >>> plain(parse(Source("fit.yaml", "{a: [1, 2.5, x]}")))
    {'a': [1, 2.5, 'x']}
    """
    match node:
        case ScalarNode():
            return node.value
        case SequenceNode():
            return [plain(item) for item in node]
        case MappingNode():
            return {key: plain(entry.value) for key, entry in node.entries.items()}
