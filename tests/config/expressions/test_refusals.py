"""What is not of the language is refused with a place, a caret and a remedy: golden messages."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from optserve.errors import ConfigError
from tests.config.expressions.workbench import parse

CONSTRUCTS = (
    "lambda x: x",
    "[a for a in x]",
    "sum(a for a in x)",
    "f'{x}'",
    "(y := 3)",
    "f(*a)",
    "f(**a)",
    "[*a]",
    "x[*a]",
    "a and b",
    "a or b",
    "not a",
    "x if c else y",
    "a in b",
    "a is b",
    "await x",
    "a * lambda",
    "class + 1",
    "yield x",
    "import os",
    "a < b < c",
    "a < b & c < d",
    "x.__class__",
    "__import__('os')",
    "(a + b).real",
    "x.sum()",
    "x.y.sum()",
    "np.exp(x)",
    "f(x)(y)",
    "(a + b)(c)",
    "'text'",
    "x + True",
    "x[True]",
    "None",
    "...",
    "b'x'",
    'r"x"',
    'f("\\d")',
    "1i",
    "1e999",
    "0x1F",
    "007",
    "2x",
    "1..real",
    "2 x",
    "{1, 2}",
    "a ^ b",
    "a && b",
    "a || b",
    "!a",
    "a <> b",
    "a << 2",
    "a += 1",
    "a -> b",
    "a; b",
    "a  # comment",
    "a \\ b",
    "$a",
    "x = 3",
    "f(1=2)",
    "f(a=1, a=2)",
    "f(a=1, b)",
    "a +",
    "* a",
    "a + * b",
    "f(, a)",
    "x[]",
    "(a",
    "a)",
    "(a]",
    "a:b",
    "a.",
    ".a",
    "'open",
    "",
    "   ",
)
LETTERS = (
    "\u0441os(x)",  # Cyrillic es
    "\uff58 + 1",  # fullwidth x
    "\u0391 + 1",  # Greek capital alpha
    "x\ufe0f + 1",  # x and an invisible variation selector
    "\u00b5 + 1",  # the micro sign, which Python takes for the Greek letter
    "a \u2212 b",  # minus sign
    "a \u00d7 b",
    "x\u00b2",
    "a \u2264 b",
    "\u201ctext\u201d",
    "a\u00a0+ b",
    "a\u200b + b",
    "a\tb",
    "a\x00b",
    "\ud800",
    "a\n+ b",
)


@pytest.mark.parametrize(
    ("name", "written"), [("constructs", CONSTRUCTS), ("letters", LETTERS)], ids=lambda value: ""
)
def test_messages(golden: Callable[[str, str], None], name: str, written: tuple[str, ...]) -> None:
    golden(f"{name}.txt", "\n\n".join(map(refusal, written)) + "\n")


@pytest.mark.parametrize("written", [*CONSTRUCTS, *LETTERS])
def test_every_refusal_has_a_place(written: str) -> None:
    with pytest.raises(ConfigError) as caught:
        parse(written)
    assert caught.value.place is not None
    assert caught.value.place.line == 1


def refusal(written: str) -> str:
    with pytest.raises(ConfigError) as caught:
        parse(written)
    return f"{written!a}\n{caught.value.block()}"
