"""``Optimizer``: a method of descent as a pair (init, update) over one flat parameter vector."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import nan
from typing import Literal, NamedTuple

from optserve.graph.primitive import Value

__all__ = ["Evaluation", "Optimizer", "State", "Value", "no_model", "no_verdict"]

State = tuple[Value, ...]
"""Arrays of fixed shape and dtype, in order: what a checkpoint stores."""


class Evaluation(NamedTuple):
    """What is known at the point just evaluated.

    ``loss`` is a scalar, ``gradient`` has the shape (p,) of the parameters; ``residual`` (n,) and
    ``jacobian`` (n, p) are given to methods that need them. ``lower`` and ``upper`` (p,) are the
    bounds, infinite where there are none, or ``None`` where no parameter is bounded.
    ``total_steps`` is the number of steps that the job means to take, where it is known: a
    schedule may need it. ``curvature(point)`` is the Hessian (p, p) of the loss at a point (p,),
    or about its diagonal (p,) where that would take too long, or ``None`` where there is no need; a
    method may ask for it now and then.
    """

    loss: Value
    gradient: Value
    residual: Value | None = None
    jacobian: Value | None = None
    lower: Value | None = None
    upper: Value | None = None
    total_steps: Value | None = None
    curvature: Callable[[Value], Value | None] | None = None


def no_verdict(state: State) -> str:
    """The verdict of a method that goes on for ever: none."""
    del state
    return ""


def no_model(state: State) -> float:
    """What a method expects that has no model of the loss: nothing is known."""
    del state
    return nan


@dataclass(frozen=True)
class Optimizer:
    """A method of descent.

    ``init(params)`` gives the first state; ``update(evaluation, state, params)`` gives ``(updates,
    state)``, the next point to evaluate being ``params + updates``. A method that searches (a line,
    a trust region) keeps its base point in the state and proposes one trial point a call.

    ``traced`` says that both are plain arithmetic, so that a job may trace them into the graph
    of the step; they are then written in NumPy functions and run on tracers and arrays alike.
    ``verdict(state)`` names why the method itself can go no further: ``"precision"`` where the
    limit of floating-point precision is reached, ``"stalled"`` where no descent was found, else
    ``""``. ``expects(state)`` is by how much the method's own model says that the loss may yet
    fall from its base, NaN where it has none. ``accepted(state)`` counts the
    points that the method has taken for its base, which ends a step; ``None`` where any lower point
    ends one.
    ``gradient_tolerance`` is the method's default for
    ``stop.gradient``; ``None`` where reaching the limit of steps is an ordinary end.
    ``takes_blocks`` tells that a Jacobian may be an ``AngularTriangle`` where nothing is bounded.
    """

    name: str
    init: Callable[[Value], State]
    update: Callable[[Evaluation, State, Value], tuple[Value, State]]
    needs: Literal["gradient", "jacobian"] = "gradient"
    traced: bool = True
    verdict: Callable[[State], str] = no_verdict
    expects: Callable[[State], float] = no_model
    accepted: Callable[[State], int] | None = None
    gradient_tolerance: float | None = None
    takes_blocks: bool = False
