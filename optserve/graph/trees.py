"""Trees of values: tuples, lists, dicts and dataclasses of trees, whose leaves are the values.

What JAX calls pytrees. ``None`` is a tree without leaves.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator
from dataclasses import fields, is_dataclass, replace
from typing import Any

import numpy as np

from optserve.graph.aval import is_traced
from optserve.graph.primitive import Value

__all__ = ["form_of", "is_tree", "leaves", "rebuilt"]


_LEAVES = frozenset({float, int, np.float64, np.ndarray})


def is_tree(value: Any) -> bool:
    """Whether ``value`` holds values, and is none itself.

    >>> is_tree((1.0,)), is_tree({"a": 1.0}), is_tree(None), is_tree(1.0)
    (True, True, True, False)
    """
    if type(value) in _LEAVES:  # the usual case
        return False
    if isinstance(value, tuple | list | dict) or value is None:
        return True
    return is_dataclass(value) and not isinstance(value, type) and not is_traced(value)


def leaves(tree: Any) -> list[Value]:
    """The values of a tree, in order; those of a dict in the order of its sorted keys.

    >>> leaves(((1.0, 2.0), (), {"b": 4.0, "a": 3.0}, None))
    [1.0, 2.0, 3.0, 4.0]
    """
    if not is_tree(tree):
        return [tree]
    return [leaf for _, part in _parts(tree) for leaf in leaves(part)]


def rebuilt(tree: Any, values: Iterable[Value]) -> Any:
    """``tree`` with other values, in the order of ``leaves``; its parts keep their types.

    >>> rebuilt(((1.0, 2.0), [], {"b": 4.0, "a": 3.0}, None), "xyzw")
    (('x', 'y'), [], {'b': 'w', 'a': 'z'}, None)
    """
    following = iter(values)

    def of(part: Any) -> Any:
        if not is_tree(part):
            return next(following)
        made = {key: of(inner) for key, inner in _parts(part)}
        if part is None:
            return None
        if isinstance(part, dict):
            return type(part)({key: made[key] for key in part})
        if isinstance(part, tuple | list):
            whole = made.values()
            return part._make(whole) if hasattr(part, "_make") else type(part)(whole)
        return replace(part, **made)

    return of(tree)


def form_of(tree: Any) -> Hashable:
    """What two trees have in common that differ in their values alone; lists count as tuples.

    >>> form_of((1.0, {"a": 2.0})) == form_of([3.0, {"a": 4.0}])
    True
    """
    if not is_tree(tree):
        return "*"
    kind = tuple if isinstance(tree, list) else type(tree)
    return kind, tuple((key, form_of(part)) for key, part in _parts(tree))


def _parts(tree: Any) -> Iterator[tuple[Any, Any]]:
    """The parts of a tree, each under its key."""
    if isinstance(tree, dict):
        try:
            keys = sorted(tree)
        except TypeError:
            keys = list(tree)
        yield from ((key, tree[key]) for key in keys)
    elif isinstance(tree, tuple | list):
        yield from enumerate(tree)
    elif tree is not None:
        yield from ((one.name, getattr(tree, one.name)) for one in fields(tree))
