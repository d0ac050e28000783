"""What is known of a primitive stands on it: nothing asks for its name to know more.

Its name may be printed, sorted and written into records. It is not compared, nor the key of a
table, nor part of the name of a function that handles it; and no table lists names of primitives.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

import pytest

from optserve.primitives.vocabulary import builtin_primitives
from tests.architecture.house import Source, each_source

NAMES = frozenset(primitive.name for primitive in builtin_primitives())

LOOKUPS = {"get", "setdefault", "pop", "index", "count", "getattr", "hasattr"}
"""Calls with which a table is asked."""

NAMING = "optserve/primitives/vocabulary.py"
"""Where names are given their primitives, for those who write them."""

SUMMARIES = {"min", "mean", "max", "abs"}
REDUCTIONS = {"sum", "prod", "max", "min", "logsumexp", "any", "all"}
"""Words of summaries and of axis rules, which happen to be names of primitives too."""


@each_source
def test_nothing_depends_on_the_name_of_a_primitive(source: Source) -> None:
    found = [f"{source.shown}:{line}: {text}" for line, text in dependences(source.tree)]
    assert not found or source.shown == NAMING, (
        "let the primitive carry a fact, or compare it itself: " + "\n".join(found)
    )


@each_source
def test_no_table_lists_names_of_primitives(source: Source) -> None:
    listed = [words for words in tables(source.tree) if not words <= SUMMARIES]
    listed = [words for words in listed if not words <= REDUCTIONS]
    assert not listed, f"{source.shown}: let each primitive carry the fact: {listed}"


@pytest.mark.parametrize(
    "code",
    [
        "if equation.primitive.name == 'power': pass",
        "x = equation.primitive.name in {'a', 'b'}",
        "rule = RULES[primitive.name]",
        "rule = RULES.get(equation.primitive.name)",
        "name = equation.primitive.name\nrule = RULES.get(name, None)",
        "rule = getattr(self, f'_{equation.primitive.name}')",
        "seen = {one.primitive.name: one for one in uses}",
        "match equation.primitive.name:\n    case 'exp': pass",
        "def f(self, primitive):\n    name = primitive.name\n    return name != 'exp'",
    ],
)
def test_the_check_finds_what_it_is_for(code: str) -> None:
    assert list(dependences(ast.parse(code)))


def test_the_check_lets_names_be_printed() -> None:
    code = (
        "name = equation.primitive.name\ntext = f'{name} has no rule'\nnames = [name, *sorted(k)]"
    )
    assert not list(dependences(ast.parse(code)))


def test_the_check_of_tables_finds_what_it_is_for() -> None:
    found = tables(ast.parse("RULES = {'exp': 1, 'log': 2}\nFEW = frozenset({'exp', 'of mine'})"))
    assert list(found) == [{"exp", "log"}]


def dependences(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """Where the name of a primitive decides something: the line, and the expression."""
    aliases = {
        target.id
        for node in ast.walk(tree)
        if isinstance(node, ast.Assign) and is_name(node.value, set())
        for target in node.targets
        if isinstance(target, ast.Name)
    }
    for node in ast.walk(tree):
        if any(mentions(part, aliases) for part in deciding(node)):
            yield getattr(node, "lineno", 0), ast.unparse(node)


def deciding(node: ast.AST) -> list[ast.expr]:
    """The parts of a node that decide what it gives."""
    match node:
        case ast.Compare(left=left, comparators=others):
            return [left, *others]
        case ast.Subscript(slice=part) | ast.DictComp(key=part) | ast.Match(subject=part):
            return [part]
        case ast.Dict(keys=keys):
            return [key for key in keys if key is not None]
        case ast.Call(func=ast.Attribute(attr=name) | ast.Name(id=name), args=arguments):
            return arguments if name in LOOKUPS else []
    return []


def mentions(part: ast.expr, aliases: set[str]) -> bool:
    """Whether an expression is the name of a primitive, or a text made of one."""
    if isinstance(part, ast.JoinedStr):
        values = [one.value for one in part.values if isinstance(one, ast.FormattedValue)]
        return any(is_name(value, aliases) for value in values)
    return is_name(part, aliases)


def is_name(value: ast.expr, aliases: set[str]) -> bool:
    match value:
        case ast.Attribute(value=ast.Name(id=owner) | ast.Attribute(attr=owner), attr="name"):
            return owner.endswith("primitive")
        case ast.Name(id=name):
            return name in aliases
    return False


def tables(tree: ast.AST) -> Iterator[set[str]]:
    """The keys of each set or mapping of two and more that are all names of primitives."""
    for node in ast.walk(tree):
        match node:
            case ast.Dict(keys=entries) if None not in entries:
                pass
            case (
                ast.Set(elts=entries)
                | ast.Call(func=ast.Name(id="frozenset" | "set"), args=[ast.List(elts=entries)])
            ):
                pass
            case _:
                continue
        texts = [entry.value for entry in entries if isinstance(entry, ast.Constant)]
        if len(texts) == len(entries) > 1 and NAMES.issuperset(texts):
            yield set(map(str, texts))
