"""What a problem's graph computes, by the interpreter."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from optserve.graph.interpret import interpret
from optserve.jobs.problem import Problem
from optserve.primitives.tracing import verify

Load = Callable[..., Problem]


def evaluate(problem: Problem, *values: Any) -> tuple[Any, ...]:
    """The outputs of the objective, at ``values`` or at the start."""
    verify(problem.objective.graph)
    given = [np.asarray(value, problem.precision) for value in values]
    starts = given or [parameter.init for parameter in problem.parameters]
    return interpret(problem.objective.graph, *starts, *problem.objective.data.values())
