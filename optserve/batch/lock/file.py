"""``optserve.lock``: a file in TOML beside the configs, for people to review."""

from __future__ import annotations

import json
import math
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from optserve.batch.lock.entry import LockedPlugin, LockEntry
from optserve.batch.lock.locked_points import Point, StoredValue
from optserve.batch.lock.locked_rules import LockedRule
from optserve.errors import ConfigError, Place

__all__ = ["NAME", "Lock", "lock_text", "read_lock"]

NAME = "optserve.lock"
VERSION = 1

ALONE = ("",)
"""The labels of the one job of a config that is no sweep."""

HEAD = """\
# What is differentiated here, by which rules and conventions, and what comes of it.
# Written by `optserve lock`, compared by `optserve check --locked`: review it and commit it.
"""


@dataclass(frozen=True)
class Lock:
    """What a lock file holds: conventions by case, rules and plugins by name, entries."""

    conventions: Mapping[str, str] = field(default_factory=dict)
    plugins: Mapping[str, LockedPlugin] = field(default_factory=dict)
    rules: Mapping[str, LockedRule] = field(default_factory=dict)
    entries: tuple[LockEntry, ...] = ()

    def entry(self, config: str, label: str) -> LockEntry | None:
        """The entry of one job."""
        found = (one for one in self.entries if one.config == config and label in one.jobs)
        return next(found, None)


def read_lock(path: Path) -> Lock:
    """The lock in ``path``; raises ``ConfigError`` where that is none."""
    try:
        told = tomllib.loads(path.read_text(encoding="utf-8"))
        if told["version"] != VERSION:
            raise ValueError(f"version {told['version']}")
        return Lock(
            told["conventions"],
            {one["name"]: LockedPlugin(**one) for one in told.get("plugin", ())},
            {one["primitive"]: LockedRule(**one) for one in told.get("rule", ())},
            tuple(_entry(one) for one in told.get("job", ())),
        )
    except FileNotFoundError:
        raise ConfigError(
            f"there is no {path}",
            expected="a lock beside the config",
            remedy="`optserve lock CONFIG` writes one",
            code="lock-file",
        ) from None
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise ConfigError(
            f"this is no lock: {error}",
            place=Place(str(path)),
            expected="a file that `optserve lock` wrote",
            remedy="write it anew, or take it from version control",
            code="lock-file",
        ) from None


def _entry(told: Mapping[str, Any]) -> LockEntry:
    points = tuple(
        Point(
            one["parameters"],
            _found(one["loss"]),
            {name: _found(value) for name, value in one["gradient"].items()},
        )
        for one in told.get("point", ())
    )
    plain = {key: value for key, value in told.items() if key != "point"}
    lists = {key: tuple(plain.get(key, ALONE)) for key in ("jobs", "inputs")}
    empty: dict[str, Any] = {"transforms": {}, "data": {}, "shown": "", "without": ""}
    return LockEntry(**{**empty, **plain, **lists, "points": points})


def _found(told: Sequence[Any]) -> StoredValue:
    *numbers, tolerance = told
    return StoredValue(tuple(map(float, numbers)), float(tolerance))


def lock_text(lock: Lock) -> str:
    """The lock as the text of its file."""
    parts = [HEAD + f"version = {VERSION}", "\n".join(_table("conventions", lock.conventions))]
    for plugin in sorted(lock.plugins.values(), key=lambda one: one.name):
        parts.append("\n".join(_table("[plugin]", vars(plugin))))
    for rule in sorted(lock.rules.values(), key=lambda one: one.primitive):
        parts.append("\n".join(_table("[rule]", vars(rule))))
    for entry in sorted(lock.entries, key=lambda one: (one.config, one.jobs)):
        parts.append("\n".join(_entry_lines(entry)))
    return "\n\n".join(parts) + "\n"


def _entry_lines(entry: LockEntry) -> Iterator[str]:
    fields = {**vars(entry)}
    points = fields.pop("points")
    tables = {key: fields.pop(key) for key in ("gradient", "transforms", "data")}
    yield from _table("[job]", fields)
    for key, table in tables.items():
        if table:
            yield from _table(f"job.{key}", table)
    for point in points:
        gradient = {name: [*one.numbers, one.tolerance] for name, one in point.gradient.items()}
        told = {
            "parameters": point.parameters,
            "loss": [*point.loss.numbers, point.loss.tolerance],
            "gradient": gradient,
        }
        yield from _table("[job.point]", told)


def _table(name: str, fields: Mapping[str, Any]) -> Iterator[str]:
    """A table; ``[name]`` is one of an array of tables."""
    yield f"[{name}]"
    for key, value in fields.items():
        if value not in ("", ALONE):
            yield f"{_key(key)} = {_value(value)}"


def _key(name: str) -> str:
    bare = name.isascii() and name.replace("_", "").replace("-", "").isalnum()
    return name if bare else json.dumps(name)


def _value(value: Any) -> str:
    if isinstance(value, Mapping):
        pairs = ", ".join(f"{_key(key)} = {_value(one)}" for key, one in value.items())
        return f"{{{pairs}}}"
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(_value, value))}]"
    if isinstance(value, str):
        if "\n" in value and "'''" not in value:
            return f"'''\n{value}'''"
        return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and math.isinf(value):
        return "inf" if value > 0 else "-inf"
    return repr(value)
