"""The time to start, held loosely: a busy machine is no failure, an import too many is one."""

from __future__ import annotations

import pytest

from benchmarks.measure import measure
from benchmarks.workloads.startup import workload

ROUNDS = 5
ATTEMPTS = 3
SLACK = 1.25
"""What the limits of ``python -m benchmarks startup`` are widened by."""


@pytest.mark.nightly
def test_a_small_run_takes_little_more_than_its_imports() -> None:
    missed: list[str] = []
    for _ in range(ATTEMPTS):
        ratios = measure(workload, runs=ROUNDS).ratios()
        assert {ratio.contender for ratio in ratios} == {"rosenbrock", "misra1a"}
        missed = [
            f"{ratio.contender}: {ratio.measured.median:.2f} > {ratio.limit.at_most} * {SLACK}"
            for ratio in ratios
            if ratio.measured.median > ratio.limit.at_most * SLACK
        ]
        if not missed:
            return
    pytest.fail(", ".join(missed))
