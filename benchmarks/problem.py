"""A loss and its data, written once, as optserve and as every peer evaluate its gradient."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from optserve.graph.aval import Array, Aval, aval_of
from optserve.graph.dim import Dim
from optserve.graph.graph import Graph
from optserve.graph.interpret import interpret
from optserve.primitives.tracing import trace
from optserve.transforms.reverse import value_and_gradient_graph

__all__ = ["Loss", "Problem"]

Loss = Callable[..., Any]
"""``loss(xp, *parameters, *data)`` in the functions of ``xp``: ``numpy`` or what a peer offers."""


@dataclass(frozen=True)
class Problem:
    """What a workload evaluates.

    ``parameters()`` and ``data()`` make the arrays; with ``rows`` the first axis of data is that
    of the rows. ``tolerance`` bounds the errors of the value and of each gradient, relative to its
    largest entry.
    """

    loss: Loss
    parameters: Callable[[], Sequence[Array]]
    data: Callable[[], Sequence[Array]]
    precision: str = "float64"
    tolerance: float = 1e-9
    rows: bool = True

    @cached_property
    def arguments(self) -> list[Array]:
        """Parameters, then data."""
        return [*self.parameters(), *self.data()]

    def objective_graph(self) -> Graph:
        """The loss as a graph of the parameters and the data."""
        avals = [aval_of(value) for value in self.arguments]
        count = len(self.parameters())
        if self.rows:
            rows = Dim.rows("data")
            avals[count:] = [Aval((rows, *a.shape[1:]), a.dtype) for a in avals[count:]]
        traced = trace(
            lambda *given: self.loss(np, *given),
            *avals,
            precision=np.dtype(self.precision),
        )
        assert not traced.captured, "large constants are data"
        return traced.graph

    def gradient_graph(self) -> Graph:
        """The loss and its gradients with respect to all parameters."""
        return value_and_gradient_graph(self.objective_graph(), range(len(self.parameters())))

    def check(self, result: Sequence[Any]) -> None:
        """Compare a value and gradients, as a peer returns them, with the interpreter's."""
        with np.errstate(all="ignore"):
            expected = interpret(self.gradient_graph(), *self.arguments)
        for found, wanted in zip(result, expected, strict=True):
            scale = float(np.max(np.abs(wanted)))
            np.testing.assert_allclose(
                np.asarray(found), wanted, rtol=0.0, atol=self.tolerance * scale
            )
