from __future__ import annotations

import signal
import threading
from dataclasses import replace

import numpy as np
import pytest

from optserve.jobs.interruption import Interruption
from optserve.jobs.problem import Stop
from optserve.jobs.reasons import Reason
from optserve.jobs.record.result import Result
from optserve.jobs.run import run
from optserve.jobs.watch import Snapshot
from optserve.optimizers import gradient_descent
from tests.jobs.problems import rosenbrock

SLOWLY = rosenbrock(
    gradient_descent(1e-5), stop=Stop(seconds=30), starts=({"x": np.array(2.0)},), name="slow"
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
    made = replace(SLOWLY, starts=({"x": np.array(-1.2)},), stop=Stop(gradient=1e-12, seconds=30))
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
    result = run(rosenbrock(gradient_descent(1e-5), stop=Stop(seconds=0.55)), progress=shown.append)
    assert result.termination.reason == "seconds"
    assert 3 <= len(shown) <= 5
    assert [one.step for one in shown] == sorted({one.step for one in shown})
    assert (shown[0].start, shown[0].starts, shown[0].steps) == (1, 1, None)
    assert shown[-1].loss < 24.2
