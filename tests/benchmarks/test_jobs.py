"""The jobs of ``benchmarks.jobs`` at small sizes: optserve and each peer give the same answer."""

from __future__ import annotations

import pytest

from benchmarks.jobs.__main__ import JOBS, main, table
from benchmarks.jobs.job import Agreement, Mismatch, prepared
from benchmarks.measure import Measurement, Timing


@pytest.mark.slow
@pytest.mark.parametrize("name", JOBS)
def test_optserve_and_the_peer_give_the_same_answer(name: str) -> None:
    job = JOBS[name]
    with prepared(job, job.small) as workload:
        ours, *_, theirs = workload.contenders  # the last one has no threads that spin
        answer = ours.prepare()()
        assert set(answer) == set(job.same)
        for module in job.needs:
            pytest.importorskip(module)
        assert workload.check is not None
        workload.check(answer)
        workload.check(theirs.prepare()())


def test_answers_that_differ_are_a_failure() -> None:
    agree = Agreement({"w": 1e-3})
    agree({"w": [1.0, 2.0]})
    agree({"w": [1.0, 2.001]})
    with pytest.raises(Mismatch, match="w: shape"):
        agree({"w": [1.0]})
    with pytest.raises(Mismatch, match="apart"):
        agree({"w": [1.0, float("nan")]})


def test_the_table_shows_the_faster_of_two_peers() -> None:
    with prepared(JOBS["mlp"], 20) as workload:
        timings = {
            "optserve": Timing(1.5, [1.0]),
            "torch": Timing(9.0, [9.0]),
            "torch, one thread": Timing(4.0, [3.0]),
        }
        told = table(
            [
                Measurement(workload, timings, {}),
                Measurement(workload, {"optserve": timings["optserve"]}, {}),
            ]
        )
    assert "| torch, one thread | 3 s [3 s, 3 s]" in told
    assert "| 3 [3, 3] " in told
    assert "not installed" in told


def test_processor_time_is_that_of_the_processes() -> None:
    with prepared(JOBS["garch"], 50, processor=True) as workload:
        assert workload.unit == "cpu s"
        assert 0.1 < workload.contenders[0].prepare()() < 60.0


def test_a_job_must_be_one_of_those_there_are() -> None:
    with pytest.raises(SystemExit):
        main(["logistics"])
