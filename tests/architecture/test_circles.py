"""No circle of imports inside a room: every file can be read after those that it stands on.

Imports inside functions and for type checking count.
"""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from tests.architecture.house import sources


@pytest.mark.parametrize("room", sorted({source.room for source in sources()}))
def test_no_circle_of_imports(room: str) -> None:
    assert circles(imports_within(room)) == []


def test_the_check_finds_circles() -> None:
    found = circles({"a": {"b"}, "b": {"c"}, "c": {"b", "d"}, "d": set()})
    assert found == [["b", "c"]]


def imports_within(room: str) -> dict[str, set[str]]:
    """For each module of a room, the modules of that room that it imports."""
    own = [source for source in sources() if source.room == room]
    modules = {source.module for source in own}
    return {
        source.module: {
            module
            for found in source.imports()
            for module in (found.name, found.name.rpartition(".")[0])
            if module in modules and module != source.module
        }
        for source in own
    }


def circles(imports: Mapping[str, set[str]]) -> list[list[str]]:
    """The sets of modules that import each other, directly or not."""
    reached = {module: reachable(module, imports) for module in imports}
    groups = {
        tuple(sorted(other for other in reached[module] if module in reached[other]))
        for module in imports
        if module in reached[module]
    }
    return [list(group) for group in sorted(groups)]


def reachable(start: str, imports: Mapping[str, set[str]]) -> set[str]:
    found: set[str] = set()
    waiting = list(imports[start])
    while waiting:
        module = waiting.pop()
        if module not in found:
            found.add(module)
            waiting += imports[module]
    return found
