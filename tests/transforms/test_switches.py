"""Where a derivative jumps: what it compares, and how far that is from where it jumps."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from optserve.graph.aval import Aval
from optserve.graph.interpret import interpret
from optserve.primitives.comparisons import relu
from optserve.primitives.densities.counts import poisson_logpmf
from optserve.primitives.reductions import logsumexp
from optserve.primitives.tracing import trace
from optserve.transforms.kinks import jumps, switches
from optserve.transforms.reverse import value_and_gradient_graph

SMOOTH: dict[str, Callable[[Any], Any]] = {
    "logsumexp": logsumexp,
    "solve": lambda x: np.linalg.solve(np.diag(np.exp(x)) + 1.0, x),
    "det": lambda x: np.linalg.det(np.diag(np.exp(x)) + 0.1),
    "density": lambda x: poisson_logpmf(np.arange(3), np.exp(x)),
}

BENT: dict[str, tuple[Callable[[Any], Any], list[float]]] = {
    "abs": (np.abs, [0.5, -2.0, 3.0]),
    "relu": (relu, [0.5, -2.0, 3.0]),
    "where": (lambda x: np.where((x > 1.0) | (x < -5.0), x, x**2), [0.5, -2.0, 3.0]),
    "maximum": (lambda x: np.maximum(x, 1.0), [0.5, -2.0, 3.0]),
}


def slopes(function: Callable[[Any], Any]) -> Any:
    made = trace(lambda x: [np.sum(function(x))], Aval((3,), np.dtype(float)))
    return value_and_gradient_graph(made.graph, [0])


@pytest.mark.parametrize("name", SMOOTH)
def test_what_is_smooth_is_far_from_every_switch(name: str) -> None:
    graph = slopes(SMOOTH[name])
    found = switches(graph, [0])
    assert found is not None
    assert bool(found.steps) == jumps(graph, [0])
    with np.errstate(all="ignore"):
        margins = found.margins(np.array([0.5, -2.0, 1.0]))
    assert all((np.abs(margin) > 1e-2).all() for margin in margins)


@pytest.mark.parametrize("name", BENT)
def test_a_switch_has_another_sign_beyond_it(name: str) -> None:
    function, at = BENT[name]
    graph = slopes(function)
    found = switches(graph, [0])
    assert found is not None
    assert found.steps
    for corner in (-5.0, 0.0, 1.0):
        point = np.array(at)
        point[1] = corner
        near = [found.margins(point + shift) for shift in (-1e-9, 1e-9)]
        turns = any(
            (np.sign(left) != np.sign(right)).any() for left, right in zip(*near, strict=True)
        )
        slope = [interpret(graph, point + shift)[1][1] for shift in (-1e-9, 1e-9)]
        if abs(slope[0] - slope[1]) > 1e-3:
            assert turns


@pytest.mark.parametrize("function", [np.max, np.median, lambda x: np.floor(x) * x])
def test_what_does_not_say_where_it_jumps_is_not_known(function: Callable[[Any], Any]) -> None:
    graph = slopes(function)
    assert jumps(graph, [0])
    assert switches(graph, [0]) is None
