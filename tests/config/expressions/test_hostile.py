"""Whatever is written, the answer is an expression or an error with a place; it comes at once."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from optserve.errors import OptserveError
from tests.config.expressions.workbench import Workbench, function, parse, signature

HUGE = {
    "digits": "9" * 200_000,
    "digits within the size": "9" * 4000,
    "digits with underscores": "9_" * 2000 + "9",
    "digits after the point": "0." + "0" * 4000 + "1",
    "exponent": "1e" + "9" * 4000,
    "parentheses": "(" * 5000 + "1" + ")" * 5000,
    "parentheses within the size": "(" * 2000 + "1" + ")" * 2000,
    "opened": "(" * 4000,
    "closed": ")" * 4000,
    "brackets": "[" * 2000 + "]" * 2000,
    "minuses": "-" * 5000 + "1",
    "minuses within the size": "-" * 4000 + "1",
    "tildes": "~" * 4000 + "x",
    "nots": "not " * 1000 + "x",
    "powers": "2" + "**2" * 1300,
    "power tower": "**".join("9" * 60),
    "calls": "exp(" * 1000 + "x" + ")" * 1000,
    "calls of calls": "f" + "()" * 2000,
    "subscripts": "x" + "[0]" * 1300,
    "attributes": "x" + ".T" * 2000,
    "dots": "." * 4000,
    "sum": "x" + "+x" * 2000,
    "sum of names": "+".join(f"a{i}" for i in range(700)),
    "sum of many names": "+".join(f"a{i}" for i in range(2000)),
    "sum of too many names": "+".join(f"a{i}" for i in range(9000)),
    "longer than any": "x+" * 40_000 + "x",
    "comparisons": "x" + "<x" * 2000,
    "arguments": "exp(" + "x," * 2000 + ")",
    "keywords": "exp(" + "a=x," * 1000 + ")",
    "list": "[" + "1," * 2000 + "1]",
    "long name": "a" * 4000,
    "other letters": "\u0436" * 2000,
    "joined letters": "e" + "\u0301" * 2000,
    "lambdas": "lambda:" * 500 + "1",
    "conditions": "a if b else " * 300 + "c",
    "strings": "'a'" * 1000,
    "braces": "{" * 4000,
    "spaces": " " * 4000,
    "line breaks": "(" + "\n" * 4000 + "1)",
    "all at once": "a<b|c&d+e*(" * 60 + "1" + ")" * 60,
    "shape": "zeros((" + "10**9," * 400 + "1))",
    "row counts": "*".join(["(x.shape[0]+1)"] * 60),
    "big constant": "arange(2**31)",
    "broadcast": "arange(2**20)[:,None,None]*arange(2**20)[:,None]*arange(2**20)",
}


@pytest.mark.parametrize("name", HUGE)
def test_huge_input_is_answered_at_once(name: str) -> None:
    with soon():
        answered(HUGE[name])


def test_functions_that_double_are_stopped() -> None:
    functions = [function("f0(t)", "t + t")]
    functions += [function(f"f{i}(t)", f"f{i - 1}(t) + f{i - 1}(t)") for i in range(1, 40)]
    with soon(), pytest.raises(OptserveError, match="operations"):
        Workbench(functions).build("f39(x)")


def test_functions_that_nest_are_stopped() -> None:
    functions = [function("f0(t)", "t")]
    functions += [function(f"f{i}(t)", f"-(-(f{i - 1}(-t)))") for i in range(1, 2000)]
    with soon(), pytest.raises(OptserveError, match="nested too deeply"):
        Workbench(functions).build("f1999(x)")


def test_tuples_that_double_are_harmless() -> None:
    doubled = {f"a{i}": f"(a{i - 1}, a{i - 1})" for i in range(1, 60)}
    body = {"a0": "t", **doubled, "return": "a59[0][1]"}
    with soon():
        Workbench([function("f(t)", body)]).build("f(x)[0]")


WORDS = """
    a b x X k w sum exp where stack layer1.W reshape arange scan zeros einsum .T .shape ( ) [ ] , :
    . + - * / // % ** @ & | ~ < == != = := ... None True axis =1 { } 'ij->i' ' " 0 1 2.5 1e999 #
    lambda for if not f' __class__
"""
EXPRESSION_WORDS = """
    x X w k b 2 0 exp sum stack reshape ( ) [ ] , + * @ : - < & ** // (x,1) [0] .T
"""
FUNCTIONS = """
    arange zeros reshape sum einsum take cast size constant slice unslice scatter_add broadcast_to
    transpose probe linspace full cond scan
"""
ARGUMENTS = """
    x X k 2 -1 0.5 'O' None True (2,3) [1] exp axis=x axis=9 shape=(2,) dtype='O' size=3 spec='ij'
    bounds=((0,1,1),) data='x' ((1,),) backward=True
"""
UNUSUAL = ("\n", "\t", "\x00", "\\", " ", "9" * 30, "\u0445", "\u2212")


def joined(pieces: list[str], size: int, between: str = "") -> st.SearchStrategy[str]:
    return st.lists(st.sampled_from(pieces), max_size=size).map(between.join)


@settings(max_examples=300)
@given(joined([*WORDS.split(), *UNUSUAL], 25))
def test_random_words_never_surprise(written: str) -> None:
    answered(written)


@settings(max_examples=300)
@given(joined(EXPRESSION_WORDS.split(), 14))
def test_random_expressions_never_surprise(written: str) -> None:
    answered(written)


@settings(max_examples=300)
@given(st.text(max_size=60))
def test_random_text_never_surprises(written: str) -> None:
    answered(written)
    error = error_of(signature, written)
    assert error is None or error.place is not None


@given(st.sampled_from(FUNCTIONS.split()), joined(ARGUMENTS.split(), 4, ", "))
def test_random_options_never_surprise(name: str, arguments: str) -> None:
    answered(f"{name}({arguments})")


def answered(written: str) -> None:
    """Parse and build; the only error is one with a place and a block to print."""
    error = error_of(parse, written) or error_of(Workbench().build, written)
    if error is not None:
        assert error.place is not None, error
        assert error.exit_code == 2
        assert len(error.block()) < 4000


def error_of(function: Callable[[str], object], written: str) -> OptserveError | None:
    try:
        function(written)
    except OptserveError as error:
        return error
    return None


@contextmanager
def soon() -> Iterator[None]:
    """By the clock of the process: what else the machine does is not the parser's fault."""
    start = time.process_time()
    yield
    assert time.process_time() - start < 5.0  # a second at most on an idle machine; not hours
