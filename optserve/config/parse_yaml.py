"""YAML 1.2, strict, into nodes.

ruamel.yaml supplies the events; the tree is built here, because the strictness is about what a tree
no longer shows: aliases, tags, duplicate keys, positions.
"""

from __future__ import annotations

import math
import re
import unicodedata
from collections.abc import Iterator
from dataclasses import replace

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.events import (
    AliasEvent,
    DocumentStartEvent,
    Event,
    MappingEndEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
)
from ruamel.yaml.reader import ReaderError

from optserve.config.nodes import (
    MappingEntry,
    MappingNode,
    Node,
    ScalarNode,
    SequenceNode,
    Style,
    is_cell,
    kind_of,
)
from optserve.config.source import Source, without_excerpt
from optserve.config.traps import explain_syntax, refuse_cut
from optserve.errors import ConfigError, Place

__all__ = ["parse", "parse_value"]

MAX_DEPTH = 32

# The core schema of YAML 1.2 (10.3.2): `yes`, `on` and `1_000` are texts, `0o17` is octal.
_NULL = frozenset({"", "~", "null", "Null", "NULL"})
_BOOL = {"true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False}
_INT = re.compile(r"[-+]?[0-9]+")
_BASED = {"0o": (8, re.compile("0o[0-7]+")), "0x": (16, re.compile("0x[0-9a-fA-F]+"))}
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_NON_FINITE = re.compile(r"[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)")
_LONGEST_INT = 300
"""Digits of an integer that may be read exactly; a longer one is beyond float64 or close to it."""


def parse(source: Source) -> Node:
    """The one document of ``source``; raises ``ConfigError`` where it is not strict YAML.

    >>> node = parse(Source("fit.yaml", "stop: {steps: 9}"))
    >>> isinstance(node, MappingNode) and node.entries["stop"].value.path
    'stop'
    """
    document = parse_value(source)
    if isinstance(document, ScalarNode) and document.value is None:
        raise ConfigError(
            "the file is empty",
            place=source.place(0, 1),
            expected="a config, which begins with `version: 1`",
            remedy="`optserve init` writes one to start from",
            code="yaml",
        )
    return document


def parse_value(source: Source, begin: int = 0, path: str = "") -> Node:
    """The value written in ``source`` from the offset ``begin`` on, for the key path ``path``."""
    yaml = YAML(typ="safe", pure=True)
    try:
        return _Builder(source, begin, iter(yaml.parse(source.text[begin:]))).document(path)
    except ReaderError as error:
        position = begin + error.position
        raise ConfigError(
            f"the character U+{ord(source.text[position]):04X} cannot stand in YAML, is this text?",
            place=without_excerpt(source.place(position, position)),
            expected="a YAML file in UTF-8",
            code="yaml",
        ) from None
    except MarkedYAMLError as error:
        raise explain_syntax(source, begin, error) from None
    except (YAMLError, ValueError, OverflowError) as error:
        message = str(error).splitlines()[0]
        raise ConfigError(
            f"not valid YAML: {message}", place=source.place(begin, begin), code="yaml"
        ) from None


class _Builder:
    """Turns events into nodes."""

    def __init__(self, source: Source, begin: int, events: Iterator[Event]) -> None:
        self.source = source
        self.begin = begin
        self.events = events

    def span(self, start: Event, end: Event | None = None) -> tuple[int, int]:
        """Where in the source the events from ``start`` to ``end`` stand."""
        last = end or start
        return self.begin + start.start_mark.index, self.begin + last.end_mark.index

    def place(self, event: Event, path: str = "") -> Place:
        return self.source.place(*self.span(event), path)

    def document(self, path: str) -> Node:
        """The one document; null where there is none."""
        document: Node | None = None
        for event in self.events:
            if not isinstance(event, DocumentStartEvent):
                continue
            if document is not None:
                raise ConfigError(
                    "a second document begins here",
                    place=self.place(event),
                    expected="one document: one file is one problem",
                    code="yaml",
                )
            if event.tags or event.version not in (None, (1, 2)):
                raise ConfigError(
                    "directives are not part of the config language",
                    place=self.source.place(self.begin, self.begin),
                    expected="YAML 1.2 without directives",
                    code="yaml",
                )
            document = self.node(next(self.events), path, 0)
        if document is None:
            return ScalarNode(self.source, self.begin, self.begin, path, None, "")
        return document

    def node(self, event: Event, path: str, depth: int, flow: bool = False) -> Node:
        if isinstance(event, AliasEvent) or getattr(event, "anchor", None) is not None:
            raise ConfigError(
                "anchors and aliases are not part of the config language",
                place=self.place(event, path),
                remedy="quote a text that begins with `&` or `*`; share settings with `extends`",
                code="yaml",
            )
        if getattr(event, "ctag", None) is not None:
            raise ConfigError(
                "tags are not part of the config language",
                place=self.place(event, path),
                remedy="quote a text that begins with `!`",
                code="yaml",
            )
        if depth > MAX_DEPTH:
            raise ConfigError(
                "nested too deeply",
                place=self.place(event, path),
                expected=f"at most {MAX_DEPTH} levels",
                code="too-large",
            )
        if isinstance(event, ScalarEvent):
            return self.scalar(event, path, flow)
        if isinstance(event, SequenceStartEvent):
            return self.sequence(event, path, depth)
        return self.mapping(event, path, depth)

    def sequence(self, start: Event, path: str, depth: int) -> SequenceNode:
        items: list[Node] = []
        while not isinstance(event := next(self.events), SequenceEndEvent):
            items.append(self.node(event, f"{path}[{len(items)}]", depth + 1, _is_flow(start)))
        return SequenceNode(self.source, *self.span(start, event), path, tuple(items))

    def mapping(self, start: Event, path: str, depth: int) -> MappingNode:
        flow = _is_flow(start)
        entries: dict[str, MappingEntry] = {}
        while not isinstance(event := next(self.events), MappingEndEvent):
            key = self.key(self.node(event, path, depth + 1, flow), path)
            if key.text in entries:
                first = entries[key.text].key.place
                raise ConfigError(
                    f"the key {key.text!r} is written twice",
                    place=key.place,
                    expected=f"each key once; it is written first at {first}",
                    code="duplicate-key",
                )
            value = self.node(next(self.events), key.path, depth + 1, flow)
            entries[key.text] = MappingEntry(key, value)
        return MappingNode(self.source, *self.span(start, event), path, entries)

    def key(self, node: Node, path: str) -> ScalarNode:
        """The node as a key: a text, with the key path of its value."""
        if not isinstance(node, ScalarNode):
            raise ConfigError(
                "a key must be a text, not a list or a mapping",
                place=node.place,
                remedy="quote it, if it is meant as a text",
                code="yaml",
            )
        if not isinstance(node.value, str):
            shown = node.text or "nothing"
            raise ConfigError(
                f"a key must be a text, and YAML reads {shown[:40]} as {kind_of(node)}",
                place=node.place,
                remedy=f'quote it: "{shown[:40]}"',
                code="yaml",
            )
        text = unicodedata.normalize("NFC", node.text)  # two spellings of a letter are one key
        return replace(node, text=text, value=text, path=f"{path}.{text}" if path else text)

    def scalar(self, event: ScalarEvent, path: str, flow: bool) -> ScalarNode:
        text = event.value
        begin, end = self.span(event)
        style: Style = "plain"
        if event.style in ("|", ">"):
            style = "block"
        elif event.style is not None:
            escapes = event.style == '"' and "\\" in self.source.text[begin:end]
            style = "escaped" if escapes else "quoted"
        value = text if style != "plain" else self.resolve(text, begin, end, path)
        scalar = ScalarNode(self.source, begin, end, path, value, text, style)
        if flow and style == "plain" and isinstance(value, str):
            refuse_cut(scalar)
        return scalar

    def resolve(self, text: str, begin: int, end: int, path: str) -> bool | float | str | None:
        """The value of a plain scalar."""
        if text in _NULL:
            return None
        if text in _BOOL:
            return _BOOL[text]
        base, pattern = _BASED.get(text[:2], (10, _INT))
        if pattern.fullmatch(text) and len(text) <= _LONGEST_INT:
            return int(text, base)
        number = float(text) if _FLOAT.fullmatch(text) else 0.0
        if text.casefold() in (".inf", "+.inf") and is_cell(path):
            return text
        if not math.isfinite(number) or _NON_FINITE.fullmatch(text):
            raise ConfigError(
                "the number is not finite",
                place=self.source.place(begin, end, path),
                expected="a finite number, at most 1.8e308",
                remedy="`null` says that there is no bound; quote a text that looks like a number",
                code="wrong-value",
            )
        return number if _FLOAT.fullmatch(text) else text


def _is_flow(event: Event) -> bool:
    return bool(getattr(event, "flow_style", False))
