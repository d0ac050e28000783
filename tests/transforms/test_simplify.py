"""What simplifying rewrites, and what it leaves alone because a bit would change."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from optserve.graph.aval import Aval
from optserve.graph.dim import Dim
from optserve.graph.graph import Graph, Literal
from optserve.graph.interpret import interpret
from optserve.primitives.arithmetic import mulz
from optserve.primitives.composition import identity, probe
from optserve.primitives.constructors import elementwise
from optserve.primitives.loops import scan
from optserve.primitives.sums import broadcast_to
from optserve.primitives.tracing import new_trace, trace, verify
from optserve.transforms.expand import expand, inlined
from optserve.transforms.simplify import prune, simplify

DOUBLE = np.dtype(np.float64)
N, M = Dim.rows("n"), Dim.rows("m")


def graph_of(function: Any, *shapes: Any) -> Graph:
    avals = [Aval(shape, DOUBLE) for shape in shapes]
    return trace(function, *avals).graph


def lines(graph: Graph) -> list[str]:
    return [equation.primitive.name for equation in graph.equations]


@pytest.mark.parametrize(
    ("function", "left"),
    [
        (lambda x: x * 1.0, []),
        (lambda x: 1.0 * x / 1.0, []),
        (lambda x: x - 0.0, []),
        (lambda x: x**1.0, []),
        (lambda x: x**2.0, ["square"]),
        (identity, []),
        (lambda x: np.reshape(np.broadcast_to(x, (3,)), (3,)), []),
        (lambda x: x.astype(float), []),
        (lambda x: x * (np.sin(0.0) + 2.0 * 3.0), ["multiply"]),
        (lambda x: 100.0 * (x * 2.0), ["multiply"]),
        (lambda x: x * 2.0 * 4.0 * -1.5, ["multiply"]),
        (lambda x: np.cos(2.0 * x * 1.0) + 2.0 * x, ["multiply", "cos", "add"]),
        (lambda x: x * 2.0 * 0.5, ["multiply"] * 2),
        (lambda x: x * 3.0 * 5.0, ["multiply"] * 2),
        (lambda x: x * 2.0 * 1.7e308, ["multiply"] * 2),
        (lambda x: (np.sin(x) + np.sin(x), np.cos(x))[0], ["sin", "add"]),
        (lambda x: np.broadcast_to(x[0], (3,)) * x, ["slice", "reshape", "multiply"]),
        (lambda x: np.broadcast_to(x[0], (3,)) * x[1], ["slice", "reshape", "slice", "reshape",
                                                          "broadcast_to", "multiply"]),
    ],
)  # fmt: skip
def test_what_is_rewritten(function: Any, left: list[str]) -> None:
    simplified = verify(simplify(graph_of(function, (3,))))
    assert sorted(lines(simplified)) == sorted(left)


@pytest.mark.parametrize(
    "function",
    [
        lambda x: x + 0.0,  # -0.0 becomes 0.0
        lambda x: x - -0.0,
        lambda x: 0.0 - x,
        lambda x: x * 0.0,  # NaN and infinities become NaN
        lambda x: x - x,
        lambda x: x / x,
        lambda x: 1.0 / x,
        lambda x: x**0.5,
        lambda x: x**3.0,
    ],
)
def test_what_would_change_a_bit_is_left_alone(function: Any) -> None:
    graph = graph_of(function, (3,))
    assert str(simplify(graph)) == str(graph)


def test_a_folded_literal_keeps_its_bits() -> None:
    graph = simplify(graph_of(lambda x: x * (np.float64(0.1) + 0.2) * -(np.float64(0.0)), (3,)))
    literals = [a.value for e in graph.equations for a in e.operands if isinstance(a, Literal)]
    assert literals[0] == 0.1 + 0.2
    assert np.signbit(literals[1])


def test_a_unit_of_another_shape_or_dtype_is_kept() -> None:
    graph = graph_of(lambda x: np.ones_like(x[0]) * x[1] + np.multiply(x, 1.0)[0], (3,))
    assert interpret(simplify(graph), np.arange(3.0)) == (1.0,)
    recorder = new_trace()
    scalar = recorder.input(Aval((), DOUBLE))
    spread = broadcast_to(scalar, (2,))
    assert len(simplify(recorder.graph([spread])).equations) == 1


def test_what_no_output_needs_is_dropped_and_inputs_stay() -> None:
    graph = graph_of(lambda x, y: (np.exp(x), np.sin(x))[1], (3,), (2,))
    assert lines(prune(graph)) == ["sin"]
    assert prune(graph).inputs == graph.inputs


def test_attributes_tell_computations_apart() -> None:
    scaled = elementwise("scaled", lambda x, *, by=1.0: x * by, doc="Scaled.")

    def function(x: Any) -> Any:
        return scaled(x, by=0.0) + scaled(x, by=-0.0) + scaled(x, by=1.0) + scaled(x, by=True)

    assert lines(simplify(graph_of(function, (3,)))).count("scaled") == 4
    same = graph_of(lambda x: scaled(x, by=2.0) + scaled(x, by=2.0), (3,))
    assert lines(simplify(same)).count("scaled") == 1
    probes = graph_of(lambda x: probe(x, "a") + probe(x, "b"), (3,))
    assert lines(simplify(probes)).count("probe") == 2


def test_where_there_is_nothing_to_do_the_graph_is_the_same_object() -> None:
    def loop(x: Any) -> Any:
        total, kept = scan(lambda carry, row: (carry + row * 1.0, carry), np.sum(x), x)
        return total + np.sum(kept)

    done = simplify(graph_of(loop, (4,)))
    assert done.is_simple
    assert simplify(done) is done
    unsaid = replace(done, outputs=done.outputs)  # as any graph that something else made
    assert not unsaid.is_simple
    assert simplify(unsaid) is unsaid


def test_loops_over_different_tables_stay_apart() -> None:
    def function(x: Any, y: Any, z: Any) -> Any:
        def counted(rows: Any) -> Any:
            return scan(lambda c, e: (c + e * rows.shape[0], c), 0.0, z)[0]

        return counted(x) - counted(y)

    graph = graph_of(function, (N,), (M,), (4,))
    arguments = (np.ones(2), np.ones(5), np.ones(4))
    assert interpret(graph, *arguments) == interpret(simplify(graph), *arguments) == (-12.0,)


def test_the_body_of_a_loop_is_simplified_too() -> None:
    graph = graph_of(lambda x: scan(lambda c, e: (c * 1.0 + e, c), 0.0, x)[0], (3,))
    [loop] = simplify(graph).equations
    assert lines(loop.attributes["body"]) == ["add"]


def test_expanding_writes_bodies_out_at_their_places() -> None:
    graph = graph_of(lambda x: np.std(x), (N,))
    expanded = verify(expand(graph))
    assert "std" not in lines(expanded)
    assert "mean" not in lines(expanded)
    assert {equation.place for equation in expanded.equations} == {graph.equations[0].place}
    assert lines(expand(graph, lambda primitive: primitive.name == "std"))[0] == "mean"


def test_inlined_equations_are_on_fresh_variables() -> None:
    graph = graph_of(lambda x: np.sin(x) * 2.0, (3,))
    equations, [output] = inlined(graph, graph.inputs)
    again, [other] = inlined(graph, graph.inputs)
    assert output is not other
    assert {v for e in equations for v in e.results}.isdisjoint(v for e in again for v in e.results)
    verify(Graph(graph.inputs, (*equations, *again), (output, other)))


def test_scalars_laid_out_are_computed_first() -> None:
    graph = simplify(graph_of(lambda s, x: np.exp(-np.broadcast_to(s, (5,))) * x, (), (5,)))
    assert [equation.results[0].aval.shape for equation in graph.equations] == [(), (), (5,)]
    assert simplify(graph) == graph


@pytest.mark.parametrize("swapped", [False, True])
def test_a_product_by_a_mask_is_a_choice(swapped: bool) -> None:
    ones = (0.0, 1.0) if swapped else (1.0, 0.0)
    x = np.array([-2.0, 3.0, 0.0, -1.0, 4.0])
    y = np.array([np.nan, np.inf, -0.0, 5.0, np.nan])
    graph = graph_of(lambda x, y: mulz(np.where(x > 0.0, *ones), y), (5,), (5,))
    simpler = verify(simplify(graph))
    assert lines(simpler) == ["greater", "where"]
    with np.errstate(all="ignore"):
        [found], [expected] = interpret(simpler, x, y), interpret(graph, x, y)
    assert found.tobytes() == expected.tobytes()
    assert simplify(simpler) == simpler


def test_a_product_by_other_numbers_is_none() -> None:
    graph = graph_of(lambda x, y: mulz(np.where(x > 0.0, 2.0, 0.0), y), (5,), (5,))
    assert lines(simplify(graph)) == ["greater", "where", "mulz"]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(
    "factors",
    [(2.0, 100.0), (2.0, 1.0), (2.0**20, -1.1), (2.0**100, 3e7), (8.0, 1 / 3), (4.0, -7e37)],
)
def test_products_by_two_numbers_keep_every_bit(dtype: Any, factors: tuple[float, float]) -> None:
    """At infinities, NaN, zeros, and at numbers of every size, subnormal ones included."""
    bits = np.random.default_rng(5).bytes(80_000)
    special = [0.0, -0.0, np.inf, -np.inf, np.nan, np.finfo(dtype).max, np.finfo(dtype).tiny]
    subnormal = np.finfo(dtype).tiny * np.linspace(-1.0, 1.0, 1001, dtype=dtype)
    x = np.concatenate([np.frombuffer(bits, dtype), np.array(special, dtype), subnormal])
    aval = Aval(x.shape, x.dtype)
    graph = trace(lambda x: x * factors[0] * factors[1], aval).graph
    with np.errstate(all="ignore"):
        [plain], [found] = interpret(graph, x), interpret(simplify(graph), x)
    number = ~np.isnan(plain)
    assert found[number].tobytes() == plain[number].tobytes()
    assert np.isnan(found[~number]).all()
