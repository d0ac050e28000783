"""The first look at an expression: its words and brackets, before Python parses it.

``ast.parse`` is given nothing that could harm it or change its meaning on the way: no huge numbers
(it would convert them), no deep nesting (it recurses), no letters that it would replace by others.
"""

from __future__ import annotations

import re
from typing import Literal

from optserve.config.expressions.expression_text import Text
from optserve.config.expressions.words import Token, check_word, refuse
from optserve.errors import ConfigError

__all__ = ["LONGEST", "MOST_LEVELS", "tokens"]

LONGEST = 1 << 16
"""The most bytes of an expression, in UTF-8."""

MOST_LEVELS = 64
"""The most brackets, signs, powers and dots that may stand on one another; a chain of one operator,
however long, is one level."""

# Signs that the language does not have, and letters that no name may have, are read along, so that
# a message can name them.
_TOKEN = re.compile(
    r"""
    (?P<space>[ \r\n]+)
    | (?P<number>\.?[0-9](?:[eE][+-]|[\w.])*)
    | (?P<name>[^\W0-9](?:\w|[^\x00-\x7f])*)
    | (?P<string>"[^"]*"|'[^']*')
    | (?P<sign>\*\*=|//=|:=|&&|\|\||->|<>|<<|>>|[-+*/%@&|^=!<>]=|\.\.\.|\*\*|//|.)
    """,
    re.VERBOSE | re.DOTALL,
)
_KINDS: tuple[Literal["number", "name", "string", "sign"], ...] = (
    "number",
    "name",
    "string",
    "sign",
)


def tokens(text: Text) -> tuple[Token, ...]:
    """The words and signs of ``text``, all of which Python may see.

    Raises ``ConfigError`` with a place and a remedy at the first that is not of the language, where
    brackets do not match, and where a limit is passed.

    >>> from optserve.errors import Place
    >>> [token.text for token in tokens(Text.at("-b1*x[0]", Place("fit.yaml")))]
    ['-', 'b1', '*', 'x', '[', '0', ']']
    """
    _check_size(text)
    found: list[Token] = []
    open_brackets: list[Token] = []
    levels = [0]  # for each open bracket: the signs, powers, dots and brackets of this operand
    for match in _TOKEN.finditer(text.text):
        if match.lastgroup == "space":
            if "\n" in match.group() and not open_brackets:
                _check_line_break(text, match.start())
            continue
        kind = next(kind for kind in _KINDS if kind == match.lastgroup)
        token = Token(kind, match.group(), match.start())
        check_word(text, token)
        after_operand = bool(found) and found[-1].ends_operand
        if token.text in {"(", "["}:
            levels[-1] += 1
            levels.append(0)
            open_brackets.append(token)
        elif token.text in {")", "]"}:
            _close(text, token, open_brackets)
            levels.pop()
        elif kind == "sign":
            nests = token.text in {"**", "."} or not after_operand
            levels[-1] = levels[-1] + 1 if nests else 0
        elif after_operand:
            refuse(
                text,
                token,
                f"{_quoted(token)} follows {_quoted(found[-1])} with nothing between them",
                expected="an operator or a comma",
            )
        if sum(levels) > MOST_LEVELS:
            refuse(
                text,
                token,
                f"nested more than {MOST_LEVELS} levels deep",
                remedy="name the inner parts in define",
            )
        found.append(token)
    if open_brackets:
        refuse(text, open_brackets[-1], f"'{open_brackets[-1].text}' is never closed")
    if not found:
        raise ConfigError(
            "the expression is empty", place=text.place_at(0), expected="a value", code="syntax"
        )
    return tuple(found)


def _check_size(text: Text) -> None:
    size = len(text.text.encode("utf-8", "surrogatepass"))
    if size > LONGEST:
        raise ConfigError(
            f"this expression is {size} bytes long",
            place=text.place_at(0),
            expected=f"at most {LONGEST}",
            remedy="name its parts in define, or read numbers from a data file",
            code="too-large",
        )


def _check_line_break(text: Text, start: int) -> None:
    """Outside brackets a line break ends an expression, so it may stand at its ends only."""
    if text.text[:start].strip() and text.text[start:].strip():
        raise ConfigError(
            "a line break in the middle of an expression",
            place=text.place_at(start),
            expected="one line, or brackets around the lines",
            remedy="a folded scalar (>) joins its lines",
            code="syntax",
        )


def _close(text: Text, token: Token, open_brackets: list[Token]) -> None:
    if not open_brackets:
        refuse(text, token, f"'{token.text}' closes nothing")
    opened = open_brackets.pop()
    wanted = ")" if opened.text == "(" else "]"
    if token.text != wanted:
        refuse(text, token, f"'{token.text}' closes '{opened.text}'", expected=f"'{wanted}'")


def _quoted(token: Token) -> str:
    text = token.text if len(token.text) <= 20 else f"{token.text[:17]}..."
    return text if token.kind == "string" else f"'{text}'"
