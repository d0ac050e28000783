"""What is given in Python: a config as nodes, and columns of data as arrays."""

from __future__ import annotations

import json
import math
import unicodedata
from collections.abc import Mapping
from os import PathLike, fspath
from pathlib import Path
from typing import Any

import numpy as np

from optserve.config.nodes import (
    MappingEntry,
    MappingNode,
    Node,
    ScalarNode,
    SequenceNode,
    is_cell,
)
from optserve.config.parse_yaml import MAX_DEPTH
from optserve.config.schema.section import Section
from optserve.config.source import Source
from optserve.errors import ConfigError, Place
from optserve.graph.aval import Array

__all__ = ["columns_of", "tree_of"]


class _Given(Source):
    """What has a key path and no file; of a text its characters have places."""

    def place(self, start: int, end: int, path: str = "") -> Place:
        if self.text:
            return super().place(start, end, path)
        return Place(self.name, path=path)


def tree_of(value: Any, path: str = "", folder: Path = Path(), depth: int = 0) -> Node:
    """``value`` as the nodes that a YAML file of the same content would give.

    Paths of files in it start from ``folder``. Raises ``ConfigError`` for what no config holds.

    >>> from optserve.config.nodes import plain
    >>> plain(tree_of({"version": 1, "parameters": {"b": (1, 2.5)}}))
    {'version': 1, 'parameters': {'b': [1, 2.5]}}
    """
    if isinstance(value, Section):
        names = [*type(value).model_fields, *(value.model_extra or {})]  # in this order
        written = {name: getattr(value, name) for name in names if name in value.model_fields_set}
        keys = {name: field.alias or name for name, field in type(value).model_fields.items()}
        value = {keys.get(name, name): one for name, one in written.items()}
    value = value.tolist() if isinstance(value, np.ndarray | np.generic) else value
    value = fspath(value) if isinstance(value, PathLike) else value
    source = _Given(path or "the config", "", folder)
    if depth > MAX_DEPTH:
        raise ConfigError(
            "nested too deeply",
            place=source.place(0, 0),
            expected=f"at most {MAX_DEPTH} levels",
            code="too-large",
        )
    if isinstance(value, Mapping):
        entries = {}
        for name, one in value.items():
            inner = f"{path}.{name}" if path else str(name)
            if not isinstance(name, str):
                raise ConfigError(
                    f"a key must be a text, and {name!r} is none",
                    place=source.place(0, 0),
                    code="yaml",
                )
            name = unicodedata.normalize("NFC", name)
            key = ScalarNode(_Given(inner, "", folder), 0, 0, inner, name, name)
            entries[name] = MappingEntry(key, tree_of(one, inner, folder, depth + 1))
        return MappingNode(source, 0, 0, path, entries)
    if isinstance(value, list | tuple):
        items = (tree_of(one, f"{path}[{at}]", folder, depth + 1) for at, one in enumerate(value))
        return SequenceNode(source, 0, 0, path, tuple(items))
    if isinstance(value, str):
        return ScalarNode(_Given(path, value, folder), 0, len(value), path, value, value, "plain")
    if value is None or isinstance(value, bool | int) or _is_finite(value):
        text = repr(value) if type(value) in (int, float) else json.dumps(value)
        return ScalarNode(source, 0, 0, path, value, text)
    if isinstance(value, float) and is_cell(path):
        return ScalarNode(source, 0, 0, path, repr(value), repr(value))
    raise ConfigError(
        f"`{path}` is {value!r}"[:200],
        place=source.place(0, 0),
        expected="a finite number, a text, a truth value, a list, a mapping, or None",
        code="wrong-value",
    )


def _is_finite(value: Any) -> bool:
    return isinstance(value, float) and math.isfinite(value)


def columns_of(data: Any) -> Mapping[str, Array]:
    """The arrays of a mapping, a data frame or an Arrow table by the names of its columns.

    >>> {name: array.tolist() for name, array in columns_of({"x": [1, 2]}).items()}
    {'x': [1, 2]}
    """
    names = getattr(data, "column_names", getattr(data, "columns", None))
    columns = data if isinstance(data, Mapping) else None
    if columns is None and names is not None and hasattr(data, "__getitem__"):
        names = list(map(str, names))
        if len(set(names)) < len(names):
            raise ConfigError(
                "two columns of the data have one name",
                expected="a name for each",
                code="given-data",
            )
        columns = {name: data[name] for name in names}
    if not columns:
        raise ConfigError(
            f"the data given is {'empty' if columns is not None else f'a {type(data).__name__}'}",
            expected="arrays by name, a data frame or an Arrow table",
            code="given-data",
        )
    return {name: _array(name, column) for name, column in columns.items()}


def _array(name: Any, column: Any) -> Array:
    """A column as an array of numbers or texts; what is missing is NaN or an empty text."""
    if not isinstance(name, str):
        raise ConfigError(
            f"a column must be called by a text, and {name!r} is none", code="given-data"
        )
    if isinstance(column, np.ma.MaskedArray):  # NumPy would take what is masked for values
        mask, column = np.ma.getmaskarray(column), np.asarray(column)
        if mask.any():
            column = column.astype(object)
            column[mask] = None
    try:
        array = np.asarray(column.to_numpy() if hasattr(column, "to_numpy") else column)
    except ValueError as error:  # lists of several lengths
        raise ConfigError(f"the column {name} is no array: {error}", code="given-data") from None
    if array.dtype != object:
        return array
    cells = array.ravel().tolist()
    missing = [cell is None or type(cell).__name__ == "NAType" or cell != cell for cell in cells]
    known = [cell for cell, gone in zip(cells, missing, strict=True) if not gone]
    texts = any(isinstance(cell, str) for cell in known)
    wanted = str if texts else bool | int | float | np.number
    if not all(isinstance(cell, wanted) for cell in known):
        raise ConfigError(
            f"the column {name} holds Python objects",
            expected="numbers, or texts alone",
            code="given-data",
        )
    gap: Any = "" if texts else math.nan
    filled = [gap if gone else cell for cell, gone in zip(cells, missing, strict=True)]
    made = np.array(filled, dtype=object if texts else None).reshape(array.shape)
    if made.dtype == object and not texts:
        raise ConfigError(
            f"the column {name} holds a whole number that 64 bits do not hold",
            expected="numbers of NumPy's dtypes",
            remedy="give the column as floats",
            code="given-data",
        )
    return made
