"""``verdict``: what it costs to examine where a descent ended, beside the descent itself."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import numpy as np

from benchmarks.workload import Contender, Lazy, Limit, Work, Workload

__all__ = ["workload"]

CONFIGS = Path(__file__).resolve().parents[2] / "configs"

JOBS = (
    (
        "levenberg_marquardt, misra1a",
        "misra1a.yaml",
        ("parameters.b1=500", "parameters.b2.init=1e-4"),
    ),
    ("lbfgs, logistic", "breast-cancer-logistic.yaml", ()),
    ("gradient_descent, rosenbrock", "rosenbrock-gd.yaml", ("stop.steps=2000",)),
)


def by_optserve(config: str, overrides: tuple[str, ...], *, examines: bool) -> Work:
    """A descent, compiled already; without ``examines`` its end is taken at its word."""
    from optserve.backends.backend_choice import choose
    from optserve.config.problem import load
    from optserve.jobs.descent.descent import descend
    from optserve.jobs.descent.method import method_of
    from optserve.jobs.evaluator import Evaluator
    from optserve.jobs.evidence.examiner import Examiner
    from optserve.jobs.interruption import Interruption
    from optserve.jobs.limits import Limits
    from optserve.jobs.packing import Packing
    from optserve.jobs.watch import Watch

    def compiled() -> Work:
        problem = load(CONFIGS / config, overrides=[*overrides, "expect={}"])
        packing = Packing(problem.parameters, np.dtype(problem.precision))
        evaluator = Evaluator(problem, packing, choose("numpy").backend)
        assert problem.optimizer is not None
        limits = Limits.of(problem.stop, problem.optimizer, packing.size)
        method, start = method_of(problem.optimizer, evaluator, limits), packing.flat({})
        if not examines:
            method = replace(method, examiner=lambda: cast(Examiner, Credulous(packing.size)))

        def work() -> Any:
            return descend(method, start, limits, Watch(Interruption()))

        return work

    return Lazy(compiled)


class Credulous:
    """Takes every end for a minimum."""

    def __init__(self, size: int) -> None:
        self.reach = SimpleNamespace(unreached=np.zeros(size, bool))

    def examine(self, *end: Any) -> Any:
        from optserve.jobs.evidence.evidence import Evidence
        from optserve.jobs.evidence.examined import Examined
        from optserve.jobs.reasons import Reason

        return Examined(Reason.gradient, Evidence(True, "not examined"))


def check(outcome: Any) -> None:
    """It came to an end, and not to more evaluations than it made."""
    assert outcome.best is not None
    assert outcome.evidence.evaluations <= max(outcome.evaluations, 10_000)


workload = Workload(
    name="verdict",
    title="A descent, compiled already, without and with the examination of its end.",
    contenders=tuple(
        Contender(f"{name}{how}", partial(by_optserve, config, overrides, examines=examines), 1)
        for name, config, overrides in JOBS
        for how, examines in (("", False), (", examined", True))
    ),
    limits=tuple(Limit(f"{name}, examined", 2.0, (name,)) for name, _, _ in JOBS),
    check=check,
)
