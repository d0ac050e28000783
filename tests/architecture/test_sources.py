"""What every source file keeps to: its size, its names, its public face, and no state."""

from __future__ import annotations

import ast
import importlib
import inspect
from collections.abc import Iterator

import pytest

from tests.architecture.house import ROOT, Source, each_source, sources

LONGEST = 400
EMPTY_NAMES = {"common", "helper", "helpers", "misc", "util", "utils"}
MUTABLE_LITERALS = (ast.List, ast.Dict, ast.Set, ast.ListComp, ast.DictComp, ast.SetComp)
MUTABLE_CALLS = {"bytearray", "count", "Counter", "defaultdict", "deque", "dict", "list"}
MUTABLE_CALLS |= {"OrderedDict", "set", "WeakKeyDictionary", "WeakValueDictionary"}
MUTATORS = {"add", "append", "clear", "discard", "extend", "insert", "pop", "popitem", "remove"}
MUTATORS |= {"reverse", "setdefault", "sort", "update"}
READ_ONLY = {"AbstractSet", "Collection", "Mapping", "Sequence"}
"""Annotations through which the type checker lets nothing be changed."""

STATES = {"optserve.graph.trace._serials"}
"""State that is allowed: a counter of which only the order of its numbers is ever used."""


def test_no_file_is_two_rooms() -> None:
    files = [
        path
        for folder in ("optserve", "plugins", "benchmarks", "tests")
        for path in (ROOT / folder).rglob("*.py")
        if not {".venv", "build"} & {*path.parts}
    ]
    lengths = {
        path.relative_to(ROOT).as_posix(): len(path.read_text(encoding="utf-8").splitlines())
        for path in files
    }
    assert {name: length for name, length in lengths.items() if length > LONGEST} == {}


def test_every_name_says_something() -> None:
    nothing = [source.shown for source in sources() if {*source.module.split(".")} & EMPTY_NAMES]
    assert not nothing


def test_every_room_has_its_tests() -> None:
    rooms = {source.room for source in sources() if source.path.parent.parent.name == "optserve"}
    assert {room for room in rooms if not list((ROOT / "tests" / room).glob("test_*.py"))} == set()


@each_source
def test_public_names_exist_and_are_documented(source: Source) -> None:
    if source.module.endswith("__main__"):
        return  # importing it runs it
    module = importlib.import_module(source.module)
    assert module.__doc__, f"{source.shown} has no docstring"
    for name in getattr(module, "__all__", ()):
        value = getattr(module, name)
        if inspect.isclass(value) or inspect.isfunction(value):
            assert documented(value), f"{source.shown}: {name} has no docstring"


@each_source
def test_public_names_are_listed(source: Source) -> None:
    listed = names_listed(source.tree)
    public = {
        node.name
        for node in source.tree.body
        if isinstance(node, ast.FunctionDef | ast.ClassDef) and not node.name.startswith("_")
    }
    assert not public or listed, f"{source.shown} has no __all__"


@each_source
def test_nothing_private_is_borrowed(source: Source) -> None:
    borrowed = [
        f"{source.shown}:{found.line}: {found.name}"
        for found in source.imports()
        if found.name.startswith("optserve.") and is_private(found.name.rpartition(".")[2])
    ]
    assert not borrowed


@each_source
def test_modules_keep_no_state(source: Source) -> None:
    kept = {f"{source.module}.{name}" for name in states(source.tree)} - STATES
    assert not kept, f"use a tuple, a frozenset, MappingProxyType or a value that is passed: {kept}"


@pytest.mark.parametrize(
    ("source", "kept"),
    [
        ("CACHE = {}", ["CACHE"]),
        ("cache: dict[str, int] = {}", ["cache"]),
        ("_SEEN = set()\ndef f(x): _SEEN.add(x)", ["_SEEN"]),
        ("_LIST = []\n_LIST += [1]", ["_LIST"]),
        ("class A:\n    seen = []", ["seen"]),
        ("x = 1\ndef f():\n    global x\n    x = 2", ["x"]),
        ("_NAMES = {'a': 1}\nNAMES: Mapping[str, int] = {'a': 1}\nALL = ('a', frozenset({1}))", []),
    ],
)
def test_the_check_of_state_finds_what_it_is_for(source: str, kept: list[str]) -> None:
    assert list(states(ast.parse(source))) == kept


def documented(value: object) -> bool:
    """Whether a person wrote a docstring; the one that a dataclass makes up does not count."""
    text = inspect.getdoc(value) or ""
    made_up = inspect.isclass(value) and text.startswith(f"{value.__name__}(")
    return bool(text) and not made_up


def is_private(name: str) -> bool:
    return name.startswith("_") and not name.startswith("__")


def names_listed(tree: ast.Module) -> bool:
    return any(
        isinstance(node, ast.Assign)
        and any(isinstance(target, ast.Name) and target.id == "__all__" for target in node.targets)
        for node in tree.body
    )


def states(tree: ast.Module) -> Iterator[str]:
    """The names of a module or a class that hold something that can change, and the names of the
    module that a function rebinds."""
    bodies = [tree.body, *(node.body for node in ast.walk(tree) if isinstance(node, ast.ClassDef))]
    for statement in (statement for body in bodies for statement in body):
        match statement:
            case ast.Assign(targets=[ast.Name(id=name)], value=value) if is_mutable(value):
                if name not in {"__all__", "__slots__"} and not is_table(name, tree):
                    yield name
            case ast.AnnAssign(target=ast.Name(id=name), annotation=annotation, value=value):
                if is_mutable(value) and not is_read_only(annotation) and not is_table(name, tree):
                    yield name
    for node in ast.walk(tree):
        if isinstance(node, ast.Global):
            yield from node.names


def is_mutable(value: ast.expr | None) -> bool:
    if isinstance(value, ast.Call):
        function = value.func
        name = function.attr if isinstance(function, ast.Attribute) else ast.unparse(function)
        return name in MUTABLE_CALLS
    return isinstance(value, MUTABLE_LITERALS)


def is_read_only(annotation: ast.expr) -> bool:
    words = {node.id for node in ast.walk(annotation) if isinstance(node, ast.Name)}
    outermost = ast.unparse(annotation).partition("[")[0]
    return outermost in READ_ONLY or (
        outermost in {"ClassVar", "Final"} and bool(words & READ_ONLY)
    )


def is_table(name: str, tree: ast.Module) -> bool:
    """Whether ``_NAME`` is a private table: no other module sees it and its own only reads it."""
    return name.startswith("_") and name.isupper() and name not in set(changed(tree))


def changed(tree: ast.Module) -> Iterator[str]:
    """The names whose contents something in the module changes: ``x[k] = v``, ``x.append(v)``."""
    for node in ast.walk(tree):
        match node:
            case ast.Subscript(value=ast.Name(id=name), ctx=ast.Store() | ast.Del()):
                yield name
            case ast.AugAssign(target=ast.Name(id=name)):
                yield name
            case ast.Call(func=ast.Attribute(value=ast.Name(id=name), attr=attr)):
                if attr in MUTATORS:
                    yield name
