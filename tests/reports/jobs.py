"""Jobs as they end, made up for the reports: with all that makes a file hard to write."""

from __future__ import annotations

from optserve.errors import ConfigError, ConfigErrors, Place
from optserve.jobs.record.ended import EndedJob
from tests.reports import records

__all__ = ["FAILS", "JOBS", "PASSES", "REFUSED"]

HARD = 'a <b> & "c" | #3: 100% `x`, \\ \x1b[0m *e* \u03bc'
"""What XML, YAML, Markdown, JSON, OpenMetrics and GitHub each would take for something else."""

PASSES = EndedJob("fit", 0, "fits/fit.yaml", records.fit(), saved="runs/fit/0001/result.json")

FAILS = EndedJob(
    f"other {HARD}",
    4,
    "fits/other.yaml",
    records.result(
        name=f"other {HARD}",
        termination=records.termination("steps", "not converged: no tolerance met", 4, 3),
        expectations=[
            records.expectation("loss"),
            {
                **records.expectation("parameters.b1", f"{HARD}\nand a second line"),
                "place": Place("fits/other.yaml", 9, 3, "  loss: {max: 1}", 4, "expect.loss"),
            },
        ],
        warnings=[f"fits/other.yaml:4:7: {HARD}", "b1 and b2 correlate -0.9988"],
    ),
)

REFUSED = EndedJob.of_error(
    "wrong",
    ConfigErrors(
        [
            ConfigError(
                "no function is called 'epx'",
                place=Place("fits/wrong.yaml", 6, 41, "loss: epx(a)", 3),
                expected="a primitive",
                remedy="did you mean 'exp'?",
                code="unknown-function",
            ),
            ConfigError("no function is called 'lgo'", code="unknown-function"),
        ]
    ),
    config="fits/wrong.yaml",
)

JOBS = (PASSES, FAILS, REFUSED)
