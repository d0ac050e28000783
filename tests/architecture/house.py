"""The sources of optserve as the architecture tests read them: as text and syntax, not imported."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

FLOORS = {
    "cache": -1,
    "collector": -1,
    "memo": -1,
    "deprecation": -1,
    "errors": -1,
    "graph": 0,
    "primitives": 1,
    "transforms": 2,
    "backends": 3,
    "optimizers": 3,
    "jobs": 4,
    "tables": 4,
    "registry": 5,
    "config": 6,
    "reports": 6,
    "batch": 7,
    "fitting": 7,
    "functions": 4,
    "service": 8,
    "cli": 9,
}
"""The floor of every room; those below 0 are the cellar."""

SIDES = {"plugin": 5, "testing": 5}
"""The doors for plugin authors: each looks down from the floor of the registry."""

ROOMS_OF = {
    "annotated_types": {*FLOORS, *SIDES} - {"errors", "cache", "collector", "memo"},
    "dask": {"batch"},
    "distributed": {"batch"},
    "fastapi": {"service"},
    "importlib.metadata": {"registry"},
    "jax": {"backends"},
    "llvmlite": {"backends"},
    "matplotlib": {"reports"},
    "numpy": {*FLOORS, *SIDES} - {"errors", "cache", "collector", "memo"},
    "packaging": {"registry"},
    "pluggy": {"registry"},
    "pyarrow": {"config", "tables"},
    "pydantic": {"config", "jobs.record", "service"},
    "pydantic_core": {"config"},
    "rich": {"cli"},
    "ruamel": {"config"},
    "scipy.linalg": {"backends", "primitives"},
    "scipy.optimize": {"optimizers"},
    "scipy.special": {"primitives"},
    "sqlalchemy": {"service"},
    "typer": {"cli"},
}
"""The rooms in which each foreign library may be imported; one that is not listed, nowhere."""

ORDERED = {
    "jobs": (
        "evidence",
        "descent",
        "record",
        "preparation",
        "refitting",
        "assessment",
        "run",
        "simulation",
    ),
}
"""Rooms and files within a room that import only from those before them; the rest of the room
imports from none of them."""


@dataclass(frozen=True)
class Import:
    """One imported name, such as ``optserve.graph.dim.Dim``, and the line it is imported on."""

    name: str
    line: int


@dataclass(frozen=True)
class Source:
    """One Python file of the package."""

    path: Path

    @property
    def shown(self) -> str:
        return self.path.relative_to(ROOT).as_posix()

    @property
    def module(self) -> str:
        parts = self.path.relative_to(ROOT).with_suffix("").parts
        return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)

    @property
    def room(self) -> str:
        """The room or side module the file belongs to; "" for ``optserve/__init__.py``."""
        return self.module.partition(".")[2].partition(".")[0]

    def is_in(self, room: str) -> bool:
        """Whether it belongs to a room, or to one within it such as ``jobs.record``."""
        return f"{self.module}.".startswith(f"optserve.{room}.")

    @cached_property
    def tree(self) -> ast.Module:
        return ast.parse(self.path.read_text(encoding="utf-8"), self.shown)

    def imports(self) -> Iterator[Import]:
        """All of them, also those inside functions and those for type checking only."""
        for node in ast.walk(self.tree):
            if isinstance(node, ast.Import):
                yield from (Import(alias.name, node.lineno) for alias in node.names)
            elif isinstance(node, ast.ImportFrom):
                assert node.module is not None, f"{self.shown}:{node.lineno}: a relative import"
                for alias in node.names:
                    yield Import(f"{node.module}.{alias.name}", node.lineno)


@cache
def sources() -> tuple[Source, ...]:
    """All of them, each read once."""
    return tuple(Source(path) for path in sorted((ROOT / "optserve").rglob("*.py")))


def each_source(test: Callable[[Source], None]) -> Callable[[str], None]:
    """A test of every file, as one for each room; what fails names the file."""

    @pytest.mark.parametrize("room", sorted({source.room for source in sources()}))
    def of_room(room: str) -> None:
        for source in sources():
            if source.room == room:
                test(source)

    of_room.__doc__ = test.__doc__
    return of_room
