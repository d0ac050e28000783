"""Nodes into values, directed by annotations; whatever does not fit is an error with its place."""

from __future__ import annotations

import types
from collections.abc import Iterable
from typing import Annotated, Any, Literal, TypeVar, get_args, get_origin

from optserve.config import nodes
from optserve.config.nodes import Node, Scalar, Sequence, kind_of
from optserve.config.schema.annotations import (
    NODE_TYPES,
    Decoders,
    accepts,
    alternatives,
    describe,
    describe_all,
    is_section,
)
from optserve.config.schema.section import AtLeast, Section, keys_of
from optserve.config.suggest import choices, did_you_mean
from optserve.errors import ConfigError

__all__ = ["decode", "decode_section", "not_supported_yet", "unknown_key", "wrong_kind"]

S = TypeVar("S", bound=Section)

_NO_DECODERS: Decoders = types.MappingProxyType({})
_YES_NO = {"yes": "true", "on": "true", "y": "true", "no": "false", "off": "false", "n": "false"}


def decode(node: Node, annotation: Any, decoders: Decoders = _NO_DECODERS) -> Any:
    """The value that ``node`` holds, of the type ``annotation``; raises ``ConfigError``.

    >>> from optserve.config.parse import parse
    >>> from optserve.config.source import Source
    >>> decode(parse(Source("fit.yaml", "[0, null]")), tuple[float | None, float | None])
    (0.0, None)
    """
    if get_origin(annotation) is Annotated:
        return _decode_annotated(node, annotation, decoders)
    members = alternatives(annotation)
    if type(None) in members and isinstance(node, Scalar) and node.value is None:
        return None
    for member in members:
        if accepts(node, member, decoders):
            if member is not annotation:
                return decode(node, member, decoders)
            return _decode_accepted(node, member, decoders)
    valid = [member for member in members if member is not type(None)]
    raise wrong_kind(node, describe_all(valid), _remedy(node, valid))


def _decode_annotated(node: Node, annotation: Any, decoders: Decoders) -> Any:
    inner, *notes = get_args(annotation)
    value = decode(node, inner, decoders)
    for note in notes:
        if isinstance(note, AtLeast) and value is not None and not note.holds(value):
            raise wrong_kind(node, describe(annotation))
    return value


def _decode_accepted(node: Node, annotation: Any, decoders: Decoders) -> Any:
    """``node`` as what accepts its kind."""
    if annotation in NODE_TYPES:
        return node
    if annotation in decoders:
        return decoders[annotation](node)
    if hasattr(annotation, "from_node"):
        return annotation.from_node(node)
    if is_section(annotation):
        return decode_section(node, annotation)
    if isinstance(node, nodes.Mapping):
        _, inner = get_args(annotation)
        return {key: decode(entry.value, inner, decoders) for key, entry in node.entries.items()}
    if isinstance(node, Sequence):
        return _decode_list(node, annotation, decoders)
    if get_origin(annotation) is Literal and node.value not in get_args(annotation):
        valid = [str(one) for one in get_args(annotation)]
        raise wrong_kind(node, describe(annotation), did_you_mean(node.text, valid))
    if annotation is float and isinstance(node.value, int):
        return float(node.value)
    return node.value


def _decode_list(node: Sequence, annotation: Any, decoders: Decoders) -> Any:
    arguments = get_args(annotation)
    if get_origin(annotation) is tuple and arguments[-1] is not ...:
        if len(node) != len(arguments):
            raise wrong_kind(node, describe(annotation), got=f"a list of {len(node)}")
        pairs = zip(node, arguments, strict=True)
        return tuple(decode(item, one, decoders) for item, one in pairs)
    items = [decode(item, arguments[0], decoders) for item in node]
    return items if get_origin(annotation) is list else tuple(items)


def decode_section(node: Node, section: type[S]) -> S:
    """The mapping ``node`` as a ``section``, every key known and of the right type."""
    known = keys_of(section)
    if not isinstance(node, nodes.Mapping):
        if not section.sugar:
            raise wrong_kind(node, describe(section))
        key = known[section.sugar]
        return section(node=node, **{key.attribute: decode(node, key.annotation)})
    values: dict[str, Any] = {}
    options: dict[str, nodes.Entry] = {}
    for name, entry in node.entries.items():
        if name in known:
            values[known[name].attribute] = decode(entry.value, known[name].annotation)
        elif name in section.later:
            raise not_supported_yet(entry.key, f"`{name}`")
        elif section.rest:
            options[name] = entry
        else:
            raise unknown_key(entry.key, known, section.later)
    for name, key in known.items():
        if key.required and key.attribute not in values:
            raise ConfigError(
                f"{_subject(node)} has no `{name}`",
                place=node.place,
                expected=f"`{name}: {describe(key.annotation)}`",
            )
    if section.rest:
        values["options"] = options
    return section(node=node, **values)


def wrong_kind(node: Node, expected: str, remedy: str = "", got: str = "") -> ConfigError:
    """The error for a node that is something else than ``expected``."""
    return ConfigError(
        f"{_subject(node)} is {got or kind_of(node)}",
        place=node.place,
        expected=expected,
        remedy=remedy,
    )


def unknown_key(key: Scalar, valid: Iterable[str], later: Iterable[str] = ()) -> ConfigError:
    """The error for a key that is none of ``valid``, and none of what is to come ``later``."""
    names = list(valid)
    return ConfigError(
        f"there is no key `{key.text[:80]}` here",
        place=key.place,
        expected=f"one of {choices(names, 20)}",
        remedy=did_you_mean(key.text, [*names, *later]),
    )


def not_supported_yet(node: Node, what: str, remedy: str = "") -> ConfigError:
    """The error for a part of the language that is not built."""
    return ConfigError(
        f"{what} is not supported yet",
        place=node.place,
        remedy=remedy or "leave it out; what cannot be honoured is never ignored",
    )


def _subject(node: Node) -> str:
    return f"`{node.path}`" if node.path else "the config"


def _remedy(node: Node, members: Iterable[Any]) -> str:
    """A hint where YAML reads a scalar otherwise than its writer meant."""
    members = {get_args(one)[0] if get_origin(one) is Annotated else one for one in members}
    if not isinstance(node, Scalar):
        return ""
    if str in members and node.value is not None:
        return f'quote it: "{node.text[:40]}"'
    if bool in members and node.text.lower() in _YES_NO:
        return f"YAML 1.2 writes it `{_YES_NO[node.text.lower()]}`"
    if not isinstance(node.value, str) or not {int, float} & members:
        return ""
    if node.style != "plain":
        return "leave out the quotes" if _reads_as_number(node.text) else ""
    if _reads_as_number(node.text.replace("_", "").replace(",", "")):
        return "write the digits without separators"
    if node.text.lower().lstrip("+-") in ("inf", "infinity", "nan"):
        return "numbers in a config are finite; `null` says that there is no limit"
    return ""


def _reads_as_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return "n" not in text.lower()
