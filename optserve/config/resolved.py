"""``resolved_text``: the config that a job ran, as YAML, with everything merged into it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

from optserve.jobs.problem import Problem

__all__ = ["resolved_text"]

_PLAIN_KEY = re.compile(r"(?!(?:null|true|false)$)[a-z_][a-z0-9_.]*", re.IGNORECASE)
_NOT_PRINTABLE = re.compile(r"[\x7f-\x9f\u2028\u2029\ufeff\ufffe\uffff]")


def resolved_text(problem: Problem) -> str:
    """The config of ``problem``: what it extends merged in, ``--set`` and ``--seed`` applied.

    It is a config again, for the folder of the file it came from: mappings in blocks, everything
    else as JSON, of which YAML 1.2 is a superset. Written by hand because every run writes one, and
    a YAML emitter takes as long as the rest of the writing.
    """
    lines = _block({**problem.metadata["config"], "seed": problem.seed}, 0)
    return "\n".join(lines) + "\n"


def _block(mapping: dict[str, Any], depth: int) -> Iterator[str]:
    for key, value in mapping.items():
        shown = key if _PLAIN_KEY.fullmatch(key) else _json(key)
        if isinstance(value, dict) and value:
            yield f"{'  ' * depth}{shown}:"
            yield from _block(value, depth + 1)
        else:
            yield f"{'  ' * depth}{shown}: {_json(value)}"


def _json(value: Any) -> str:
    """``value`` as JSON in which every character is one that YAML prints."""
    text = json.dumps(value, ensure_ascii=False)
    return _NOT_PRINTABLE.sub(lambda match: f"\\u{ord(match[0]):04x}", text)
