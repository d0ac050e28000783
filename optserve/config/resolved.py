"""``resolved_text``: the config that a job ran, as YAML, with everything merged into it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from optserve.config.nodes import MappingNode
from optserve.config.schema.config import Config
from optserve.jobs.problem import Problem

__all__ = ["origins_of", "resolved_text"]

Path = tuple[str, ...]
"""The keys that lead to a value."""

DEFAULT = "default"

_PLAIN_KEY = re.compile(r"(?!(?:null|true|false)$)[a-z_][a-z0-9_.]*", re.IGNORECASE)
_NOT_PRINTABLE = re.compile(r"[\x7f-\x9f\u2028\u2029\ufeff\ufffe\uffff]")


def resolved_text(problem: Problem) -> str:
    """The config of ``problem``: what it extends merged in, ``--set`` and ``--seed`` applied.

    Values that another file has, or the command line, say so in a comment, and the last line has
    what was left to defaults. It is a config again, for the folder of the file it came from:
    mappings in blocks, everything else as JSON, of which YAML 1.2 is a superset. Written by hand
    because every run writes one, and a YAML emitter takes as long as the rest of the writing.
    """
    config: dict[str, Any] = problem.metadata["config"]
    origins = {**problem.metadata.get("origins", {})}
    if config.get("seed", 0) != problem.seed:
        origins["seed",] = "--seed"
    elif "seed" not in config:
        origins["seed",] = DEFAULT
    lines = [*_block({**config, "seed": problem.seed}, origins)]
    left = ", ".join(f"{key}: {value}" for key, value in _defaults(config))
    return "\n".join([*lines, f"# left to defaults: {left}"] if left else lines) + "\n"


def _block(mapping: dict[str, Any], origins: Mapping[Path, str], path: Path = ()) -> Iterator[str]:
    indent = "  " * len(path)
    for key, value in mapping.items():
        shown = key if _PLAIN_KEY.fullmatch(key) else _json(key)
        if isinstance(value, dict) and value:
            yield f"{indent}{shown}:"
            yield from _block(value, origins, (*path, key))
        else:
            origin = origins.get((*path, key), "")
            yield f"{indent}{shown}: {_json(value)}{f'  # {origin}' if origin else ''}"


def _defaults(config: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """The keys that were not written and have a plain value all the same, with it."""
    for key, field in Config.model_fields.items():
        if key not in config and isinstance(field.default, str | int) and key != "seed":
            yield key, str(field.default)
    yield from ((key, "auto") for key in ("optimizer", "uncertainty") if key not in config)


def origins_of(tree: MappingNode, file: str) -> Mapping[Path, str]:
    """Where the values of a config come from that are in no mapping any more, and that are not in
    ``file``: the file that it extends with the line, or ``--set``."""

    def found(node: MappingNode, path: Path) -> Iterator[tuple[Path, str]]:
        for key, entry in node.entries.items():
            value = entry.value
            if isinstance(value, MappingNode) and len(value):
                yield from found(value, (*path, key))
            elif value.source.name != file:
                place = value.place
                is_file = value.source.name.endswith((".yaml", ".yml", ".json"))
                yield (*path, key), f"{place.file}:{place.line}" if is_file else place.file

    return dict(found(tree, ()))


def _json(value: Any) -> str:
    """``value`` as JSON in which every character is one that YAML prints."""
    text = json.dumps(value, ensure_ascii=False)
    return _NOT_PRINTABLE.sub(lambda match: f"\\u{ord(match[0]):04x}", text)
