"""Declared functions: their signatures, their bodies, and compositions, which are functions too."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

from optserve.config.expressions.expression_text import Text
from optserve.config.expressions.tokens import tokens
from optserve.config.expressions.tree import Call, Expression, ExpressionNode, Name
from optserve.config.expressions.words import Token, refuse
from optserve.errors import ConfigError, OptserveError, Place

__all__ = [
    "AppliedFunction",
    "Function",
    "Signature",
    "called_at",
    "compose",
    "declare",
    "parse_signature",
]

_OPERAND = "the operand"
"""What the one parameter of a composition is called: no text can name it, so it hides nothing."""


@dataclass(frozen=True)
class Signature:
    """A declared name; ``parameters`` is ``None`` where it is a value and not a function."""

    name: str
    parameters: tuple[str, ...] | None
    place: Place

    def __str__(self) -> str:
        if self.parameters is None:
            return self.name
        return f"{self.name}({', '.join(self.parameters)})"


@dataclass(frozen=True)
class Function:
    """A declared function: ``body`` holds its locals in order, the last called ``return``.

    ``composed`` says that it is a composition, which is computed as it is composed.
    """

    name: str
    parameters: tuple[str, ...]
    body: tuple[tuple[str, Expression], ...]
    place: Place
    composed: bool = False

    @property
    def calls(self) -> frozenset[str]:
        """The names that its body calls, other than its own parameters."""
        called = frozenset[str]().union(*(part.calls for _, part in self.body))
        return called - frozenset(self.parameters)

    @property
    def names(self) -> frozenset[str]:
        """The names that its body uses and does not itself declare."""
        own = set(self.parameters)
        free: set[str] = set()
        for name, part in self.body:
            free |= {used for used in part.names if used.partition(".")[0] not in own}
            own.add(name)
        return frozenset(free)

    def __str__(self) -> str:
        shown = ("x" if name == _OPERAND else name for name in self.parameters)
        return f"{self.name}({', '.join(shown)})"


@dataclass(frozen=True)
class AppliedFunction:
    """One function of a composition.

    ``{subtract: 1}`` is ``AppliedFunction("subtract", (1,))``, x - 1.
    """

    name: Text
    arguments: tuple[Expression, ...] = ()


def parse_signature(text: Text) -> Signature:
    """The name that a key of ``define`` (or of ``parameters``) declares, and its parameters.

    >>> str(parse_signature(Text.at("step(s, t)", Place("fit.yaml", 3, 3))))
    'step(s, t)'
    >>> parse_signature(Text.at("layer1.W", Place("fit.yaml", 3, 3))).parameters is None
    True
    """
    words = list(tokens(text))
    place = text.place_at(words[0].start, words[-1].end - words[0].start)
    name = _name(text, words, "a name or a function, such as step(s, t)")
    if not words:
        return Signature(name, None, place)
    if "." in name or words[0].text != "(":
        refuse(
            text, words[0], f"'{words[0].text}' cannot stand in a declaration", expected="a name"
        )
    parameters: list[str] = []
    while words.pop(0).text != ")":
        if words[0].text == ")" and not parameters:
            refuse(
                text, words[0], f"'{name}' has no parameters", remedy=f"a value is just '{name}'"
            )
        start = words[0]
        parameter = _name(text, words, "the name of a parameter")
        if "." in parameter or parameter in parameters:
            what = "has a dot" if "." in parameter else "is declared twice"
            refuse(text, start, f"the parameter '{parameter}' {what}")
        if words[0].text not in {",", ")"}:
            refuse(text, words[0], f"'{words[0].text}' follows a parameter", expected="',' or ')'")
        parameters.append(parameter)
    if words:
        refuse(
            text, words[0], f"'{words[0].text}' follows the declaration", expected="nothing more"
        )
    return Signature(name, tuple(parameters), place)


def declare(signature: Signature, body: Expression | Sequence[tuple[Text, Expression]]) -> Function:
    """The function that ``signature`` and ``body`` declare.

    A body is an expression, or locals in order of which the last is called ``return``.
    """
    assert signature.parameters is not None
    if isinstance(body, Expression):
        return Function(signature.name, signature.parameters, (("return", body),), signature.place)
    names = [_local(name) for name, _ in body]
    places = dict.fromkeys(signature.parameters, signature.place)
    for name, (text, _) in zip(names, body, strict=True):
        place = text.place_at(0, len(text.text))
        if name in places:
            raise ConfigError(
                f"'{name}' is declared twice in {signature}",
                place=place,
                expected=f"one declaration; the other is at {places[name]}",
                code="wrong-definition",
            )
        places[name] = place
    if "return" not in names[-1:]:
        found = places.get("return")
        raise ConfigError(
            f"{signature} returns nothing" if found is None else "'return' is not the last local",
            place=found or signature.place,
            expected="locals in order, and 'return: ...' at the end",
            code="wrong-definition",
        )
    parts = tuple((name, part) for name, (_, part) in zip(names, body, strict=True))
    return Function(signature.name, signature.parameters, parts, signature.place)


def compose(
    signature: Signature, steps: Sequence[AppliedFunction], *, innermost_first: bool = False
) -> Function:
    """The composition of ``steps``, outermost first (``compose``) or innermost first (``pipe``).

    The arguments of a step come after its operand: ``{subtract: 1}`` is x - 1. No step at all is
    the identity.
    """
    if signature.parameters is not None and len(signature.parameters) != 1:
        raise ConfigError(
            f"{signature} is a composition",
            place=signature.place,
            expected="a single parameter",
            code="wrong-definition",
        )
    own = signature.parameters or (_OPERAND,)
    operand: ExpressionNode = Name(own[0], signature.place)
    parts: list[tuple[str, Expression]] = []
    for step in steps if innermost_first else reversed(steps):
        [name] = _only_name(step.name)
        place = step.name.place_at(name.start, len(name.text))
        arguments = (operand, *(argument.root for argument in step.arguments))
        calls = frozenset({name.text}).union(*(argument.calls for argument in step.arguments))
        names = frozenset[str]().union(*(argument.names for argument in step.arguments))
        call = Call(name.text, arguments, (), place, place)
        parts.append((_OPERAND, Expression(step.name, call, calls, names)))
        operand = Name(_OPERAND, place)
    text = Text.at(signature.name, signature.place)
    parts.append(("return", Expression(text, operand, frozenset(), frozenset())))
    return Function(signature.name, own, tuple(parts), signature.place, composed=True)


def _only_name(text: Text) -> tuple[Token]:
    first, *rest = tokens(text)
    if first.kind != "name" or rest:
        refuse(
            text,
            rest[0] if rest else first,
            "a step of a composition is not a name",
            expected="a name, exp, or a name with further arguments, {add: 1}",
        )
    return (first,)


def _name(text: Text, words: list[Token], expected: str) -> str:
    """Take a name with its dots off the front of ``words``."""
    parts: list[str] = []
    while True:
        if not words or words[0].kind != "name":
            wrong = words[0] if words else Token("sign", "", len(text.text))
            what = f"'{wrong.text}' is not a name" if wrong.text else "a name is missing"
            refuse(text, wrong, what, expected=expected)
        parts.append(unicodedata.normalize("NFC", words.pop(0).text))
        if not words or words[0].text != ".":
            return ".".join(parts)
        words.pop(0)


def _local(text: Text) -> str:
    """The name of a local; ``return`` is one too, though a keyword of Python."""
    if text.text.strip() == "return":
        return "return"
    signature = parse_signature(text)
    if signature.parameters is not None or "." in signature.name:
        raise ConfigError(
            "the name of a local has no brackets and no dots",
            place=signature.place,
            remedy="declare the function in define itself" if signature.parameters else "",
            code="wrong-definition",
        )
    return signature.name


def called_at(error: OptserveError, function: Function, place: Place) -> OptserveError:
    """``error``, raised in the body of ``function``, saying where that was called; three deep."""
    if error.place != place and error.message.count(" called at ") < 3:
        error.message = f"{error.message}, in {function} called at {place}"
    return error
