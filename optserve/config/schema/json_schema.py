"""The config language as JSON Schema: pydantic's, with the names and options of what is installed.

The models leave a mark where a name of a contribution stands (``installed``); here the marks
become what a registry holds.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterable
from typing import Any, get_args

from pydantic import BaseModel
from pydantic.json_schema import GenerateJsonSchema

from optserve.config.options import options_model
from optserve.config.schema.config import Config
from optserve.registry import Registry
from optserve.registry.hookspecs import Kind

__all__ = ["json_schema"]

JsonSchema = dict[str, Any]

_NAMED: tuple[Kind, ...] = ("optimizers", "schedules", "initializers", "transforms")


def json_schema(registry: Registry) -> JsonSchema:
    """The JSON Schema (draft 2020-12) of a config, for editors to check and complete with.

    >>> from optserve.registry import load
    >>> schema = json_schema(load())
    >>> "adam" in schema["$defs"]["optimizers"]["properties"]
    True
    """
    schema = _of(Config)
    definitions = schema.pop("$defs")
    definitions |= {kind: _contributions(kind, registry) for kind in _NAMED}
    definitions["primitives"] = {
        "enum": sorted(
            name for name, entry in registry.primitives.items() if not entry.value.call.internal
        )
    }
    definitions["densities"] = _densities(registry)
    for entry in registry.readers.values():
        definitions["Table"]["properties"] |= _of(options_model(entry.value))["properties"]
    definitions["Table"]["additionalProperties"] = False
    filled: JsonSchema = _filled({**schema, "$defs": definitions}, registry)
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **filled,
        "title": "optserve config",
    }


def _densities(registry: Registry) -> JsonSchema:
    """A mapping of the name of a density, without its suffix, to its parameters."""
    value = {"type": ["number", "string"], "description": "A number or an expression."}
    found = {}
    for name, entry in sorted(registry.primitives.items()):
        if name.endswith("_logpdf") and not entry.value.call.internal:
            _, *parameters = entry.value.call.signature.parameters
            found[name.removesuffix("_logpdf")] = {
                "type": "object",
                "description": entry.value.doc.partition("\n")[0],
                "properties": dict.fromkeys(parameters, value),
                "required": parameters,
                "additionalProperties": False,
            }
    return {"type": "object", "properties": found, "additionalProperties": False}


class _Untitled(GenerateJsonSchema):
    """Without a title for every key: it says what the key says."""

    def field_title_should_be_set(self, schema: Any) -> bool:
        return False


def _of(model: type[BaseModel]) -> JsonSchema:
    return model.model_json_schema(schema_generator=_Untitled)


def _contributions(kind: Kind, registry: Registry) -> JsonSchema:
    """A mapping of the names of one kind to their options."""
    entries = sorted(registry.entries(kind).items())
    return {
        "type": "object",
        "properties": {name: _shorthand(entry.value) for name, entry in entries},
        "additionalProperties": False,
    }


def _shorthand(function: Any) -> JsonSchema:
    """The options of a contribution, or the value of the first; or nothing."""
    options = _of(options_model(function))
    summary = {"description": (inspect.getdoc(function) or "").partition("\n")[0]}
    first = next(iter(options.get("properties", {}).values()), None)
    return {**summary, "anyOf": [options, {"type": "null"}, *([first] if first else [])]}


def _filled(schema: Any, registry: Registry) -> Any:
    """``schema`` with the installed names in place of the marks.

    A branch of a union is chosen by what is written, and may allow what another one does: of
    several forms *any* may hold, where pydantic writes that one alone does.
    """
    if isinstance(schema, list):
        return [_filled(one, registry) for one in schema]
    if not isinstance(schema, dict):
        return schema
    if schema.get("installed") not in get_args(Kind):
        return {
            "anyOf" if key == "oneOf" else key: _filled(one, registry)
            for key, one in schema.items()
        }
    rest = {key: one for key, one in schema.items() if key in ("description", "default")}
    kind: Kind = schema["installed"]
    return {**rest, **_names(kind, schema["form"], schema["also"], registry)}


def _names(kind: Kind, form: str, also: Iterable[str], registry: Registry) -> JsonSchema:
    """A ``name``; or a ``word``, which may be another text; or a mapping of ``one`` name, or of
    ``several``, to the options of each."""
    if form == "density":
        return {"$ref": "#/$defs/densities", "minProperties": 1, "maxProperties": 1}
    if form in ("name", "word"):
        names: JsonSchema = {"enum": [*also, *sorted(registry.entries(kind))]}
        return names if form == "name" else {"anyOf": [names, {"type": "string"}]}
    one = {"maxProperties": 1} if form == "one" else {}
    return {"$ref": f"#/$defs/{kind}", "minProperties": 1, **one}
