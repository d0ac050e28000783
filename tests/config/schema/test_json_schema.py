"""The JSON Schema: a small checker of its own holds it against configs, good and bad."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from optserve.config import json_schema
from optserve.config.nodes import plain
from optserve.config.parse_yaml import parse
from optserve.config.schema.config import Config
from optserve.config.source import Source, read_source
from optserve.registry import Registry, load

ROOT = Path(__file__).parents[3]
EXAMPLES = sorted((ROOT / "configs").glob("*.yaml"))
TYPES: Mapping[str, tuple[type, ...]] = {
    "object": (dict,),
    "array": (list,),
    "string": (str,),
    "number": (int, float),
    "integer": (int,),
    "boolean": (bool,),
    "null": (type(None),),
}


@pytest.fixture(scope="module")
def registry() -> Registry:
    return load()


@pytest.fixture(scope="module")
def schema(registry: Registry) -> Mapping[str, Any]:
    return json_schema(registry)


def problems(value: Any, schema: Mapping[str, Any], root: Mapping[str, Any]) -> Iterator[str]:
    """What of ``value`` breaks ``schema``, for the keywords that optserve's schema uses."""
    if "$ref" in schema:
        yield from problems(value, root["$defs"][schema["$ref"].rpartition("/")[2]], root)
    if "anyOf" in schema and all(any(problems(value, s, root)) for s in schema["anyOf"]):
        yield f"{value!r} is none of the alternatives"
    if "const" in schema and value != schema["const"]:
        yield f"{value!r} is not {schema['const']}"
    if "enum" in schema and value not in schema["enum"]:
        yield f"{value!r} is not in {schema['enum']}"
    if "type" in schema and not _has_type(value, schema["type"]):
        yield f"{value!r} is no {schema['type']}"
    if isinstance(value, dict):
        yield from _problems_of_object(value, schema, root)
    if isinstance(value, list):
        items = schema.get("prefixItems", [schema.get("items", {})] * len(value))
        if len(items) != len(value):
            yield f"{value!r} has {len(value)} items"
        for item, one in zip(value, items, strict=False):
            yield from problems(item, one, root)
    if isinstance(value, int | float) and not isinstance(value, bool):
        if value < schema.get("minimum", value):
            yield f"{value!r} is too small"
        if value <= schema.get("exclusiveMinimum", float("-inf")):
            yield f"{value!r} is too small"


def _problems_of_object(
    value: dict[str, Any], schema: Mapping[str, Any], root: Mapping[str, Any]
) -> Iterator[str]:
    properties = schema.get("properties", {})
    for key, inner in value.items():
        if key in properties:
            yield from problems(inner, properties[key], root)
        elif schema.get("additionalProperties") is False:
            yield f"{key!r} is not a property"
        elif isinstance(schema.get("additionalProperties"), dict):
            yield from problems(inner, schema["additionalProperties"], root)
    yield from (f"{key!r} lacks" for key in schema.get("required", ()) if key not in value)
    if not schema.get("minProperties", 0) <= len(value) <= schema.get("maxProperties", 99):
        yield f"{len(value)} properties"


def _has_type(value: Any, names: str | list[str]) -> bool:
    if isinstance(value, bool):
        return "boolean" in ([names] if isinstance(names, str) else names)
    return any(isinstance(value, TYPES[n]) for n in ([names] if isinstance(names, str) else names))


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_the_examples_satisfy_it(path: Path, schema: Mapping[str, Any], registry: Registry) -> None:
    assert list(problems(plain(parse(read_source(path))), schema, schema)) == []


@pytest.mark.parametrize(
    "addition",
    [
        "optimiser: adam",
        "optimizer: adamm",
        "optimizer: {adam: {rate: 1}}",
        "optimizer: {adam: {learning_rate: {cosin: {start: 1}}}}",
        "precision: float16",
        "stop: {steps: many}",
        "stop: {gradient: -1}",
        "seed: -1",
        "data: {read: d.csv, heador: true}",
        "data: {read: d.csv, columns: {x: {take: x, as: complex}}}",
        "define: {f: {compose: exp}}",
        "expect: {loss: {maximum: 1}}",
        "least_squares: {observed: y, predicted: m, robust: {huber: 1}}",
        "minibatch: {rows: 0}",
        "stop: {plateau: {mode: max}}",
        "data: {read: d.csv, split: {test: 0}}",
        "data: {read: d.csv, missing: skip}",
        "checkpoint: {seconds: 10}",
    ],
)
def test_bad_configs_do_not(addition: str, schema: Mapping[str, Any]) -> None:
    valid = "version: 1\nparameters: {b: {init: 1, bounds: [0, null]}}\nloss: b\n"
    assert list(problems(plain(parse(Source("fit.yaml", valid))), schema, schema)) == []
    tree = plain(parse(Source("fit.yaml", valid + addition)))
    assert list(problems(tree, schema, schema)) != []


def test_it_names_what_is_installed(schema: Mapping[str, Any], registry: Registry) -> None:
    definitions = schema["$defs"]
    assert list(definitions["optimizers"]["properties"]) == sorted(registry.optimizers)
    assert definitions["primitives"]["enum"] == sorted(
        name for name, entry in registry.primitives.items() if not entry.value.call.internal
    )
    assert set(definitions["initializers"]["properties"]) == set(registry.initializers)
    [options, *_] = definitions["schedules"]["properties"]["cosine"]["anyOf"]
    assert options["required"] == ["start"]
    assert options["properties"]["warmup"]["default"] == 0


def test_it_has_every_key_of_the_language(schema: Mapping[str, Any]) -> None:
    assert set(schema["properties"]) == set(Config.keys())
    assert schema["required"] == ["version", "parameters"]
    assert all("description" in one or "anyOf" in one for one in schema["properties"].values())
