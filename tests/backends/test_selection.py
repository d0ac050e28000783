"""Which backend a job gets."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from optserve.backends.backend_choice import builtin_backends, choose
from optserve.backends.cost import Demand, demand_of, native_estimate, numpy_estimate
from optserve.errors import ConfigError
from optserve.graph.aval import Aval
from optserve.graph.dim import Dim
from optserve.graph.graph import Graph
from optserve.primitives.comparisons import relu
from optserve.primitives.loops import scan
from optserve.primitives.losses import cross_entropy
from optserve.primitives.tracing import trace

DOUBLE = np.dtype(np.float64)


def decay() -> Graph:
    column = Aval((Dim.rows("data"),), DOUBLE)
    return trace(
        lambda a, b, t, y: np.mean((a * np.exp(-b * t) - y) ** 2),
        *(Aval((), DOUBLE), Aval((), DOUBLE), column, column),
    ).graph


def demand(rows: int, evaluations: int) -> Demand:
    return demand_of(decay(), {"data": rows}, evaluations=evaluations)


@pytest.mark.parametrize("name", [backend.name for backend in builtin_backends()])
def test_by_name(name: str) -> None:
    choice = choose(name)
    assert choice.backend.name == name
    assert choice.reason == "it was asked for"


@pytest.mark.parametrize(
    ("rows", "evaluations", "expected"),
    [(100, 100, "numpy"), (1_000_000, 1, "numpy"), (1_000_000, 100, "llvm"), (0, 10, "numpy")],
)
def test_auto_goes_by_the_work(rows: int, evaluations: int, expected: str) -> None:
    choice = choose("auto", demand=demand(rows, evaluations))
    assert choice.backend.name == expected
    assert [one.backend for one in choice.estimates] == ["numpy", "llvm"]
    best = min(choice.estimates, key=lambda one: one.seconds)
    assert best.backend == expected
    assert "predicted to take" in choice.reason


def test_auto_does_without_the_code_generator(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("optserve.backends.backend_choice.find_spec", lambda name: None)
    choice = choose("auto", demand=demand(1_000_000, 100))
    assert (choice.backend.name, choice.reason) == ("numpy", "llvmlite is not installed")


def test_the_choice_does_not_depend_on_the_number_of_threads() -> None:
    for count in (1, 2, 64):
        choice = choose("auto", demand=demand(1_000_000, 100), threads=count)
        assert (choice.backend.name, choice.backend.threads) == ("llvm", count)


def test_an_unknown_name_lists_what_there_is() -> None:
    with pytest.raises(ConfigError, match="no backend is called 'nunpy'") as caught:
        choose("nunpy")
    assert "auto, llvm, numpy" in caught.value.expected


def test_work_grows_with_the_rows_and_the_evaluations() -> None:
    few, many = demand(1000, 10), demand(2000, 10)
    assert many.entries == pytest.approx(2 * few.entries, rel=0.01)
    for estimate in (numpy_estimate, lambda one: native_estimate(one, loops=False)):
        assert estimate(many).each > estimate(few).each
        assert estimate(few).seconds == estimate(few).setup + 10 * estimate(few).each


def test_a_loop_counts_its_steps_and_compiles_once() -> None:
    def steps(length: int) -> Demand:
        graph = trace(
            lambda x, xs: scan(lambda carry, _: (np.sin(carry), carry), x, xs)[0],
            *(Aval((), DOUBLE), Aval((length,), DOUBLE)),
        ).graph
        return demand_of(graph, {})

    assert steps(30).calls == 10 * steps(3).calls
    assert steps(30).equations == steps(3).equations


def test_native_code_pays_for_many_cheap_steps() -> None:
    graph = trace(lambda x: np.sin(x) ** 2, Aval((), DOUBLE)).graph
    few = demand_of(graph, {}, evaluations=1000, traced=True)
    assert native_estimate(few, loops=True).seconds > numpy_estimate(few).seconds
    many = demand_of(graph, {}, evaluations=1_000_000, traced=True)
    assert native_estimate(many, loops=True).seconds < 0.1 * numpy_estimate(many).seconds
    assert native_estimate(many, loops=False).each > 10 * native_estimate(many, loops=True).each


def test_a_loop_in_the_loss_is_native_without_a_traced_method() -> None:
    def unrolled(length: int) -> Demand:
        graph = trace(
            lambda x, xs: scan(lambda carry, _: (np.sin(carry), carry), x, xs)[0],
            *(Aval((), DOUBLE), Aval((length,), DOUBLE)),
        ).graph
        return demand_of(graph, {}, evaluations=100)

    assert choose("auto", demand=unrolled(10)).backend.name == "numpy"
    assert choose("auto", demand=unrolled(10_000)).backend.name == "llvm"


def test_coordinates_take_time_too() -> None:
    few, many = (
        demand_of(decay(), {"data": 100}, coordinates=count, traced=True) for count in (2, 10**6)
    )
    assert numpy_estimate(many).each > 10 * numpy_estimate(few).each
    assert native_estimate(many, loops=True).each > 10 * native_estimate(few, loops=True).each


def test_products_are_counted() -> None:
    x, w, points = np.ones((50, 4)), np.ones((4, 3)), np.ones((50, 5, 2))
    graph = trace(
        lambda x, w, p: np.sum(x @ w) + np.sum(np.einsum("nki,kij->nkj", p, np.ones((5, 2, 2)))),
        x,
        w,
        points,
    ).graph
    found = demand_of(graph, {})
    assert (found.terms, found.grouped, found.large) == (600.0, 1000.0, 2)


def test_what_numpy_writes_out_and_chooses_takes_it_longer() -> None:
    x, label = np.ones((50, 4)), np.zeros(50, np.int64)
    graph = trace(lambda x, label: np.sum(cross_entropy(relu(x), label)), x, label).graph
    found = demand_of(graph, {})
    assert (found.equations, found.chosen) == (3, 200.0)
    assert found.calls == 2 + cross_entropy.facts.cost
    plain = replace(found, chosen=0.0, calls=found.equations)
    assert numpy_estimate(found).each > numpy_estimate(plain).each
    assert native_estimate(found, loops=True).each == pytest.approx(
        native_estimate(plain, loops=True).each, rel=0.1
    )


def test_what_would_compile_for_longer_than_the_job_may_take_is_replaced() -> None:
    asked = demand(100, 100)
    setup = choose("llvm", demand=asked).setup
    choice = choose("llvm", demand=replace(asked, limit=0.5 * setup))
    assert choice.backend.name == "numpy"
    assert "computes in place of llvm, which is predicted to compile for" in choice.warning
    assert choose("llvm", demand=replace(asked, limit=2.0 * setup)).warning == ""
