"""The runner itself: rounds, ratios, absent peers, tables."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest

from benchmarks import __main__ as runner
from benchmarks.measure import Measurement, Ratio, Spread, Timing, measure
from benchmarks.report import as_text
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


def test_the_ratio_is_taken_round_by_round_against_the_fastest_peer() -> None:
    limit = Limit("own", 2.0, ("slow", "fast"))
    timings = {
        "own": Timing(9.0, [1.0, 2.0, 30.0]),
        "slow": Timing(9.0, [100.0, 100.0, 100.0]),
        "fast": Timing(9.0, [1.0, 1.0, 10.0]),
    }
    contenders = tuple(Contender(name, absent) for name in timings)
    measurement = Measurement(Workload("w", "", contenders, (limit,)), timings, {})
    assert measurement.ratios() == [Ratio(limit, "own", "fast", Spread(1.5, 2.0, 2.5), best=1.0)]
    assert measurement.ratios()[0].holds


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
