from __future__ import annotations

import signal
import subprocess
import sys
import threading
from dataclasses import replace

import numpy as np
import pytest

from optserve.jobs.interruption import Interruption
from optserve.jobs.problem import Problem, StoppingRule
from optserve.jobs.reasons import Reason
from optserve.jobs.record.job_record import Findings, record
from optserve.jobs.record.result import Result
from optserve.jobs.run import run
from optserve.jobs.watch import Snapshot
from optserve.optimizers import gradient_descent
from tests.jobs.problems import rosenbrock

SLOWLY = rosenbrock(
    gradient_descent(1e-5),
    stop=StoppingRule(seconds=30),
    starts=({"x": np.array(2.0)},),
    name="slow",
)


def stopped_by(*signals: signal.Signals) -> Result:
    """The slow job, with signals sent as soon as it shows progress."""

    def send(snapshot: Snapshot) -> None:
        for number in signals:
            signal.raise_signal(number)

    return run(SLOWLY, progress=send)


@pytest.mark.parametrize(
    ("number", "reason", "code"),
    [
        (signal.SIGINT, "interrupted", 130),
        (signal.SIGTERM, "terminated", 143),
        (signal.SIGHUP, "terminated", 143),
    ],
)
@pytest.mark.usefixtures("interruptible")
def test_a_signal_stops_after_the_evaluation_and_keeps_what_was_reached(
    number: signal.Signals, reason: str, code: int
) -> None:
    before = signal.getsignal(number)
    result = stopped_by(number)
    assert result.termination.reason == reason
    assert result.exit_code == code
    assert result.seconds < 10
    assert len(result.starts) == 1  # the next start is not begun
    assert result.loss is not None
    assert result.loss < 24.2
    assert result.evaluations == result.checkpoint["evaluations"] > 100
    assert result.checkpoint["best"].tolist() == list(result.parameters.values())
    assert result.checkpoint["start"] == 0
    assert signal.getsignal(number) is before


def test_the_checkpoint_is_of_the_descent_that_was_stopped() -> None:
    made = replace(
        SLOWLY, starts=({"x": np.array(-1.2)},), stop=StoppingRule(gradient=1e-12, seconds=30)
    )
    at_the_minimum = replace(made.parameters[0], init=np.array(1.0))
    made = replace(made, parameters=(at_the_minimum, made.parameters[1]))
    result = run(made, progress=lambda snapshot: signal.raise_signal(signal.SIGINT))
    assert result.termination.reasons == ["interrupted", "gradient"]
    assert (result.start, result.loss) == (0, 0.0)
    assert result.checkpoint["start"] == 1
    assert result.checkpoint["evaluations"] == result.starts[1].evaluations
    assert result.exit_code == 130


def test_a_second_signal_loses_nothing() -> None:
    result = stopped_by(signal.SIGINT, signal.SIGTERM)
    assert result.termination.reason == "interrupted"
    assert result.checkpoint["best"].tolist() == list(result.parameters.values())


def test_a_third_signal_does_not_wait() -> None:
    before = signal.getsignal(signal.SIGINT)
    with pytest.raises(KeyboardInterrupt):
        stopped_by(signal.SIGINT, signal.SIGINT, signal.SIGINT)
    assert signal.getsignal(signal.SIGINT) is before


def test_what_was_heard_outside_is_known_within() -> None:
    with Interruption(patience=None) as outer:
        for _ in range(5):
            signal.raise_signal(signal.SIGTERM)
        with Interruption() as inner:
            assert inner.reason is outer.reason is Reason.terminated


def test_a_hang_up_that_is_ignored_stays_so() -> None:
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with Interruption() as interruption:
            signal.raise_signal(signal.SIGHUP)
            assert interruption.reason is None
    finally:
        signal.signal(signal.SIGHUP, before)


def test_other_threads_hear_nothing() -> None:
    heard: list[Reason | None] = []

    def work() -> None:
        with Interruption() as interruption:
            heard.append(interruption.reason)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert heard == [None]


def test_progress_is_shown_ten_times_a_second_at_most() -> None:
    shown: list[Snapshot] = []
    result = run(
        rosenbrock(gradient_descent(1e-5), stop=StoppingRule(seconds=0.55)), progress=shown.append
    )
    assert result.termination.reason == "seconds"
    assert 3 <= len(shown) <= 5
    assert [one.step for one in shown] == sorted({one.step for one in shown})
    assert (shown[0].start, shown[0].starts, shown[0].steps) == (1, 1, None)
    assert shown[-1].loss < 24.2


def test_a_handler_of_the_program_is_called_when_the_run_has_ended() -> None:
    heard: list[int] = []
    before = signal.signal(signal.SIGTERM, lambda number, frame: heard.append(number))
    try:
        result = stopped_by(signal.SIGTERM, signal.SIGTERM)
        assert result.termination.reason == "terminated"
        assert heard == [signal.SIGTERM]
        run(rosenbrock(gradient_descent(1e-5), stop=StoppingRule(steps=3)))
        assert heard == [signal.SIGTERM]
    finally:
        signal.signal(signal.SIGTERM, before)


@pytest.mark.usefixtures("interruptible")
def test_a_run_after_one_that_was_interrupted_does_not_begin() -> None:
    assert stopped_by(signal.SIGINT).termination.reason == "interrupted"
    short = rosenbrock(gradient_descent(1e-5), stop=StoppingRule(steps=3))
    with pytest.raises(KeyboardInterrupt):
        run(short)
    assert run(short).steps == 3


@pytest.mark.usefixtures("interruptible")
def test_at_a_prompt_it_begins(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "ps1", ">>> ", raising=False)
    assert stopped_by(signal.SIGINT).termination.reason == "interrupted"
    assert run(rosenbrock(gradient_descent(1e-5), stop=StoppingRule(steps=3))).steps == 3


@pytest.mark.usefixtures("interruptible")
def test_a_signal_that_no_result_tells_of_takes_its_course(monkeypatch: pytest.MonkeyPatch) -> None:
    def late(problem: Problem, findings: Findings) -> Result:
        signal.raise_signal(signal.SIGINT)
        return record(problem, findings)

    monkeypatch.setattr("optserve.jobs.run.record", late)
    with pytest.raises(KeyboardInterrupt):
        run(rosenbrock(gradient_descent(1e-5), stop=StoppingRule(steps=3)))


def test_what_was_heard_within_is_known_outside() -> None:
    with Interruption(patience=None) as outer:
        with Interruption().deferring():
            signal.raise_signal(signal.SIGTERM)
        assert outer.reason is Reason.terminated


LOOP = """
import sys, optserve
problem = optserve.load({"version": 1, "parameters": {"b": 3}, "loss": "(b - 1)**2"})
while True:
    optserve.run(problem)
    print("ran", flush=True)
"""


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_loop_of_runs_is_ended_by_a_signal(number: signal.Signals) -> None:
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    with subprocess.Popen(
        [sys.executable, "-c", LOOP], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        signal.signal(signal.SIGINT, before)
        assert process.stdout is not None
        assert process.stdout.readline() == "ran\n"
        process.send_signal(number)
        _, told = process.communicate(timeout=60)
    assert process.returncode == -number
    assert number != signal.SIGINT or "KeyboardInterrupt" in told
