"""Paths into a result: ``loss``, ``parameters.b1``, ``standard_errors.net.W[2][0]``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from optserve.errors import ConfigError, Place

__all__ = ["look_up"]

MANY = 12
"""Paths above which errors do not list them all."""


def look_up(tree: Any, path: str, place: Place | None = None) -> Any:
    """What ``path`` names in a tree of mappings, lists and arrays.

    Keys may hold dots: the longest literal key wins. Raises ``ConfigError`` where it names nothing.

    >>> tree = {"parameters": {"net.W": [[1.0, 2.0]], "net": {"W": 0.0}}}
    >>> look_up(tree, "parameters.net.W[0][1]")
    2.0
    >>> look_up(tree, "parametres.net")
    Traceback (most recent call last):
    optserve.errors.ConfigError: `parametres.net` names nothing in the result
      expected: parameters.net.W
      remedy: did you mean 'parameters.net.W'?
    """
    node, rest = tree, path
    while rest:
        if rest.startswith("["):
            index, closed, after = rest[1:].partition("]")
            length = _length(node)
            if not closed or not index.isdecimal() or int(index) >= length:
                count = f"an index below {length}" if length else "no index here"
                raise ConfigError(
                    f"`{path}` names nothing in the result: [{index}]",
                    place=place,
                    expected=count,
                    code="unknown-path",
                )
            node, rest = node[int(index)], after
        else:
            node, rest = _step(node, rest, path, place)
        rest = rest.removeprefix(".")
    return node


def _length(node: Any) -> int:
    """How many entries can be named by a number."""
    if isinstance(node, np.ndarray):
        return len(node) if node.ndim else 0
    return len(node) if isinstance(node, Sequence) and not isinstance(node, str) else 0


def _step(node: Any, rest: str, path: str, place: Place | None) -> tuple[Any, str]:
    """The value under the longest key that ``rest`` begins with, and what comes after it."""
    keys = [key for key in node if isinstance(key, str)] if isinstance(node, Mapping) else []
    for key in sorted(keys, key=len, reverse=True):
        if rest.startswith(key) and rest[len(key) : len(key) + 1] in {"", ".", "["}:
            return node[key], rest[len(key) :]
    from difflib import get_close_matches

    valid = _paths(node, path.removesuffix(rest)) if keys else []
    if len(valid) > MANY:
        named = (f"{key}.NAME" if isinstance(node[key], Mapping) else key for key in sorted(keys))
        valid = [path.removesuffix(rest) + one for one in named]
    matches = get_close_matches(path[:200], valid, n=1)
    if not matches and (near := get_close_matches(rest.partition(".")[0][:80], keys, n=1)):
        matches = [path.removesuffix(rest) + near[0]]
    raise ConfigError(
        f"`{path}` names nothing in the result",
        place=place,
        expected=", ".join(valid) or "nothing further",
        remedy=f"did you mean {matches[0]!r}?" if matches else "",
        code="unknown-path",
    )


def _paths(node: Mapping[str, Any], before: str) -> list[str]:
    """The paths of all that are no mappings themselves, as far as it takes to see they are many."""
    found: list[str] = []
    for key in sorted(node):
        path, one = f"{before}{key}", node[key]
        found += _paths(one, f"{path}.") if isinstance(one, Mapping) else [path]
        if len(found) > MANY:
            break
    return [*dict.fromkeys(found)]
