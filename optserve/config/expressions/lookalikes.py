"""Letters and signs that look like those of the language but are others.

Python reads ``\N{FULLWIDTH LATIN SMALL LETTER X}`` as ``x`` and takes a Cyrillic letter for a name
of its own; both let a text say something else than it shows. The pairs are those of the Unicode
confusables (UTS 39) that share a glyph in ordinary fonts. Greek small letters other than omicron
are left out: they are the notation of the field and are told apart with ease.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping

__all__ = ["described", "skeleton", "spelled"]

_LETTERS: Mapping[str, str] = {
    "CYRILLIC CAPITAL": "A=A, VE=B, IE=E, KA=K, EM=M, EN=H, O=O, ER=P, ES=C, TE=T, U=Y, HA=X, "
    "DZE=S, BYELORUSSIAN-UKRAINIAN I=I, JE=J, PALOCHKA=I, QA=Q, WE=W, KOMI SJE=G",
    "CYRILLIC SMALL": "A=a, IE=e, O=o, ER=p, ES=c, U=y, HA=x, DZE=s, BYELORUSSIAN-UKRAINIAN I=i, "
    "JE=j, SHHA=h, PALOCHKA=l, KOMI DE=d, QA=q, WE=w, STRAIGHT U=y, IZHITSA=v",
    "GREEK CAPITAL": "ALPHA=A, BETA=B, EPSILON=E, ZETA=Z, ETA=H, IOTA=I, KAPPA=K, MU=M, NU=N, "
    "OMICRON=O, RHO=P, TAU=T, UPSILON=Y, CHI=X",
    "GREEK SMALL": "OMICRON=o",
    "GREEK": "YOT=j",
    "ARMENIAN CAPITAL": "OH=O, SEH=U",
    "ARMENIAN SMALL": "OH=o, SEH=u, VO=n, HO=h, CO=g, ZA=q",
    "LATIN SMALL": "ALPHA=a, SCRIPT G=g, DOTLESS I=i, DOTLESS J=j",
}
"""By alphabet: the last words of a letter's Unicode name, and the letter it resembles."""

_INVISIBLE = ("VARIATION SELECTOR", "FILLER", "GRAPHEME JOINER")

_SIGNS: Mapping[str, str] = {
    "MINUS SIGN": "-",
    "HYPHEN": "-",
    "NON-BREAKING HYPHEN": "-",
    "FIGURE DASH": "-",
    "EN DASH": "-",
    "EM DASH": "-",
    "MULTIPLICATION SIGN": "*",
    "MIDDLE DOT": "*",
    "DOT OPERATOR": "*",
    "ASTERISK OPERATOR": "*",
    "DIVISION SIGN": "/",
    "DIVISION SLASH": "/",
    "FRACTION SLASH": "/",
    "SUPERSCRIPT TWO": "**2",
    "SUPERSCRIPT THREE": "**3",
    "LESS-THAN OR EQUAL TO": "<=",
    "GREATER-THAN OR EQUAL TO": ">=",
    "NOT EQUAL TO": "!=",
    "NOT SIGN": "~",
    "LOGICAL AND": "&",
    "LOGICAL OR": "|",
    "SQUARE ROOT": "sqrt(...)",
    "N-ARY SUMMATION": "sum(...)",
    "INFINITY": "inf",
    "NO-BREAK SPACE": "an ordinary space",
    "LEFT DOUBLE QUOTATION MARK": '"',
    "RIGHT DOUBLE QUOTATION MARK": '"',
    "LEFT SINGLE QUOTATION MARK": "'",
    "RIGHT SINGLE QUOTATION MARK": "'",
}


def skeleton(name: str) -> str:
    """``name`` as it looks: normalized, with look-alike letters in place of those they resemble.

    >>> skeleton("\N{CYRILLIC SMALL LETTER ES}\N{CYRILLIC SMALL LETTER O}s")
    'cos'
    """
    return "".join(_resembled(letter) for letter in unicodedata.normalize("NFKC", name))


def described(character: str) -> str:
    """A character's number and, where it has one, its name.

    >>> described("\N{MINUS SIGN}")
    'U+2212 MINUS SIGN'
    """
    return f"U+{ord(character):04X} {unicodedata.name(character, '')}".strip()


def spelled(character: str) -> str:
    """What the language writes for a sign from elsewhere; "" where it has nothing like it.

    >>> spelled("\N{MINUS SIGN}")
    '-'
    """
    return _SIGNS.get(unicodedata.name(character, ""), "")


def _resembled(letter: str) -> str:
    if letter.isascii():
        return letter
    name = unicodedata.name(letter, "")
    if any(words in name for words in _INVISIBLE):
        return ""
    alphabet, _, own = name.partition(" LETTER ")
    pairs = dict(pair.split("=") for pair in _LETTERS.get(alphabet, "").split(", ") if pair)
    return pairs.get(own, letter)
