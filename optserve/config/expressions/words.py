"""The words of the language, one at a time: names, numbers, strings and signs, and what to say of
those of Python, or of a keyboard, that are not among them.
"""

from __future__ import annotations

import keyword
import math
import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, NoReturn

from optserve.config.expressions.expression_text import Text
from optserve.config.expressions.lookalikes import described, skeleton, spelled
from optserve.errors import ConfigError

__all__ = ["LONGEST_NAME", "LONGEST_NUMBER", "Token", "check_word", "refuse"]

LONGEST_NUMBER = 100
"""The most characters of a number; float64 knows 17 digits."""

LONGEST_NAME = 200
"""The most characters of a name."""

_NUMBER = re.compile(r"(?:[0-9](?:_?[0-9])*)?\.?(?:[0-9](?:_?[0-9])*)?(?:[eE][+-]?[0-9]+)?[jJ]?")

_SIGNS = frozenset("+-*/%@&|~<>()[],:.=") | {"**", "//", "==", "!=", "<=", ">=", "..."}

_KEYWORDS: Mapping[str, tuple[str, str]] = {
    "and": ("'and' is not part of the language", "entry by entry it is (a) & (b)"),
    "or": ("'or' is not part of the language", "entry by entry it is (a) | (b)"),
    "not": ("'not' is not part of the language", "entry by entry it is ~(a)"),
    "if": ("'if' is not part of the language", "entry by entry it is where(condition, a, b)"),
    "else": ("'else' is not part of the language", "entry by entry it is where(condition, a, b)"),
    "lambda": ("lambda is not part of the language", "declare the function: define: {f(x): ...}"),
    "for": (
        "comprehensions are not part of the language",
        "write the operation on whole arrays, or use scan",
    ),
    "in": ("'in' is not part of the language", "compare with =="),
    "is": ("'is' is not part of the language", "compare with =="),
}

_HINTS: Mapping[str, tuple[str, str]] = {
    ":=": ("assignments inside an expression are not part of the language", "name it in define"),
    "^": ("'^' is not part of the language", "a power is x ** y"),
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


@dataclass(frozen=True)
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


def refuse(
    text: Text, token: Token, message: str, *, expected: str = "", remedy: str = ""
) -> NoReturn:
    """Raise a ``ConfigError`` that points at ``token``."""
    place = text.place_at(token.start, len(token.text))
    raise ConfigError(message, place=place, expected=expected, remedy=remedy, code="syntax")


def check_word(text: Text, token: Token) -> None:
    """Raise ``ConfigError`` where ``token`` is not of the language or not what it looks like."""
    if token.kind == "number":
        _check_number(text, token)
    elif token.kind == "name":
        _check_name(text, token)
    elif token.kind == "string":
        if "\\" in token.text or not token.text.isprintable():
            refuse(text, token, "a string holds an escape or an invisible character")
    elif token.text not in _SIGNS:
        _refuse_sign(text, token)


def _check_number(text: Text, token: Token) -> None:
    word = token.text
    if len(word) > LONGEST_NUMBER:
        refuse(
            text,
            token,
            f"this number has {len(word)} characters",
            expected=f"at most {LONGEST_NUMBER}",
            remedy="write it with an exponent: 1.5e300",
        )
    if not _NUMBER.fullmatch(word):
        digits = re.match(r"[0-9]+(?:\.[0-9]*)?", word)
        number = digits.group() if digits else ""
        rest = word[len(number) :]
        if number == "0" and rest[:1] in set("xXoObB"):
            refuse(text, token, f"'{word}' is not decimal", expected="a decimal number")
        if rest in {"i", "I"}:
            refuse(text, token, f"'{word}' is not a number", remedy=f"write {number}j")
        remedy = f"a product is {number} * {rest}" if rest.isidentifier() else ""
        refuse(text, token, f"'{word}' is not a number", remedy=remedy)
    real = word.rstrip("jJ")
    if re.fullmatch(r"0[0-9_]*[1-9][0-9_]*", real):
        refuse(text, token, f"'{word}' begins with a zero", remedy=f"write {word.lstrip('0_')}")
    if math.isinf(float(real)):
        refuse(
            text,
            token,
            f"{word} is larger than any float64",
            expected="a finite number",
            remedy="infinity is written inf",
        )


def _check_name(text: Text, token: Token) -> None:
    name = token.text
    if len(name) > LONGEST_NAME:
        refuse(
            text, token, f"this name has {len(name)} letters", expected=f"at most {LONGEST_NAME}"
        )
    if not name.isidentifier():
        bad = next(i for i in range(len(name)) if not name[: i + 1].isidentifier())
        _refuse_sign(text, Token("sign", name[bad], token.start + bad))
    if keyword.iskeyword(name) and name not in {"None", "True", "False"}:
        message = f"'{name}' is a keyword of Python, and no name"
        remedy = f"give it another: a column as `columns: {{{name}_: {name}}}`"
        if name != "lambda" or re.match(r"\s*[\w:*]", text.text[token.end :]):
            message, remedy = _KEYWORDS.get(name, (message, remedy))
        refuse(text, token, message, expected="a name or a value", remedy=remedy)
    if text.text[token.end : token.end + 1] in {'"', "'"}:
        what = "f-strings are" if "f" in name.lower() else f"strings like {name}'...' are"
        refuse(text, token, f"{what} not part of the language")
    if name.startswith("__"):
        refuse(text, token, f"the name '{name}' begins with two underscores")
    if not name.isascii():
        _check_letters(text, token)


def _check_letters(text: Text, token: Token) -> None:
    """A name with letters beyond ASCII has one spelling, and looks like no name in ASCII."""
    name = token.text
    looks = skeleton(name)
    if looks.isascii():
        odd = next(letter for letter in name if not letter.isascii())
        refuse(
            text,
            token,
            f"the name '{name}' looks like '{looks}' but holds {described(odd)}",
            remedy=f"type it as '{looks}'",
        )
    normal = unicodedata.normalize("NFKC", name)
    if normal != unicodedata.normalize("NFC", name):
        letters = " ".join(described(letter) for letter in normal if not letter.isascii())
        refuse(
            text,
            token,
            f"the name '{name}' has a second spelling",
            expected=f"its normal form '{normal}', with {letters}",
        )


def _refuse_sign(text: Text, token: Token) -> NoReturn:
    sign = token.text
    if sign in _HINTS:
        message, remedy = _HINTS[sign]
        refuse(text, token, message, remedy=remedy)
    if sign.isascii() and sign.isprintable():
        refuse(text, token, f"'{sign}' is not part of the language")
    shown = f"'{sign}' ({described(sign)})" if sign.isprintable() else described(sign)
    remedy = f"write {spelled(sign)}" if spelled(sign) else ""
    refuse(text, token, f"{shown} is not part of the language", remedy=remedy)
