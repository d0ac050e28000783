"""The keys of the config language as the schema itself describes them, for docs/config.md."""

from __future__ import annotations

import inspect
import json
from collections.abc import Iterator, Sequence
from typing import Annotated, Any, get_args, get_origin

from optserve.config.schema.annotations import alternatives, describe, describe_all, is_section
from optserve.config.schema.config import Config, Expect, Minibatch, Plateau, Plugins, Starts, Stop
from optserve.config.schema.loss import Comparison
from optserve.config.schema.parameter import Parameter, Penalty
from optserve.config.schema.section import Section, keys_of
from optserve.config.schema.table import Column, Split, Table

MARK = "<!-- Below, all is written by: pytest tests/docs/test_config.py --regen -->"

SECTIONS: Sequence[tuple[str, type[Section]]] = (
    ("", Config),
    ("data", Table),
    ("data.columns.NAME", Column),
    ("data.split", Split),
    ("minibatch", Minibatch),
    ("parameters.NAME", Parameter),
    ("parameters.NAME.penalty", Penalty),
    ("least_squares", Comparison),
    ("stop", Stop),
    ("stop.plateau", Plateau),
    ("starts", Starts),
    ("expect.PATH", Expect),
    ("plugins", Plugins),
)


def key_reference() -> str:
    """Every key of every mapping with what it holds, as Markdown."""
    lines = [MARK]
    for path, section in SECTIONS:
        lines += ["", *_table(path, section)]
    return "\n".join(lines) + "\n"


def sections_of(section: Any, seen: set[Any] | None = None) -> set[Any]:
    """All sections that the annotations of a section lead to."""
    seen = {section} if seen is None else seen
    for key in keys_of(section).values():
        for inner in set(_parts(key.annotation)) - seen:
            if is_section(inner):
                seen.add(inner)
                sections_of(inner, seen)
    return seen


def _parts(annotation: Any) -> Iterator[Any]:
    yield annotation
    for argument in get_args(annotation):
        yield from _parts(argument)


def _table(path: str, section: type[Section]) -> Iterator[str]:
    yield f"### `{path}`" if path else "### The whole"
    yield ""
    yield inspect.cleandoc(section.__doc__ or "").replace("\n", " ").replace("``", "`")
    yield ""
    yield "| key | holds | default | meaning |"
    yield "|---|---|---|---|"
    for name, key in keys_of(section).items():
        default = "required" if key.required else _default(getattr(section, key.attribute))
        cells = (f"`{name}`", _holds(key.annotation), default, _sentence(key.annotation))
        yield "| " + " | ".join(cell.replace("|", "or") for cell in cells) + " |"


def _holds(annotation: Any) -> str:
    members = alternatives(annotation)
    if get_origin(annotation) is Annotated:
        inner, *notes = get_args(annotation)
        if len(notes) == len([note for note in notes if isinstance(note, str)]):
            return _holds(inner)
        members = (annotation,)
    members = tuple(one for one in members if one is not type(None))
    if any(is_section(one) for one in members):
        return "see below"
    return describe_all(members) if len(members) > 1 else describe(members[0])


def _default(value: Any) -> str:
    if isinstance(value, bool | int | float | str) and value != "":
        return f"`{json.dumps(value)}`".replace('"', "")
    return ""


def _sentence(annotation: Any) -> str:
    """What an annotation says of itself; that of what it holds where it says nothing."""
    for part in _parts(annotation):
        if get_origin(part) is Annotated:
            found = [note for note in get_args(part)[1:] if isinstance(note, str)]
            if found:
                return found[0]
    return inspect.cleandoc(annotation.__doc__ or "").partition("\n")[0]
