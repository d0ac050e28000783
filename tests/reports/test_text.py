"""The report of each kind of result, as a person reads it."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from optserve.jobs.record.result import Result
from optserve.reports.text import text_report
from tests.reports import records

PATH = "runs/misra1a/0001/result.json"

WIDE = [[float(row * column) for column in range(5)] for row in range(4)]

REPORTS = {
    "fit": records.fit(),
    "minimum": records.minimum(),
    "evaluated": records.evaluated(),
    "failed": records.failed(),
    "arrays": records.result(
        parameters={"W": WIDE, "b": [0.5, None], "c": 3.0},
        standard_errors={"W": WIDE, "b": [0.01, None], "c": None},
        intervals={"W": None, "b": [[0.48, 0.52], [None, None]], "c": [None, None]},
        unavailable={"b": "at a bound", "c": "fixed"},
        starts=[records.start({"W": [[0.0] * 5] * 4, "b": [0.0, 0.0], "c": 3.0}, 0.2)],
        start=0,
    ),
    "starts": records.result(
        starts=[
            records.start({"b1": 250.0, "b2": 5e-4}, 0.12455138894),
            records.start({"b1": 500.0, "b2": 1e-4}, 0.12455138899),
            records.start({"b1": 1.0, "b2": 1.0}, 7.25),
            records.start({"b1": 0.0, "b2": 0.0}, None),
        ],
        warnings=["start 4: the loss or its gradient is not finite at the start"],
    ),
    "expectations": records.result(
        termination=records.termination("gradient", "converged: gradient 1e-9 <= 1e-08", 4),
        expectations=[
            records.expectation("loss"),
            records.expectation("steps", "steps is 23: above max 10"),
        ],
    ),
    "metrics": records.minimum(
        metrics={
            "train": {"loss": 0.0512, "accuracy": 0.987},
            "validation": {"loss": 0.0911, "accuracy": 0.9731},
            "test": {"loss": 0.0954, "accuracy": None},
        },
        epochs=34,
    ),
    "certificate": records.result(
        termination=records.termination("certificate", "huber_loss of optserve-robust ...", 6),
        loss=None,
        start=None,
        evaluations=0,
        fit=None,
        uncertainty="none",
        standard_errors={"b1": None, "b2": None},
        plugins=[
            records.certificate("tukey_loss"),
            records.certificate("huber_loss", passed=False),
        ],
    ),
    "likelihood": records.result(
        objective="log_likelihood",
        fit=None,
        loss=12.889634222,
        log_likelihood=-12.889634222,
        dof=None,
        plugins=[],
        warnings=[],
        probes={"z": {"min": -1.0, "mean": 0.5, "max": 2.25}, "n": 32.0},
    ),
    "penalized-likelihood": records.result(
        objective="log_likelihood",
        fit=None,
        loss=12.889634222,
        log_likelihood=-11.5,
        starts=[records.start({"b1": 250.0, "b2": 5e-4}, 12.889634222)],
        start=0,
        uncertainty="none",
        standard_errors={"b1": None, "b2": None},
        unavailable=dict.fromkeys(["b1", "b2"], "there is a penalty, which biases the estimates"),
        plugins=[],
        warnings=[],
    ),
    "perfect": records.result(
        parameters={"b1": 1.0, "b2": 2.0},
        standard_errors={"b1": 0.0, "b2": 0.0},
        intervals={"b1": [1.0, 1.0], "b2": [2.0, 2.0]},
        fit=records.fit_found(sum_of_squares=0.0, residual_standard_error=0.0, r_squared=1.0),
        loss=0.0,
        notes=["a perfect fit: residuals and standard errors are 0, but for rounding"],
        warnings=[],
    ),
    "tiny": records.result(
        parameters={"b1": 1e-9, "b2": 0.5},
        standard_errors={"b1": 2.7, "b2": 0.25},
        intervals={"b1": [-5.4, 5.4], "b2": [1e-12, None]},
        fit=records.fit_found(sum_of_squares=0.0, residual_standard_error=3e-200, r_squared=1e-9),
        loss=0.0,
        warnings=[],
    ),
    "penalized": records.result(
        loss=0.5,
        uncertainty="none",
        standard_errors={"b1": None, "b2": None},
        unavailable=dict.fromkeys(["b1", "b2"], "there is a penalty, which biases the estimates"),
        expectations=[],
    ),
}


@pytest.mark.parametrize("name", REPORTS)
def test_reports(name: str, golden: Callable[[str, str], None]) -> None:
    golden(f"{name}.txt", text_report(REPORTS[name], PATH) + "\n")


@pytest.mark.parametrize("record", REPORTS.values(), ids=REPORTS)
def test_no_line_is_padded(record: Result) -> None:
    assert all(line == line.rstrip() for line in text_report(record, "").splitlines())


def test_nothing_is_said_of_a_file_that_is_not_there() -> None:
    assert text_report(records.fit()).splitlines()[-1] == "  expect   2 of 2 hold; exit 0"


def test_a_long_sentence_goes_on_below_its_beginning() -> None:
    warning = "fit.yaml:1:1: " + "a sentence that is long " * 8
    lines = text_report(
        records.fit().model_copy(update={"warnings": [warning.strip()]})
    ).splitlines()
    first = next(number for number, line in enumerate(lines) if line.startswith("  warning"))
    assert all(len(line) <= 100 for line in lines)
    assert lines[first + 1].startswith(" " * 11 + "sentence")
