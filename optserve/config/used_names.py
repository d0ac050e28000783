"""Which names an expression uses, also in the declared functions that it calls."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from optserve.config.expressions import Expression, Function

__all__ = ["mentions", "uses"]


def uses(expression: Expression, names: Collection[str], functions: Mapping[str, Function]) -> bool:
    """Whether an expression uses a value of one of ``names``, also in one of ``functions``.

    A name that is called is a function there, whatever value has it too.
    """
    return bool(names) and _is_any_of(_reached(expression, functions)[0], names)


def mentions(
    expression: Expression, names: Collection[str], functions: Mapping[str, Function]
) -> bool:
    """Whether an expression uses a value, or a function, of one of ``names``."""
    if not names:
        return False
    used, called = _reached(expression, functions)
    return _is_any_of(used | called, names)


def _reached(
    expression: Expression, functions: Mapping[str, Function]
) -> tuple[frozenset[str], frozenset[str]]:
    """The names that an expression uses as values and those that it calls, with those of the
    declared functions that it calls or passes on."""
    used, called = expression.names, expression.calls
    seen: set[str] = set()
    while waiting := (used | called) & functions.keys() - seen:
        seen |= waiting
        used = used.union(*(functions[name].names for name in waiting))
        called = called.union(*(functions[name].calls for name in waiting))
    return used, called


def _is_any_of(found: Collection[str], names: Collection[str]) -> bool:
    """Whether one of ``found`` is one of ``names``, or a part of it."""
    return any(name == one or name.startswith(f"{one}.") for name in found for one in names)
