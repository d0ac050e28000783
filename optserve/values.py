"""Value classes, which are frozen dataclasses, as plain mappings."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from typing import Any

__all__ = ["as_tree", "fields_of"]


def fields_of(cls: type) -> tuple[str, ...]:
    """The names of the fields of a dataclass, in order."""
    return tuple(field.name for field in fields(cls))


def as_tree(value: Any) -> Any:
    """``value`` with dataclasses as mappings, and tuples as lists, all the way down.

    ``dataclasses.asdict`` would copy every array, and leave tuples as they are.
    """
    if isinstance(value, Mapping):
        return {key: as_tree(entry) for key, entry in value.items()}
    if isinstance(value, list | tuple):
        return [as_tree(entry) for entry in value]
    if not is_dataclass(value) or isinstance(value, type):
        return value
    return {name: as_tree(getattr(value, name)) for name in fields_of(type(value))}
