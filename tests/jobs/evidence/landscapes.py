"""Losses in closed form, seen in any units and mixtures, and what an examination finds of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import numpy as np

from optserve.graph.aval import Array
from optserve.jobs.evidence.budget import PRODUCT, Budget, SpentError
from optserve.jobs.evidence.examination import Examination
from optserve.jobs.evidence.examined import End, Examined
from optserve.jobs.evidence.surface import Surface
from optserve.jobs.known_points import LastPoints

__all__ = ["Landscape", "Loss", "View", "exponentials", "poisson", "quadratic", "squares"]

PLENTY = 1_000_000


@dataclass
class Loss:
    """A loss of the coordinates u (p,), its gradient (p,) and its Hessian (p, p)."""

    value: Callable[[Array], float]
    gradient: Callable[[Array], Array]
    hessian: Callable[[Array], Array]
    kind: str = "loss"


def quadratic(hessian: Array, center: Array, quartic: float = 0.0) -> Loss:
    """``d'Hd / 2 + quartic * (d'd)**2 / 4`` for d = u - center."""

    def value(u: Array) -> float:
        d = u - center
        return float(0.5 * d @ hessian @ d + 0.25 * quartic * (d @ d) ** 2)

    def gradient(u: Array) -> Array:
        d = u - center
        found: Array = hessian @ d + quartic * (d @ d) * d
        return found

    def curved(u: Array) -> Array:
        d = u - center
        found: Array = hessian + quartic * (d @ d * np.eye(d.size) + 2.0 * np.outer(d, d))
        return found

    return Loss(value, gradient, curved)


def squares(factor: Array, center: Array) -> Loss:
    """``1 + |factor @ (u - center)|**2 / 2``: never below 1, rounding included."""
    return Loss(
        lambda u: float(1.0 + 0.5 * np.sum(np.square(factor @ (u - center)))),
        lambda u: factor.T @ (factor @ (u - center)),
        lambda u: factor.T @ factor,
    )


def poisson(design: Array, counts: Array) -> Loss:
    """The negative log likelihood of counts (n,) of mean ``exp(design @ u)``, but a constant."""
    return Loss(
        lambda u: float(np.sum(np.exp(design @ u) - counts * (design @ u))),
        lambda u: design.T @ (np.exp(design @ u) - counts),
        lambda u: (design.T * np.exp(design @ u)) @ design,
        "log_likelihood",
    )


def exponentials(rates: Array) -> Loss:
    """``sum(exp(-rates * u))``, whose infimum is at infinity."""
    return Loss(
        lambda u: float(np.sum(np.exp(-rates * u))),
        lambda u: -rates * np.exp(-rates * u),
        lambda u: np.diag(rates**2 * np.exp(-rates * u)),
    )


@dataclass
class View:
    """Coordinates x = scale * (turn @ u), and ``unit`` times the loss."""

    turn: Array
    scale: Array
    unit: float = 1.0

    @staticmethod
    def plain(size: int) -> View:
        return View(np.eye(size), np.ones(size))

    def x(self, u: Array) -> Array:
        found: Array = self.scale * (self.turn @ u)
        return found

    def u(self, x: Array) -> Array:
        found: Array = self.turn.T @ (x / self.scale)
        return found


@dataclass
class Landscape:
    """A loss as seen: it takes the place of an ``Evaluator``, and counts what it is asked."""

    loss: Loss
    view: View
    asked: int = 0
    bounds: tuple[None, None] = (None, None)
    linearizes: bool = False
    graphs: Any = field(init=False)
    packing: Any = field(init=False)
    problem: Any = field(init=False)

    def __post_init__(self) -> None:
        size = self.view.scale.size
        labels = tuple(f"x[{number}]" for number in range(size))
        self.packing = SimpleNamespace(
            size=size,
            dtype=np.dtype(np.float64),
            labels=labels,
            free=(),
            transformed=(),
            natural=lambda point: {},
        )
        objective = SimpleNamespace(kind=self.loss.kind, streamed=False, data={})
        self.problem = SimpleNamespace(objective=objective)
        self.points = LastPoints()
        self.graphs = SimpleNamespace(has_kinks=False, is_linear=False)

    def gradient(self, point: Array) -> tuple[Array, Array]:
        self.asked += 1
        u, view = self.view.u(point), self.view
        turned = (view.turn @ self.loss.gradient(u)) / view.scale
        return np.asarray(view.unit * self.loss.value(u)), view.unit * turned

    def product(self, point: Array, direction: Array) -> Array:
        return self.products(point, [direction])[0]

    def products(self, point: Array, directions: Sequence[Array]) -> list[Array]:
        self.asked += PRODUCT * len(directions)
        view = self.view
        hessian = view.unit * self.loss.hessian(view.u(point))
        return [view.turn @ (hessian @ view.u(one)) / view.scale for one in directions]

    def hessian(self, point: Array, begins: Callable[[], None]) -> Array:
        found = []
        for unit in np.eye(point.size):
            begins()
            found.append(self.product(point, unit))
        return np.stack(found, axis=-1)

    def examined(
        self, u: Array, *, gained: float = 1.0, finishes: bool = True, budget: Budget | None = None
    ) -> Examined:
        """What is found at ``u`` (p,), where the last tenth of the steps gained so much."""
        size = u.size
        if budget is None:
            budget = Budget()
            budget.allow(PLENTY)
        nobody = np.zeros(size, bool)
        reach: Any = SimpleNamespace(unreached=nobody, unused=nobody, told_of_ignored="")
        prices: Any = SimpleNamespace(hessian=PRODUCT * size, together=1, jacobian=1)
        evaluator: Any = self
        point = self.view.x(u)
        last = self.view.unit * gained
        end = End(point, point + self.view.scale, 100, lambda loss: last, finishes)
        surface = Surface(evaluator, end.start, nobody, budget, prices)
        with np.errstate(all="ignore"):
            examination = Examination(surface, reach, end, tolerance=1e-8)
            try:
                return examination.run()
            except SpentError:
                return examination.in_part()
