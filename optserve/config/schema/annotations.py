"""Annotations of the schema: which nodes one accepts, and what it is in words."""

from __future__ import annotations

import types
from collections.abc import Callable, Iterable, Mapping
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from optserve.config import nodes
from optserve.config.nodes import Node, Scalar, Sequence
from optserve.config.schema.section import AtLeast, Section, keys_of
from optserve.config.suggest import choices

__all__ = [
    "NODE_TYPES",
    "Decoders",
    "accepts",
    "alternatives",
    "describe",
    "describe_all",
    "is_section",
]

Decoders = Mapping[Any, Callable[[Node], Any]]
"""How to decode what only the caller knows, by annotation (a ``Schedule``, by the registry)."""

NODE_TYPES = (Scalar, Sequence, nodes.Mapping)
"""Annotations that leave the node as it is, for somebody else to decode."""

_WORDS: Mapping[Any, str] = {
    float: "a number",
    int: "a whole number",
    bool: "true or false",
    str: "a text",
    type(None): "null",
    Scalar: "a value",
    Sequence: "a list",
    nodes.Mapping: "a mapping",
}


def is_section(annotation: Any) -> bool:
    """Whether it is a ``Section``."""
    return isinstance(annotation, type) and issubclass(annotation, Section)


def alternatives(annotation: Any) -> tuple[Any, ...]:
    """The members of a union; otherwise the annotation alone.

    >>> alternatives(float | None)
    (<class 'float'>, <class 'NoneType'>)
    """
    if get_origin(annotation) in (Union, types.UnionType):
        return get_args(annotation)
    return (annotation,)


def accepts(node: Node, annotation: Any, decoders: Decoders) -> bool:
    """Whether ``node`` is of the kind that ``annotation`` takes; its contents may still not fit."""
    origin = get_origin(annotation)
    if origin is Annotated:
        return accepts(node, get_args(annotation)[0], decoders)
    if len(members := alternatives(annotation)) > 1:
        return any(accepts(node, member, decoders) for member in members)
    if annotation in NODE_TYPES:
        return isinstance(node, annotation)
    if annotation in decoders:
        return isinstance(node, nodes.Mapping | Scalar) and not _is_number(node)
    if hasattr(annotation, "accepts"):
        return bool(annotation.accepts(node))
    if is_section(annotation):
        sugar = annotation.sugar and keys_of(annotation)[annotation.sugar].annotation
        return isinstance(node, nodes.Mapping) or bool(sugar and accepts(node, sugar, decoders))
    if isinstance(node, Scalar):
        return _accepts_scalar(node, annotation, origin)
    return origin in ((list, tuple) if isinstance(node, Sequence) else (Mapping,))


def _accepts_scalar(node: Scalar, annotation: Any, origin: Any) -> bool:
    kinds = {type(one) for one in get_args(annotation)} if origin is Literal else {annotation}
    if float in kinds:
        kinds.add(int)
    return type(node.value) in kinds


def _is_number(node: Node) -> bool:
    return isinstance(node, Scalar) and type(node.value) in (int, float)


def describe(annotation: Any) -> str:
    """What an annotation takes, in words.

    >>> describe(float | None), describe(Literal["log", "none"]), describe(tuple[int, ...])
    ('a number or null', 'one of log, none', 'a list, each entry a whole number')
    """
    origin, arguments = get_origin(annotation), get_args(annotation)
    if annotation in _WORDS:
        return _WORDS[annotation]
    if origin is Annotated:
        limits = [str(note) for note in arguments[1:] if isinstance(note, AtLeast)]
        return " ".join([describe(arguments[0]), *limits])
    if len(members := alternatives(annotation)) > 1:
        return describe_all(members)
    if origin is Literal:
        return f"one of {choices(map(str, arguments))}" if arguments[1:] else f"{arguments[0]}"
    if origin is tuple and arguments[-1] is not ...:
        return f"a list of {len(arguments)}, each entry {describe(arguments[0])}"
    if origin in (list, tuple):
        return f"a list, each entry {describe(arguments[0])}"
    if is_section(annotation):
        return _describe_section(annotation)
    return str(annotation.describe()) if hasattr(annotation, "describe") else "a mapping"


def describe_all(members: Iterable[Any]) -> str:
    """What the members of a union take, in words."""
    members = list(members)
    if set(NODE_TYPES) <= set(members):
        return "a value"
    return _either(map(describe, members))


def _describe_section(section: type[Section]) -> str:
    keys = keys_of(section)
    words = [f"a mapping with the keys {choices(keys)}"]
    if section.sugar:
        inner, *_ = get_args(keys[section.sugar].annotation)
        short = [member for member in alternatives(inner) if member is not type(None)]
        words = [*map(describe, short), *words]
    return _either(words)


def _either(words: Iterable[str]) -> str:
    *before, last = dict.fromkeys(words)
    return f"{', '.join(before)} or {last}" if before else last
