"""One word for one thing: no two classes, kinds of values or files share a name."""

from __future__ import annotations

import ast
from collections import defaultdict
from collections.abc import Iterator

from tests.architecture.house import Source, sources


def named(source: Source) -> Iterator[str]:
    """The classes and the type aliases of a module; those that are private to it, a leading
    underscore says."""
    for node in source.tree.body:
        match node:
            case ast.ClassDef(name=name) if not name.startswith("_"):
                yield name
            case ast.Assign(targets=[ast.Name(id=name)]) if name[0].isupper():
                if not name.isupper():  # which is a constant, or a variable of types
                    yield name


def test_no_two_things_have_one_name() -> None:
    homes = defaultdict(list)
    for source in sources():
        for name in named(source):
            homes[name].append(source.shown)
    doubles = {name: files for name, files in homes.items() if len(files) > 1}
    assert not doubles, f"give each a name of its own, by the glossary: {doubles}"


def test_the_check_of_names_finds_what_it_is_for() -> None:
    text = "class Row: ...\nclass _Row: ...\nTable = dict[str, Row]\nT = TypeVar('T')\nrow = Row()"
    source = Source(__file__)  # type: ignore[arg-type]
    object.__setattr__(source, "__dict__", {**source.__dict__, "tree": ast.parse(text)})
    assert list(named(source)) == ["Row", "Table"]


SHARED = {"__init__", "__main__", "builtin", "epochs", "expectations", "parameters", "problem"}
"""Names of files that stand for the same thing in several rooms: a package, what a room contributes
to the registry, and what `config` makes of a file for `jobs`."""

NAMED_FOR_OTHERS = ("cli", "config.schema", "backends.llvm.lowerings")
"""Rooms whose files are called as their commands, their keys, and the primitives they lower."""


def test_no_two_files_have_one_name() -> None:
    homes = defaultdict(list)
    for source in sources():
        if source.path.stem not in SHARED and not any(map(source.is_in, NAMED_FOR_OTHERS)):
            homes[source.path.stem].append(source.shown)
    doubles = {name: files for name, files in homes.items() if len(files) > 1}
    assert not doubles, f"call each by what is in it: {doubles}"
