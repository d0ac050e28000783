"""Facts belong to the primitive that carries them, and never to another of the same name."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from optserve.graph.aval import Aval
from optserve.graph.facts import Facts
from optserve.graph.interpret import interpret
from optserve.graph.primitive import Primitive
from optserve.jobs.record.outline import expected_of, outline
from optserve.jobs.run import run
from optserve.optimizers import lbfgs
from optserve.primitives.constructors import elementwise
from optserve.primitives.tracing import trace
from optserve.primitives.vocabulary import builtin_primitives
from optserve.transforms.functions import grad
from optserve.transforms.simplify import simplify
from tests.jobs.problems import parameter, problem

DOUBLE = np.dtype(np.float64)
SCALAR = Aval((), DOUBLE)


@pytest.mark.parametrize("name", ["multiply", "power", "divide", "subtract"])
@pytest.mark.parametrize("number", [0.0, 1.0, 2.0])
def test_a_primitive_of_another_s_name_is_not_simplified_like_it(name: str, number: float) -> None:
    own = elementwise(name, lambda x, y: 3.0 * x + 5.0 * y)
    calls: list[Callable[[Any], Any]] = [lambda x: own(x, number), lambda x: own(number, x)]
    for call in calls:
        graph = simplify(trace(call, SCALAR).graph)
        assert interpret(graph, np.float64(7.0)) == (call(np.float64(7.0)),)
        assert float(grad(call)(7.0)) in (3.0, 5.0)


def test_another_s_probe_is_none() -> None:
    own = elementwise("probe", lambda x, *, label="z": x * x)
    made = problem(lambda a: np.sum(own(a - 1.0)), [parameter("a", 0.0)], {}, optimizer=lbfgs())
    assert "probes" not in outline(expected_of(made))
    assert run(made).probes == {}


def test_a_unit_that_a_primitive_states_is_dropped_with_its_sign() -> None:
    own = elementwise("shifted", lambda x, y: x - y, facts=Facts(units=((1, 0.0),)))
    kept = simplify(trace(lambda x: own(x, -0.0), SCALAR).graph)
    dropped = simplify(trace(lambda x: own(x, 0.0), SCALAR).graph)
    assert [equation.primitive for equation in kept.equations] == [own]
    assert dropped.equations == ()


@pytest.mark.parametrize(
    "primitive", [one for one in builtin_primitives() if one.facts.units], ids=str
)
@pytest.mark.parametrize("x", [1.5, -0.0, 0.0, np.inf, -np.inf, np.nan, 5e-324, -1.7e308])
def test_the_units_of_ours_keep_every_bit(primitive: Primitive, x: float) -> None:
    for index, unit in primitive.facts.units:
        operands: list[Any] = [np.float64(x), np.float64(x)]
        operands[index] = np.float64(unit)
        found = np.asarray(primitive(*operands))
        assert np.array_equal(found, x, equal_nan=True)
        assert np.isnan(x) or np.signbit(found) == np.signbit(x)


@pytest.mark.parametrize(
    "primitive", [one for one in builtin_primitives() if one.facts.only_aval], ids=str
)
def test_what_changes_only_the_aval_keeps_the_entries(primitive: Primitive) -> None:
    rng = np.random.default_rng(0)
    for example in primitive.call.examples:
        [shape] = example.shapes
        x = rng.standard_normal(shape)
        found = np.unique(np.asarray(primitive.bind(x, **example.attributes)))
        np.testing.assert_allclose(found, np.unique(x), rtol=1e-6)


def test_a_remedy_that_a_primitive_states_is_told() -> None:
    own = elementwise(
        "risky",
        lambda x: np.log(x),
        facts=Facts(remedy="stay above 0", derivative_remedy="stay away from 0"),
    )
    made = problem(
        lambda a, x: np.sum(own(a * x)), [parameter("a", -1.0)], {"x": [1.0]}, optimizer=lbfgs()
    )
    failure = run(made).failure
    assert failure is not None
    assert (failure.primitive, failure.remedy) == ("risky", "stay above 0")
