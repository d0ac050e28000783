"""Nodes into models by pydantic, and its errors as blocks that point at the nodes.

An error of pydantic has a location: keys and indices, and among them the tags of unions, which a
parameter may be called like. Walking the schema along the location tells them apart, and leads to
the part of the schema that was not met, which says what was expected.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple, TypeVar

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from optserve.config.nodes import MappingNode, Node, ScalarNode, SequenceNode, kind_of, plain
from optserve.config.schema.section import Section
from optserve.config.suggest import choices, did_you_mean
from optserve.errors import ConfigError, together
from optserve.optimizers.option_limits import LIMITS

__all__ = ["describe", "not_supported_yet", "unknown_key", "validated", "wrong_kind"]

S = TypeVar("S", bound=Section)

CoreSchema = Mapping[str, Any]
"""A core schema of pydantic."""

_YES_NO = {"yes": "true", "on": "true", "y": "true", "no": "false", "off": "false", "n": "false"}


def validated(section: type[S], node: Node, beside: Iterable[str] = ()) -> S:
    """The ``section`` that ``node`` holds; raises ``ConfigError`` for all that does not fit.

    ``beside`` are the keys that may stand beside those of the section, for the error.
    """
    try:
        made = section.model_validate(plain(node), by_alias=True, by_name=False)
    except ValidationError as error:
        raise together(_errors(section, node, error, tuple(beside))) from None
    _place(made, node)
    return made


def _place(value: Any, node: Node) -> None:
    """Let ``value``, and the sections in it, know the nodes that they were read from."""
    if isinstance(value, Section):
        value._node = node
        if isinstance(node, MappingNode):
            for name, field in type(value).model_fields.items():
                if (key := field.alias or name) in node:
                    _place(getattr(value, name), node.entries[key].value)
    elif isinstance(value, dict) and isinstance(node, MappingNode):
        for key, inner in value.items():
            _place(inner, node.entries[key].value)


class _Found(NamedTuple):
    """Where an error leads: the node, the part of the schema, and the model that it is in."""

    node: Node
    schema: CoreSchema
    model: Any


def _errors(
    section: type[Section], node: Node, error: ValidationError, beside: tuple[str, ...]
) -> Iterator[ConfigError]:
    for detail in error.errors(include_url=False, include_input=False):
        yield _Walk(section).error(node, detail, beside)


class _Walk:
    """A walk along the location of an error."""

    def __init__(self, section: type[Section]) -> None:
        self.schema: CoreSchema = section.__pydantic_core_schema__
        self.definitions: dict[str, CoreSchema] = {}
        self.model: Any = section

    def error(self, node: Node, detail: ErrorDetails, beside: tuple[str, ...]) -> ConfigError:
        """The error of pydantic as one of ours."""
        kind, context = detail["type"], detail.get("ctx", {})
        schema, before, default = self.inner(self.schema), self.schema, None
        for part in detail["loc"]:
            before = schema
            match schema["type"]:
                case "tagged-union":
                    schema = self.inner(schema["choices"].get(part, schema))
                case "union":  # one that is not ours: its branches are not told apart
                    words = self.describe(schema)
                    return wrong_kind(node, words, self.remedy(node, words, schema))
                case "dict":
                    schema = self.inner(schema["values_schema"])
                    node = _below(node, part)
                case "list" | "tuple":
                    items = schema["items_schema"]
                    several = isinstance(items, list)
                    at = part if several and "variadic_item_index" not in schema else 0
                    if kind in ("missing", "too_long"):
                        break
                    schema = self.inner(items[at] if several else items)
                    node = _below(node, part)
                case "model-fields":
                    if kind == "extra_forbidden" and part == detail["loc"][-1]:
                        return self.extra(node, str(part), schema, beside)
                    field = self.field(schema, part)
                    if kind == "missing" and not _has(node, part):
                        return ConfigError(
                            f"{_subject(node)} has no `{part}`",
                            place=node.place,
                            expected=f"`{part}: {self.describe(field)}`",
                            code="missing-key",
                        )
                    schema, default = self.inner(field), field.get("default")
                    node = _below(node, part)
        if kind == "rule":
            return self.rule(node, context)
        if kind == "later":
            return not_supported_yet(node, detail["msg"])
        if schema["type"] == "tuple" and kind in ("missing", "too_long"):
            got = f"a list of {len(node)}" if isinstance(node, SequenceNode) else ""
            return wrong_kind(node, self.describe(schema), got=got)
        got = ""
        if isinstance(node, MappingNode):
            unlike: str = schema.get("metadata", {}).get("unlike", "")
            got = unlike if len(node) else "an empty mapping"
        shown = before if kind == "too_short" else schema
        expected = "a text" if kind == "string_type" else self.describe(shown)
        remedy = self.remedy(node, expected, schema)
        if not remedy and kind.startswith(("greater", "less")) and default is not None:
            remedy = f"the default is {default}"
        return wrong_kind(node, expected, remedy, got)

    def inner(self, schema: CoreSchema) -> CoreSchema:
        """The schema inside of what takes no part in locations."""
        while True:
            match schema["type"]:
                case "definitions":
                    self.definitions |= {one["ref"]: one for one in schema["definitions"]}
                    schema = schema["schema"]
                case "definition-ref":
                    schema = self.definitions[schema["schema_ref"]]
                case "model":
                    self.model = schema["cls"]
                    schema = schema["schema"]
                case "nullable" | "default" | "function-after" | "function-before":
                    schema = schema["schema"]
                case "function-wrap" | "model-field":
                    schema = schema["schema"]
                case _:
                    return schema

    def field(self, schema: CoreSchema, key: Any) -> CoreSchema:
        """The field that ``key`` is the name of in a config."""
        fields: Mapping[str, CoreSchema] = schema["fields"]
        found = {field.get("validation_alias", name): field for name, field in fields.items()}
        inner: CoreSchema = found[key]["schema"] if key in found else schema["extras_schema"]
        return inner

    def extra(
        self, node: Node, key: str, schema: CoreSchema, beside: tuple[str, ...]
    ) -> ConfigError:
        """The error for a key that is none of the model's."""
        assert isinstance(node, MappingNode)
        written = node.entries[key].key
        if key in self.model.later:
            return not_supported_yet(written, f"`{key}`", self.model.later[key])
        return unknown_key(written, (*_keys(schema), *beside), self.model.later)

    def rule(self, node: Node, context: Mapping[str, Any]) -> ConfigError:
        """The error of a rule that the values of a model break together."""
        place = node.place
        if isinstance(node, MappingNode) and (entry := node.entries.get(context["key"])):
            place = entry.key.place if context["at_key"] else entry.value.place
        return ConfigError(
            context["message"],
            place=place,
            expected=context["expected"],
            remedy=context["remedy"],
            code="contradiction",
        )

    def describe(self, schema: CoreSchema) -> str:
        """What a part of the schema takes, in words."""
        while True:
            if words := schema.get("metadata", {}).get("words"):
                return str(words)
            if schema["type"] == "definition-ref":
                schema = self.definitions[schema["schema_ref"]]
            elif schema["type"] == "nullable" or "schema" not in schema:
                break
            elif schema["type"] == "model":
                return f"a mapping with the keys {choices(_keys(self.inner(schema)))}"
            else:
                schema = schema["schema"]
        match schema["type"]:
            case "nullable":
                return f"{self.describe(schema['schema'])} or null"
            case "float" | "int":
                return _WORDS[schema["type"]] + _limits(schema)
            case "literal":
                valid = [str(one) for one in schema["expected"]]
                return f"one of {choices(valid)}" if valid[1:] else valid[0]
            case "tagged-union":
                return _either(self.describe(one) for one in schema["choices"].values())
            case "union":
                parts = (one[0] if isinstance(one, tuple) else one for one in schema["choices"])
                return _either(map(self.describe, parts))
            case "list":
                return _listed("a list", schema.get("items_schema"), self)
            case "tuple":
                items = schema["items_schema"]
                several = "variadic_item_index" not in schema
                return _listed(f"a list of {len(items)}" if several else "a list", items[0], self)
            case "model-fields":
                return f"a mapping with the keys {choices(_keys(schema))}"
        return _WORDS.get(schema["type"], "a value")

    def remedy(self, node: Node, words: str, schema: CoreSchema) -> str:
        """A hint where YAML reads a scalar otherwise than its writer meant."""
        if words.startswith("an expression"):
            return _trap(node)
        if not isinstance(node, ScalarNode) or node.value is None:
            return ""
        if schema["type"] == "literal":
            if node.text in map(str, schema["expected"]):  # of another type
                return "leave out the quotes"
            return did_you_mean(node.text, [str(one) for one in schema["expected"]])
        if not isinstance(node.value, str):
            return f'quote it: "{node.text[:40]}"' if "a text" in words else ""
        if "true or false" in words and node.text.lower() in _YES_NO:
            return f"YAML 1.2 writes it `{_YES_NO[node.text.lower()]}`"
        return _number_remedy(node) if "number" in words else ""


_WORDS = {
    "float": "a number",
    "int": "a whole number",
    "bool": "true or false",
    "str": "a text",
    "dict": "a mapping",
}


def describe(section: type[Section], key: str) -> str:
    """What the value of ``key`` may be, in words.

    >>> from optserve.config.schema.config import Stop
    >>> describe(Stop, "steps")
    'a whole number of at least 0'
    """
    section.model_rebuild()
    walk = _Walk(section)
    fields = walk.inner(walk.schema)
    field = walk.field(fields, key)
    while field["type"] in ("nullable", "default"):
        field = field["schema"]
    return walk.describe(field)


def _keys(fields: CoreSchema) -> list[str]:
    return [field.get("validation_alias", name) for name, field in fields["fields"].items()]


def _limits(schema: CoreSchema) -> str:
    found = [f"{LIMITS[limit]} {schema[limit]:g}" for limit in LIMITS if limit in schema]
    return " " + " and ".join(found) if found else ""


def _listed(start: str, items: CoreSchema | None, walk: _Walk) -> str:
    return (
        start
        if not items or items["type"] == "any"
        else f"{start}, each entry {walk.describe(items)}"
    )


def _either(words: Iterable[str]) -> str:
    *before, last = dict.fromkeys(words)
    return f"{', '.join(before)} or {last}" if before else last


def _has(node: Node, key: str | int) -> bool:
    return isinstance(node, MappingNode) and str(key) in node


def _below(node: Node, part: str | int) -> Node:
    """What stands at ``part`` of ``node``."""
    if isinstance(node, MappingNode):
        return node.entries[str(part)].value
    assert isinstance(node, SequenceNode)
    return node.items[int(part)]


def wrong_kind(node: Node, expected: str, remedy: str = "", got: str = "") -> ConfigError:
    """The error for a node that is something else than ``expected``."""
    return ConfigError(
        f"{_subject(node)} is {got or kind_of(node)}",
        place=node.place,
        expected=expected,
        remedy=remedy,
        code="wrong-value",
    )


def unknown_key(key: ScalarNode, valid: Iterable[str], later: Iterable[str] = ()) -> ConfigError:
    """The error for a key that is none of ``valid``, and none of what is to come ``later``."""
    names = list(valid)
    return ConfigError(
        f"there is no key `{key.text[:80]}` here",
        place=key.place,
        expected=f"one of {choices(names, 30)}" if names else "no key",
        remedy=did_you_mean(key.text, [*names, *later]),
        code="unknown-key",
    )


def not_supported_yet(node: Node, what: str, instead: str = "") -> ConfigError:
    """The error for a part of the language that is not built; ``instead`` is what does the same."""
    without = "leave it out: this version would not do what it says"
    return ConfigError(
        f"{what} is not supported yet",
        place=node.place,
        remedy=f"write {instead}" if instead else without,
        code="not-supported-yet",
    )


def _subject(node: Node) -> str:
    return f"`{node.path}`" if node.path else "the config"


def _trap(node: Node) -> str:
    if isinstance(node, SequenceNode):
        return "quote an expression that begins with `[` or `-`"
    if isinstance(node, MappingNode):
        return "quote an expression that holds `: ` or begins with `{`"
    return "write 1 or 0" if node.value is not None else "write it after the `:`"


def _number_remedy(node: ScalarNode) -> str:
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
