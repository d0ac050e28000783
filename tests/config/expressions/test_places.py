"""Every equation knows the sub-expression that it came from."""

from __future__ import annotations

from optserve.config.expressions import AppliedFunction, compose
from optserve.graph.graph import Graph
from tests.config.expressions.workbench import Workbench, function, parse, signature, text


def places(graph: Graph) -> dict[str, str]:
    """For each primitive of the graph, the text that its equation points at."""
    found = {}
    for equation in graph.equations:
        place = equation.place
        assert place is not None
        start = place.column - 1
        found[equation.primitive.name] = place.excerpt[start : start + place.width]
    return found


def test_operators_calls_and_subscripts() -> None:
    written = "mean(-exp(X[:, 0]) * 2 + b, axis=0)"
    assert places(Workbench().graph(written)) == {
        "slice": "X[:, 0]",
        "reshape": "X[:, 0]",
        "exp": "exp(X[:, 0])",
        "negative": "-exp(X[:, 0])",
        "multiply": "-exp(X[:, 0]) * 2",
        "add": "-exp(X[:, 0]) * 2 + b",
        "mean": written,
    } | {name: written for name in ("sum", "divide") if name in places(Workbench().graph(written))}


def test_attributes_lists_and_row_counts() -> None:
    found = places(Workbench().graph("[b, 1].T + x.shape[0] * layer1.W.T[0, 0]"))
    assert found["stack"] == "[b, 1]"
    assert found["transpose"] in {"[b, 1].T", "layer1.W.T"}
    assert found["size"] == "x.shape[0] * layer1.W.T[0, 0]"


def test_a_declared_function_points_into_its_body() -> None:
    model = function("model(t)", {"half": "t / 2", "return": "b * half"}, line=3)
    graph = Workbench([model]).graph("model(x) - 1")
    lines = {
        equation.primitive.name: equation.place.line
        for equation in graph.equations
        if equation.place
    }
    assert lines == {"divide": 3, "multiply": 3, "subtract": 1}


def test_a_composition_points_at_its_steps() -> None:
    steps = [AppliedFunction(text("exp", 4)), AppliedFunction(text("add", 5), (parse("1", 5),))]
    graph = Workbench([compose(signature("f"), steps)]).graph("f(x)")
    assert [str(equation.place) for equation in graph.equations] == ["fit.yaml:5:1", "fit.yaml:4:1"]
