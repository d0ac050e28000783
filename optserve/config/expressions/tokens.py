"""The first look at an expression: its characters, words and brackets, before Python parses it.

``ast.parse`` is given nothing that could harm it or change its meaning on the way: no huge numbers (it
would convert them), no deep nesting (it recurses), no letters that it would replace by others.
Positions here count characters of the text.
"""

from __future__ import annotations

import keyword
import math
import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, NoReturn

from optserve.config.expressions.lookalikes import described, skeleton, spelled
from optserve.config.expressions.text import Text
from optserve.errors import ConfigError

__all__ = ["LONGEST", "LONGEST_NUMBER", "MOST_LEVELS", "Token", "check_name", "refuse", "tokens"]

LONGEST = 4096
"""The most bytes of an expression, in UTF-8."""

LONGEST_NUMBER = 100
"""The most characters of a number; float64 knows 17 digits."""

MOST_LEVELS = 64
"""The most brackets, signs, powers and dots that may stand on one another."""


@dataclass(frozen=True, slots=True)
class Token:
    """One word or sign, and the offset at which it begins."""

    kind: Literal["number", "name", "string", "sign"]
    text: str
    start: int

    @property
    def end(self) -> int:
        return self.start + len(self.text)

    @property
    def ends_operand(self) -> bool:
        """Whether a value may end here, so that a sign after it is a binary operator."""
        return self.kind != "sign" or self.text in {")", "]", "..."}


_TOKEN = re.compile(
    r"""
    (?P<space>[ \r\n]+)
    | (?P<number>\.?[0-9](?:[eE][+-]|[\w.])*)
    | (?P<name>[^\W0-9]\w*)
    | (?P<string>"[^"]*"|'[^']*')
    | (?P<sign>\*\*=|//=|:=|&&|\|\||->|<>|<<|>>|[-+*/%@&|^=!<>]=|\.\.\.|\*\*|//|[-+*/%@&|~<>()\[\],:.=])
    | (?P<other>.)
    """,
    re.VERBOSE | re.DOTALL,
)
_NUMBER = re.compile(r"(?:[0-9](?:_?[0-9])*)?\.?(?:[0-9](?:_?[0-9])*)?(?:[eE][+-]?[0-9]+)?")

_KEYWORDS: Mapping[str, tuple[str, str]] = {
    "and": ("'and' asks for one truth value", "write (a) & (b), which works entry by entry"),
    "or": ("'or' asks for one truth value", "write (a) | (b), which works entry by entry"),
    "not": ("'not' asks for one truth value", "write ~(a), which works entry by entry"),
    "if": ("'if' asks for one truth value", "write where(condition, a, b)"),
    "else": ("'else' asks for one truth value", "write where(condition, a, b)"),
    "lambda": ("lambda is not part of the language", "declare the function: define: {f(x): ...}"),
    "for": (
        "comprehensions are not part of the language",
        "write the operation on whole arrays, or use scan",
    ),
    "in": ("'in' is not part of the language", "compare with =="),
    "is": ("'is' is not part of the language", "compare with =="),
    "await": ("'await' is not part of the language", ""),
    "async": ("'async' is not part of the language", ""),
    "yield": ("'yield' is not part of the language", ""),
}

_SIGNS: Mapping[str, tuple[str, str]] = {
    ":=": ("assignments inside an expression are not part of the language", "name it in define"),
    "^": ("'^' is not part of the language", "a power is x ** y"),
    "^=": ("'^=' is not part of the language", "a power is x ** y"),
    "&&": ("'&&' is not part of the language", "write (a) & (b)"),
    "||": ("'||' is not part of the language", "write (a) | (b)"),
    "!": ("'!' is not part of the language", "write ~(a)"),
    "<>": ("'<>' is not part of the language", "write a != b"),
    "{": ("sets and dictionaries are not part of the language", ""),
    "}": ("sets and dictionaries are not part of the language", ""),
    ";": ("';' is not part of the language", "one expression stands alone"),
    "#": ("'#' is not part of the language", "a comment goes outside the quotes, after a space"),
    "\\": ("'\\' is not part of the language", "a long expression goes into a folded scalar, >"),
    "\t": ("a tab is not part of the language", "use spaces"),
    '"': ("a string is not closed", 'end it with "'),
    "'": ("a string is not closed", "end it with '"),
}

_CLOSES: Mapping[str, str] = {")": "(", "]": "["}


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
        token = _checked(text, match, found[-1] if found else None)
        if token is None:
            if not open_brackets:
                _check_space(text, match)
            continue
        if token.text in {"(", "["}:
            levels[-1] += 1
            levels.append(0)
            open_brackets.append(token)
        elif token.text in {")", "]"}:
            _close(text, token, open_brackets)
            levels.pop()
        elif token.kind == "sign":
            nests = token.text in {"**", "."} or not (found and found[-1].ends_operand)
            levels[-1] = levels[-1] + 1 if nests else 0
        if sum(levels) > MOST_LEVELS:
            refuse(
                text,
                token,
                f"nested more than {MOST_LEVELS} levels deep",
                remedy="name the inner parts in define",
            )
        found.append(token)
    if open_brackets:
        opened = open_brackets[-1]
        refuse(text, opened, f"'{opened.text}' is never closed", remedy=_cut_remedy(text))
    if not found:
        raise ConfigError("the expression is empty", place=text.place_at(0), expected="a value")
    return tuple(found)


def check_name(text: Text, token: Token) -> None:
    """Refuse a name that is not what it looks like, or that belongs to Python."""
    name = token.text
    if not name.isidentifier():
        bad = next(i for i in range(len(name)) if not name[: i + 1].isidentifier())
        _refuse_character(text, token.start + bad)
    if keyword.iskeyword(name) and name not in {"None", "True", "False"}:
        message, remedy = _KEYWORDS.get(
            name, (f"'{name}' is a keyword of Python", "choose another name")
        )
        refuse(text, token, message, remedy=remedy)
    if name.startswith("__"):
        refuse(text, token, f"the name '{name}' begins with two underscores")
    if name.isascii():
        return
    looks = skeleton(name)
    if looks.isascii():
        odd = next(letter for letter in name if not letter.isascii())
        refuse(
            text,
            token,
            f"the name '{name}' looks like '{looks}' but holds {described(odd)}",
            remedy=f"type it as '{looks}'" if looks.isidentifier() else "type it in ASCII letters",
        )
    normal = unicodedata.normalize("NFKC", name)
    if normal != name:
        spelling = " ".join(f"U+{ord(letter):04X}" for letter in normal)
        refuse(
            text,
            token,
            f"the name '{name}' has a second spelling",
            expected=f"its normal form '{normal}' ({spelling})",
        )


def refuse(text: Text, token: Token, message: str, *, expected: str = "", remedy: str = "") -> NoReturn:
    """Raise a ``ConfigError`` that points at ``token``."""
    place = text.place_at(token.start, len(token.text))
    raise ConfigError(message, place=place, expected=expected, remedy=remedy)


def _checked(text: Text, match: re.Match[str], before: Token | None) -> Token | None:
    """The token that ``match`` holds, ``None`` for space; refused where it is not of the language."""
    kind, word, start = match.lastgroup, match.group(), match.start()
    if kind == "space":
        return None
    if kind == "number":
        token = Token("number", word, start)
        _check_number(text, token)
    elif kind == "name":
        token = Token("name", word, start)
        if text.text[match.end() : match.end() + 1] in {'"', "'"}:
            what = "f-strings are" if "f" in word.lower() else f"strings like {word}'...' are"
            refuse(text, token, f"{what} not part of the language")
        check_name(text, token)
    elif kind == "string":
        token = Token("string", word, start)
        if "\\" in word or not word.isprintable():
            refuse(text, token, "a string holds an escape or an invisible character")
    else:
        token = Token("sign", word, start)
        if kind == "other" or word in _SIGNS:
            _refuse_character(text, start, word)
        if word.endswith("=") and word not in {"=", "==", "!=", "<=", ">="}:
            refuse(text, token, f"'{word}' is not part of the language")
        if word in {"->", "<<", ">>"}:
            refuse(text, token, f"'{word}' is not part of the language")
    if before is not None and before.ends_operand and kind in {"number", "name", "string"}:
        refuse(
            text,
            token,
            f"'{_short(token.text)}' follows '{_short(before.text)}' with nothing between them",
            expected="an operator or a comma",
        )
    return token


def _check_size(text: Text) -> None:
    size = len(text.text.encode("utf-8", "surrogatepass"))
    if size > LONGEST:
        raise ConfigError(
            f"this expression is {size} bytes long",
            place=text.place_at(0),
            expected=f"at most {LONGEST}",
            remedy="name its parts in define, or read numbers from a data file",
        )


def _check_space(text: Text, match: re.Match[str]) -> None:
    """Outside brackets a line break ends an expression, so it may only stand at the end."""
    if "\n" in match.group() and match.start() and match.end() < len(text.text):
        raise ConfigError(
            "a line break in the middle of an expression",
            place=text.place_at(match.start()),
            expected="one line, or brackets around the lines",
            remedy="a folded scalar (>) joins its lines",
        )


def _check_number(text: Text, token: Token) -> None:
    word = token.text
    if len(word) > LONGEST_NUMBER:
        refuse(
            text,
            token,
            f"a number of {len(word)} characters",
            expected=f"at most {LONGEST_NUMBER}",
            remedy="write it with an exponent: 1.5e300",
        )
    if not _NUMBER.fullmatch(word):
        digits = re.match(r"[0-9.]+", word)
        number, rest = word[: digits.end()] if digits else "", word[digits.end() if digits else 0 :]
        if rest in {"j", "J"}:
            refuse(text, token, f"'{word}' is a complex number", expected="a real number")
        if word[0] == "0" and rest[:1].lower() in {"x", "o", "b"}:
            refuse(text, token, f"'{word}' is not decimal", expected="a decimal number")
        remedy = f"a product is {number} * {rest}" if rest.isidentifier() else ""
        refuse(text, token, f"'{word}' is not a number", remedy=remedy)
    if re.fullmatch(r"0[0-9_]*[1-9][0-9_]*", word):
        refuse(text, token, f"'{word}' begins with a zero", remedy=f"write {word.lstrip('0_')}")
    if math.isinf(float(word)):
        refuse(
            text,
            token,
            f"{word} is larger than any float64",
            expected="a finite number",
            remedy="infinity is written inf",
        )


def _close(text: Text, token: Token, open_brackets: list[Token]) -> None:
    if not open_brackets:
        refuse(text, token, f"'{token.text}' closes nothing")
    opened = open_brackets.pop()
    if opened.text != _CLOSES[token.text]:
        refuse(
            text,
            token,
            f"'{token.text}' closes '{opened.text}'",
            expected=f"'{')' if opened.text == '(' else ']'}'",
        )


def _cut_remedy(text: Text) -> str:
    """What YAML may have cut off: a comment, or the rest of an inline map."""
    end = text.place_at(len(text.text))
    rest = end.excerpt[max(0, end.column - 1) :].lstrip()
    if rest.startswith("#"):
        return "' #' begins a comment in YAML: quote the expression"
    if rest.startswith(","):
        return "',' ends an entry of an inline map {...}: quote it, or write one key a line"
    return ""


def _refuse_character(text: Text, offset: int, word: str = "") -> NoReturn:
    character = word or text.text[offset]
    token = Token("sign", character, offset)
    if character in _SIGNS:
        message, remedy = _SIGNS[character]
        refuse(text, token, message, remedy=remedy)
    if character.isascii() and character.isprintable():
        refuse(text, token, f"'{character}' is not part of the language")
    shown = f"'{character}' ({described(character)})" if character.isprintable() else described(character)
    remedy = f"write {spelled(character)}" if spelled(character) else ""
    refuse(text, token, f"{shown} is not part of the language", remedy=remedy)


def _short(word: str) -> str:
    return word if len(word) <= 20 else f"{word[:17]}..."
