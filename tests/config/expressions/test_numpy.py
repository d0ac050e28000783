"""The oracle of the language is Python with NumPy: the same text means the same there."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from optserve.config.expressions import Scope, build
from optserve.errors import Place
from optserve.graph.aval import Aval
from optserve.graph.interpret import interpret
from optserve.primitives.tracing import new_trace
from optserve.primitives.vocabulary import builtin_vocabulary
from tests.config.expressions.workbench import parse

VALUES: dict[str, Any] = {
    "x": np.array([0.5, -1.5, 2.0, 0.25]),
    "y": np.array([3.0, 0.0, -0.5, 1.25]),
    "A": np.linspace(-1, 1, 12).reshape(3, 4),
    "net.W": np.linspace(2, -1, 12).reshape(4, 3),
    "k": np.array([0, 3, 1, 2]),
    "b": np.array(0.75),
}
FUNCTIONS: dict[str, Any] = {
    **{name: getattr(np, name) for name in ("exp", "sin", "tanh", "sum", "mean", "max", "where")},
    **{
        name: getattr(np, name) for name in ("maximum", "stack", "arange", "reshape", "concatenate")
    },
    "abs": np.abs,
}

numbers = st.sampled_from(["0", "1", "3", "0.5", "2.", "1e-3", "200", "pi", "b", "A.shape[1]"])
divisors = numbers.filter(lambda number: number != "0")  # NumPy's 0 of whole numbers is refused
vectors = st.sampled_from(
    [
        *("x", "y", "k", "x[::-1]", "A[0]", "A[-1, :]", "A.T[:, 1]", "net.W[..., 2]", "x[k]"),
        *("y[[3, 0, 0, 1]]", "A[None, 1][0]", "arange(4)", "reshape(A, (-1,))[2:6]", "(x, y)[1]"),
        *("stack([b, 1, x[0], 2])", "(net.W @ (A @ x))", "concatenate([x[:2], y[2:]])"),
        "(x[A.shape[0] - 3:A.shape[1]] + y)",
    ]
)


def joined(left: str, symbol: str, right: str) -> str:
    return f"{left} {symbol} {right}"


def called(name: str, *arguments: str) -> str:
    return f"{name}({', '.join(arguments)})"


def grown(values: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    """Expressions one level deeper; every one is a vector of four, or a number."""
    arrays = st.one_of(vectors, values.map("({})".format))
    tests = st.builds(joined, vectors, st.sampled_from(["<", "<=", ">", ">=", "==", "!="]), arrays)
    truths = st.one_of(
        tests,
        tests.map("~({})".format),
        st.builds("({}) {} ({})".format, tests, st.sampled_from("&|"), tests),
    )
    return st.one_of(
        st.builds(joined, arrays, st.sampled_from("+-*/"), arrays),
        st.builds(joined, vectors, st.sampled_from(["//", "%"]), divisors),
        st.builds(
            "(1.0 * {}) ** {}".format, vectors, st.sampled_from(["2", "3", "0.5", "-1", "b"])
        ),
        st.builds("{}{}".format, st.sampled_from(["-", "+", "--", "-+-"]), arrays),
        st.builds(called, st.sampled_from(["exp", "sin", "tanh", "abs"]), values),
        st.builds(called, st.sampled_from(["sum", "mean", "max"]), values),
        st.builds(called, st.just("where"), truths, arrays, arrays),
        st.builds(called, st.just("maximum"), arrays, arrays),
        st.builds(called, st.just("mean"), truths, st.sampled_from(["axis=0", "keepdims=True"])),
    )


expressions = st.recursive(st.one_of(vectors, numbers), grown, max_leaves=12)


@given(expressions)
def test_an_expression_is_what_numpy_makes_of_it(written: str) -> None:
    expected = by_numpy(written)
    found = by_graph(written)
    np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-300)
    assert np.shape(found) == np.shape(expected)


@given(
    st.recursive(
        st.sampled_from(["0", "1", "7", "2.5", "1e200", "10"]),
        lambda inner: st.builds(
            "({}) {} ({})".format,
            inner,
            st.sampled_from(["+", "-", "*", "/", "//", "%", "**"]),
            inner,
        ),
        max_leaves=6,
    )
)
def test_numbers_fold_as_float64(written: str) -> None:
    with np.errstate(all="ignore"):
        text = "".join(
            f"float64({part})" if part[:1].isdigit() else part for part in split(written)
        )
        expected = eval(text, {"__builtins__": {}, "float64": np.float64})
    np.testing.assert_allclose(np.float64(by_graph(written)), expected, rtol=1e-12)


@pytest.mark.parametrize("written", ["9**9**9", "2**1000000", "-(9**9**9)", "1/0", "1e308 * 10"])
def test_overflow_is_infinite_and_takes_no_time(written: str) -> None:
    assert np.isinf(by_graph(written))


@pytest.mark.parametrize(("written", "value"), [("7 // 2", 3), ("2**10", 1024), ("-7 % 3", 2)])
def test_whole_numbers_stay_whole(written: str, value: int) -> None:
    trace = new_trace()
    found = build(parse(written), Scope(vocabulary=builtin_vocabulary()), trace)
    assert (found, type(found)) == (value, int)


def by_numpy(written: str) -> Any:
    """Python's ``eval`` on NumPy, which only a test may use."""
    net = type("net", (), {"W": VALUES["net.W"]})
    names = {**VALUES, **FUNCTIONS, "net": net, "pi": np.pi, "e": np.e, "__builtins__": {}}
    with np.errstate(all="ignore"):
        try:
            return eval(written, names)
        except ZeroDivisionError:  # Python's, on two literals
            assume(False)


def by_graph(written: str) -> Any:
    trace = new_trace()
    inputs = {
        name: trace.input(Aval(value.shape, value.dtype), name) for name, value in VALUES.items()
    }
    value = build(parse(written), Scope(vocabulary=builtin_vocabulary(), columns=inputs), trace)
    with np.errstate(all="ignore"):
        [found] = interpret(trace.graph([value]), *VALUES.values(), *trace.captured)
    return found


def split(written: str) -> list[str]:
    from optserve.config.expressions.expression_text import Text
    from optserve.config.expressions.tokens import tokens

    return [token.text for token in tokens(Text.at(written, Place("fit.yaml")))]
