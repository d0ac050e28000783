"""The config language as JSON Schema, with the names and options of what is installed."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import Annotated, Any, Literal, NamedTuple, get_args, get_origin

from optserve.config import nodes
from optserve.config.nodes import Scalar, Sequence
from optserve.config.options import options_of
from optserve.config.schema.annotations import NODE_TYPES, alternatives, is_section
from optserve.config.schema.config import Config, Method
from optserve.config.schema.define import Definitions
from optserve.config.schema.expression import Expression, Named
from optserve.config.schema.loss import Comparison, LeastSquares
from optserve.config.schema.parameter import Fixed
from optserve.config.schema.section import AtLeast, NameOf, Section, keys_of
from optserve.config.schema.table import Table, Tables
from optserve.optimizers.schedules import Schedule
from optserve.registry import Registry
from optserve.registry.hookspecs import Kind

__all__ = ["json_schema"]

Schema = dict[str, Any]

_TYPES: Mapping[Any, Schema] = {
    float: {"type": "number"},
    int: {"type": "integer"},
    bool: {"type": "boolean"},
    str: {"type": "string"},
    type(None): {"type": "null"},
    Scalar: {},
    Sequence: {"type": "array"},
    nodes.Mapping: {"type": "object"},
}
_EXPRESSION: Schema = {"type": ["string", "number"]}
_NAMED_KINDS: tuple[Kind, ...] = ("optimizers", "schedules", "initializers", "transforms")


def json_schema(registry: Registry) -> Schema:
    """The JSON Schema (draft 2020-12) of a config, for editors to check and complete with.

    >>> from optserve.registry import load
    >>> schema = json_schema(load())
    >>> "adam" in schema["$defs"]["optimizers"]["properties"]
    True
    """
    writer = _Writer(registry)
    definitions: Schema = {kind: writer.contributions(kind) for kind in _NAMED_KINDS}
    definitions["primitives"] = {
        "enum": sorted(
            name for name, entry in registry.primitives.items() if not entry.value.internal
        )
    }
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "optserve config",
        **writer.section(Config),
        "$defs": definitions,
    }


class _Writer(NamedTuple):
    """Turns annotations into schemas."""

    registry: Registry

    def of(self, annotation: Any) -> Schema:
        """The schema of what an annotation takes."""
        origin, arguments = get_origin(annotation), get_args(annotation)
        if origin is Annotated:
            return self.annotated(*arguments)
        if len(members := alternatives(annotation)) > 1:
            if set(NODE_TYPES) <= set(members):
                return {}
            return {"anyOf": [self.of(member) for member in members]}
        if annotation in _TYPES:
            return dict(_TYPES[annotation])
        if annotation in self.custom():
            return self.custom()[annotation]()
        if is_section(annotation):
            return self.section(annotation)
        if origin is Literal:
            return {"enum": list(arguments)}
        if origin is tuple and arguments[-1] is not ...:
            items = [self.of(one) for one in arguments]
            return {"type": "array", "prefixItems": items, "items": False, "minItems": len(items)}
        if origin in (tuple, list):
            return {"type": "array", "items": self.of(arguments[0])}
        if origin is Mapping:
            return {"type": "object", "additionalProperties": self.of(arguments[1])}
        return {}

    def annotated(self, inner: Any, *notes: Any) -> Schema:
        """The schema of ``inner`` with its limits, its names and its description."""
        schema = self.of(inner)
        for note in notes:
            if isinstance(note, str):
                schema = {**schema, "description": note}
            elif isinstance(note, AtLeast):
                schema["exclusiveMinimum" if note.above else "minimum"] = note.limit
            elif isinstance(note, NameOf) and inner is Named:
                schema = self.named(note.kind)
            elif isinstance(note, NameOf):
                schema = {"enum": [*note.also, *sorted(self.registry.entries(note.kind))]}
        return schema

    def section(self, section: type[Section]) -> Schema:
        """The keys of a section; or of its sugar, which stands for the whole."""
        keys = keys_of(section)
        properties = {name: self.of(key.annotation) for name, key in keys.items()}
        for name, key in keys.items():
            default = getattr(section, key.attribute, None)
            if isinstance(default, bool | int | float | str):
                properties[name]["default"] = default
        if section is Table:
            for entry in self.registry.readers.values():
                properties |= self.options(entry.value)["properties"]
        schema: Schema = {
            "type": "object",
            "description": inspect.getdoc(section) or "",
            "properties": properties,
            "required": [name for name, key in keys.items() if key.required],
            "additionalProperties": False,
        }
        if not section.sugar:
            return schema
        return {"anyOf": [self.of(keys[section.sugar].annotation), schema]}

    def contributions(self, kind: Kind) -> Schema:
        """A mapping of the names of one kind to their options."""
        entries = sorted(self.registry.entries(kind).items())
        return {
            "type": "object",
            "properties": {name: self.shorthand(entry.value) for name, entry in entries},
            "additionalProperties": False,
        }

    def named(self, kind: Kind) -> Schema:
        """A name, or a mapping of one name to its options."""
        one = {"$ref": f"#/$defs/{kind}", "minProperties": 1, "maxProperties": 1}
        return {"anyOf": [{"enum": sorted(self.registry.entries(kind))}, one]}

    def shorthand(self, function: Any) -> Schema:
        """The options of a contribution, or the value of the first; or nothing."""
        options = self.options(function)
        summary = {"description": (inspect.getdoc(function) or "").partition("\n")[0]}
        first = next(iter(options["properties"].values()), None)
        return {**summary, "anyOf": [options, {"type": "null"}, *([first] if first else [])]}

    def options(self, function: Any) -> Schema:
        """The annotated parameters of a contribution."""
        known = options_of(function)
        properties: Schema = {}
        for name, parameter in known.items():
            properties[name] = self.of(parameter.annotation)
            if isinstance(parameter.default, bool | int | float | str):
                properties[name]["default"] = parameter.default
        return {
            "type": "object",
            "properties": properties,
            "required": [name for name, one in known.items() if one.default is one.empty],
            "additionalProperties": False,
        }

    def custom(self) -> Mapping[Any, Callable[[], Schema]]:
        """What reads its node itself."""
        return {
            Expression: lambda: dict(_EXPRESSION),
            Fixed: lambda: {"type": "boolean"},
            Schedule: lambda: self.named("schedules"),
            Method: self.method,
            LeastSquares: self.least_squares,
            Tables: self.tables,
            Definitions: lambda: {"type": "object", "additionalProperties": self.definition()},
        }

    def method(self) -> Schema:
        """A name, or modifiers and one method with their options."""
        several = {"$ref": "#/$defs/optimizers", "minProperties": 1}
        return {"anyOf": [{"enum": ["auto", "none", *sorted(self.registry.optimizers)]}, several]}

    def least_squares(self) -> Schema:
        """A residual, a comparison, or residuals by name."""
        named = {"type": "object", "additionalProperties": _EXPRESSION}
        return {"anyOf": [_EXPRESSION, self.section(Comparison), named]}

    def tables(self) -> Schema:
        """One table, or several by name."""
        table = self.section(Table)
        return {"anyOf": [table, {"type": "object", "additionalProperties": table}]}

    def definition(self) -> Schema:
        """An expression, locals that end in ``return``, or a composition."""
        stage_name = {"anyOf": [{"$ref": "#/$defs/primitives"}, {"type": "string"}]}
        operands = {"anyOf": [_EXPRESSION, {"type": "array", "items": _EXPRESSION}]}
        stage = {
            "anyOf": [
                stage_name,
                {
                    "type": "object",
                    "additionalProperties": operands,
                    "minProperties": 1,
                    "maxProperties": 1,
                },
            ]
        }
        stages = {"type": "array", "items": stage}
        forms = [
            {"type": "object", "properties": {form: stages}, "required": [form], "maxProperties": 1}
            for form in ("compose", "pipe")
        ]
        body = {"type": "object", "additionalProperties": _EXPRESSION, "required": ["return"]}
        return {"anyOf": [_EXPRESSION, body, *forms]}
