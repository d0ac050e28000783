"""The runner itself: rounds, ratios, absent peers, tables."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest

from benchmarks import __main__ as runner
from benchmarks.measure import Measurement, Ratio, Spread, Timing, measure
from benchmarks.report import as_text
from benchmarks.runners import Here
from benchmarks.workload import Contender, Limit, Work, Workload
from benchmarks.workloads import NAMES


def sleeps(seconds: float) -> Work:
    return lambda: time.sleep(seconds)


def absent() -> Work:
    raise ImportError("No module named 'peer'")


WORKLOAD = Workload(
    name="naps",
    title="Sleeping.",
    contenders=(
        Contender("short", lambda: sleeps(0.002)),
        Contender("long", lambda: sleeps(0.010)),
        Contender("peer", absent),
    ),
    limits=(Limit("short", 1.0, ("long", "peer")), Limit("long", 1.0, ("short",))),
    runs=3,
)


def test_every_contender_runs_in_every_round() -> None:
    measurement = measure(WORKLOAD)
    assert {name: len(timing.rounds) for name, timing in measurement.timings.items()} == {
        "short": 3,
        "long": 3,
    }
    assert [ratio.holds for ratio in measurement.ratios()] == [True, False]


def test_a_peer_that_is_not_installed_is_left_out_and_named() -> None:
    measurement = measure(WORKLOAD)
    assert measurement.absent == {"peer": "No module named 'peer'"}
    assert "| peer      | not installed |" in as_text(measurement)


def test_no_runner_is_left_behind(monkeypatch: pytest.MonkeyPatch) -> None:
    closed: list[str] = []

    class Watched(Here):
        def close(self) -> None:
            closed.append(self.contender.label)

    monkeypatch.setattr("benchmarks.measure.Here", Watched)
    measure(WORKLOAD)
    assert sorted(closed) == ["long", "peer", "short"]


def test_the_ratio_is_taken_round_by_round_against_the_fastest_peer() -> None:
    limit = Limit("own", 2.0, ("slow", "fast"))
    contenders = (
        Contender("own", absent, threads=1),
        Contender("own", absent, threads=2),
        Contender("slow", absent),
        Contender("fast", absent),
    )
    timings = {
        "own, 1 thread": Timing(9.0, [1.0, 2.0, 30.0]),
        "own, 2 threads": Timing(9.0, [5.0, 5.0, 30.0]),
        "slow": Timing(9.0, [100.0, 100.0, 100.0]),
        "fast": Timing(9.0, [1.0, 1.0, 10.0]),
    }
    measurement = Measurement(Workload("w", "", contenders, (limit,)), timings, {})
    [ratio] = measurement.ratios()
    assert ratio == Ratio(limit, "own, 1 thread", "fast", Spread(1.5, 2.0, 2.5), best=1.0)
    assert ratio.holds


def test_a_limit_without_peers_is_in_the_unit_of_the_workload() -> None:
    workload = Workload(
        name="bytes",
        title="What a run returns.",
        contenders=(Contender("own", lambda: lambda: 3 * 2**20),),
        limits=(Limit("own", 2 * 2**20),),
        runs=1,
        unit="B",
    )
    text = as_text(measure(workload))
    assert "- own: 3 MiB [3 MiB, 3 MiB], best 3 MiB, at most 2 MiB: MISSED" in text


def test_what_is_reported_is_for_one_unit_of_the_work() -> None:
    naps = Contender("naps", lambda: sleeps(0.02), units=100)
    timing = measure(Workload("w", "", (naps,), runs=1)).timings["naps"]
    assert 2e-4 <= timing.rounds[0] < 0.02
    assert timing.first >= 0.02


def test_a_wrong_result_is_not_timed() -> None:
    def check(result: float) -> None:
        assert result == 1.0

    wrong = Contender("wrong", lambda: lambda: 2.0)
    with pytest.raises(AssertionError):
        measure(Workload("w", "", (wrong,), check=check))


def test_a_missed_limit_is_an_exit_code_and_everything_is_in_the_json(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(runner, "load", lambda name: WORKLOAD)
    path = tmp_path / "naps.json"
    assert runner.main(["startup", "--runs", "2", "--json", str(path)]) == 1
    assert "MISSED" in capsys.readouterr().out
    written = json.loads(path.read_text(encoding="utf-8"))
    assert len(written["workloads"]["naps"]["measured"]["short"]["rounds"]) == 2
    assert written["machine"]["python"]
    assert written["versions"]["numpy"]


def test_an_unknown_workload_is_refused_with_the_known_ones(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with pytest.raises(SystemExit):
        runner.main(["startpu"])
    assert f"no workload startpu; there are {', '.join(NAMES)}" in capsys.readouterr().err
