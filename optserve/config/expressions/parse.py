"""Parsing: text becomes a checked tree, or an error that points at what is not of the language.

The grammar is Python's, so ``ast.parse`` reads it, after ``tokens`` has passed every character.
What it gives is walked against the list of what the language has; anything else is refused. Nothing
is evaluated.
"""

from __future__ import annotations

import ast
from collections.abc import Mapping
from itertools import accumulate, pairwise
from typing import NoReturn

from optserve.config.expressions.expression_text import Text
from optserve.config.expressions.tokens import MOST_LEVELS, tokens
from optserve.config.expressions.tree import (
    LARGEST_INTEGER,
    Attribute,
    Call,
    Constant,
    Expression,
    ExpressionNode,
    Link,
    Listing,
    Name,
    Operation,
    Prefix,
    Range,
    Subscript,
    Tupling,
)
from optserve.config.expressions.words import Token, refuse
from optserve.errors import ConfigError, Place

__all__ = ["MOST_NODES", "parse_expression"]

MOST_NODES = 4096
"""The most names, numbers, calls and operations of an expression."""

_BINARY: Mapping[type[ast.AST], str] = {
    ast.Add: "+",
    ast.Sub: "-",
    ast.Mult: "*",
    ast.Div: "/",
    ast.FloorDiv: "//",
    ast.Mod: "%",
    ast.Pow: "**",
    ast.MatMult: "@",
    ast.BitAnd: "&",
    ast.BitOr: "|",
    ast.Eq: "==",
    ast.NotEq: "!=",
    ast.Lt: "<",
    ast.LtE: "<=",
    ast.Gt: ">",
    ast.GtE: ">=",
}
_PREFIX: Mapping[type[ast.AST], str] = {ast.USub: "-", ast.UAdd: "+", ast.Invert: "~"}


def parse_expression(text: Text, *, texts: bool = False) -> Expression:
    """The checked tree of ``text``, and the names in it; ``texts`` may be compared in it.

    Raises ``ConfigError``, with place, expectation and remedy, for anything that is not of the
    language. Takes time in proportion to the length of the text, which is limited.

    >>> parsed = parse_expression(Text.at("model(x) - low.y", Place("fit.yaml", 4, 7)))
    >>> sorted(parsed.calls), sorted(parsed.names)
    (['model'], ['low.y', 'x'])
    """
    words = tokens(text)
    lead = words[0].start
    source = text.text[lead : words[-1].end].replace("\n", " ").replace("\r", " ")
    try:
        parsed = ast.parse(source, mode="eval")
        checker = _Checker(text, source, lead, texts=texts)
        root = checker.node(parsed.body)
    except SyntaxError as error:
        _refuse_syntax(text, words, lead + (error.offset or 1) - 1)
    except (RecursionError, MemoryError):
        raise ConfigError(
            f"nested more than {MOST_LEVELS} levels deep",
            place=text.place_at(lead),
            remedy="name the inner parts in define",
            code="too-large",
        ) from None
    return Expression(text, root, frozenset(checker.calls), frozenset(checker.names))


class _Checker:
    """Turns Python's tree into ours, node by node, and collects the names it meets."""

    def __init__(self, text: Text, source: str, lead: int, *, texts: bool) -> None:
        self.text = text
        self.texts = texts
        self.lead = lead
        self.calls: set[str] = set()
        self.names: set[str] = set()
        self.count = 0
        # Python counts bytes of UTF-8; the offset of the character that begins at each of them.
        widths = [len(letter.encode()) for letter in source]
        starts = accumulate(widths, initial=0)
        self.offsets = None if source.isascii() else {byte: i for i, byte in enumerate(starts)}

    def node(self, node: ast.expr) -> ExpressionNode:
        place = self.place(node)
        self.count_one(place)
        match node:
            case ast.Constant():
                return self.constant(node, place)
            case ast.Name() | ast.Attribute():
                return self.name(node, place)
            case ast.Call():
                return self.call(node, place)
            case ast.UnaryOp(op=op, operand=operand) if type(op) in _PREFIX:
                return Prefix(_PREFIX[type(op)], self.node(operand), place)
            case ast.BinOp() | ast.Compare():
                return self.operation(node, place)
            case ast.Tuple(elts=entries):
                return Tupling(tuple(map(self.node, entries)), place)
            case ast.List(elts=entries):
                return Listing(tuple(map(self.node, entries)), place)
            case ast.Subscript():
                return self.subscript(node, place)
            case ast.Starred():
                raise self.refusal(node, "starred arguments are")
            case _:
                raise self.refusal(node)

    def count_one(self, place: Place) -> None:
        """Count a node of the tree, or an operation of a chain."""
        self.count += 1
        if self.count > MOST_NODES:
            raise ConfigError(
                f"this expression has more than {MOST_NODES} parts",
                place=place,
                expected=f"at most {MOST_NODES} names, numbers, calls and operations",
                remedy="name some of them in define, or take columns together: X @ w",
                code="too-large",
            )

    def constant(self, node: ast.Constant, place: Place, *, option: bool = False) -> Constant:
        """A literal: a number, or where an ``option`` may stand any other."""
        value = node.value
        if isinstance(value, bytes):
            raise self.refusal(node)
        if isinstance(value, int) and not isinstance(value, bool) and abs(value) > LARGEST_INTEGER:
            value = float(value)
        if not option and (isinstance(value, bool | str) or value is None or value is ...):
            what = {str: "a string", bool: "a truth value"}.get(type(value), ast.unparse(node))
            raise ConfigError(
                f"{what} stands where a number is expected",
                place=place,
                expected="strings, truth values and None only as options: sum(x, keepdims=True)",
                remedy=self.about_texts() if isinstance(value, str) else "",
                code="wrong-operand",
            )
        return Constant(value, place)

    def about_texts(self) -> str:
        if self.texts:
            return (
                'a column is compared with a text alone, in brackets: (sex == "male") & (age > 9)'
            )
        return "a name is written without quotes; texts are compared in `where`, and only there"

    def name(self, node: ast.Name | ast.Attribute, place: Place) -> ExpressionNode:
        parts: list[str] = []
        inner: ast.expr = node
        while isinstance(inner, ast.Attribute):
            parts.append(inner.attr)
            inner = inner.value
        if isinstance(inner, ast.Name):
            dotted = ".".join([inner.id, *reversed(parts)])
            self.names.add(dotted)
            return Name(dotted, place)
        value = self.node(inner)
        for part in reversed(parts):
            if part not in {"T", "shape"}:
                raise ConfigError(
                    f"no attribute '{part}'",
                    place=place,
                    expected=".T, .shape[k] or the dots of a declared name",
                    code="wrong-operand",
                )
            value = Attribute(value, part, place)
        return value

    def call(self, node: ast.Call, place: Place) -> Call:
        function = node.func
        if isinstance(function, ast.Attribute):
            base = ast.unparse(function.value)
            library = base in {"np", "numpy", "math", "jnp", "scipy", "torch"}
            first = "..." if library or len(base) > 30 else base
            raise ConfigError(
                f"'{function.attr}' is called as a method",
                place=self.place(function),
                expected="a function by its own name",
                remedy=f"write {function.attr}({first})",
                code="syntax",
            )
        if not isinstance(function, ast.Name):
            raise ConfigError(
                "only a name can be called",
                place=self.place(function),
                expected="an operator between a value and a bracket, such as 2 * (a + b)",
                code="syntax",
            )
        self.calls.add(function.id)
        arguments = tuple(map(self.argument, node.args))
        keywords: dict[str, ExpressionNode] = {}
        for keyword in node.keywords:
            if keyword.arg is None:
                raise self.refusal(keyword.value, "starred arguments are")
            if keyword.arg in keywords:
                place = self.place(keyword.value)
                raise ConfigError(f"'{keyword.arg}' is given twice", place=place, code="wrong-call")
            keywords[keyword.arg] = self.argument(keyword.value)
        name_place = self.place(function)
        return Call(function.id, arguments, tuple(keywords.items()), place, name_place)

    def argument(self, node: ast.expr) -> ExpressionNode:
        """An argument of a call, where strings, truth values and ``None`` may stand as options."""
        if isinstance(node, ast.Constant) and node.value is not ...:
            return self.constant(node, self.place(node), option=True)
        return self.node(node)

    def operation(self, node: ast.BinOp | ast.Compare, place: Place) -> Operation:
        """A chain read from its right end: Python nests it to the left as deep as it is long."""
        steps: list[Link] = []
        first: ast.expr = node
        while isinstance(first, ast.BinOp | ast.Compare):
            if isinstance(first, ast.Compare):
                self.check_single(first)
                left, right = first.left, first.comparators[0]
                symbol = _BINARY.get(type(first.ops[0]))
                if self.texts and symbol in ("==", "!="):
                    steps.append(Link(symbol, self.compared(right), self.place(first)))
                    return Operation(self.compared(left), tuple(reversed(steps)), place)
            else:
                left, right = first.left, first.right
                symbol = _BINARY.get(type(first.op))
            if symbol is None:
                raise self.refusal(first)
            steps.append(Link(symbol, self.node(right), self.place(first)))
            if len(steps) > 1:  # the chain itself counts already
                self.count_one(steps[-1].operand.place)
            first = left
        return Operation(self.node(first), tuple(reversed(steps)), place)

    def compared(self, node: ast.expr) -> ExpressionNode:
        """A side of a comparison that may be a text."""
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            return self.constant(node, self.place(node), option=True)
        return self.node(node)

    def check_single(self, node: ast.Compare) -> None:
        if len(node.ops) > 1:
            raise ConfigError(
                "comparisons cannot be chained",
                place=self.place(node),
                expected="one comparison in each pair of brackets",
                remedy="write (a < b) & (b < c); & and | bind tighter than comparisons",
                code="syntax",
            )

    def subscript(self, node: ast.Subscript, place: Place) -> Subscript:
        written = node.slice
        entries = written.elts if isinstance(written, ast.Tuple) else [written]
        return Subscript(self.node(node.value), tuple(map(self.index, entries)), place)

    def index(self, node: ast.expr) -> ExpressionNode | Range:
        if isinstance(node, ast.Slice):
            bounds = (node.lower, node.upper, node.step)
            start, stop, step = (None if bound is None else self.bound(bound) for bound in bounds)
            return Range(start, stop, step, self.place(node))
        if isinstance(node, ast.Constant) and (node.value is None or node.value is ...):
            return self.constant(node, self.place(node), option=True)
        return self.node(node)

    def bound(self, node: ast.expr) -> ExpressionNode | None:
        """A bound of a slice; ``None`` written out is the same as nothing."""
        if isinstance(node, ast.Constant) and node.value is None:
            return None
        return self.node(node)

    def place(self, node: ast.expr) -> Place:
        start, end = node.col_offset, node.end_col_offset or node.col_offset + 1
        if self.offsets is not None:
            start, end = self.offsets[start], self.offsets[end]
        return self.text.place_at(self.lead + start, end - start)

    def refusal(self, node: ast.expr, what: str = "this is") -> ConfigError:
        return ConfigError(
            f"{what} not part of the language", place=self.place(node), code="syntax"
        )


def _refuse_syntax(text: Text, words: tuple[Token, ...], offset: int) -> NoReturn:
    """Say in our words what Python could not read; its own vary from version to version."""
    first, last = words[0], words[-1]
    if _goes_on(first):
        refuse(text, first, f"a value is missing before '{first.text}'")
    for before, after in pairwise(words):
        opens = before.text in {"(", "[", ",", ":"}
        if not before.ends_operand and (after.text == "," or (_goes_on(after) and not opens)):
            refuse(text, after, f"a value is missing between '{before.text}' and '{after.text}'")
        if (before.text, after.text) == ("[", "]"):
            refuse(text, after, "an index or an entry is missing between '[' and ']'")
    if not last.ends_operand:
        refuse(text, last, f"a value is missing after '{last.text}'")
    for i, word in enumerate(words):
        names_option = words[i - 1].kind == "name" and i > 1 and words[i - 2].text in {"(", ","}
        if word.text == "=" and not names_option:
            remedy = "an equality is written ==; a value is named in define"
            refuse(text, word, "'=' stands where no option is named", remedy=remedy)
    wrong = next((word for word in words if word.end > offset), last)
    if any(word.text == "=" for word in words):
        refuse(text, wrong, "an argument without a name stands after one with a name")
    refuse(text, wrong, f"'{wrong.text}' stands where it cannot be read")


def _goes_on(word: Token) -> bool:
    """Whether ``word`` can only stand after a value, never begin one."""
    return word.kind == "sign" and word.text not in {"(", "[", ")", "]", "-", "+", "~", "...", ":"}
