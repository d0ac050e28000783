"""Sweeps: which jobs they stand for, what is asked of all, shards that become one batch."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from optserve.batch.choosing import matches, share
from optserve.batch.job_outcome import JobOutcome
from optserve.batch.merging import merge
from optserve.batch.summary import summary
from optserve.batch.swept import Together, judged
from optserve.config import load
from optserve.config.nodes import plain
from optserve.config.schema.sweep import Best, Statistic
from optserve.config.sweep_plan import plan, swept_on_command_line
from optserve.config.written import read_config
from optserve.errors import ConfigError
from tests.batch.test_batch import batch, here, outcomes

__all__ = ["here"]

HEAD = "version: 1\nname: fit\nparameters: {b: 3}\nloss: (b - 1)**2\n"

DESCENT = "optimizer: {gradient_descent: {learning_rate: 0.1}}\nstop: {steps: 20}\n"

RATE = "optimizer.gradient_descent.learning_rate"


def labels(folder: Path, sweep: str, *given: str) -> list[str]:
    (folder / "fit.yaml").write_text(HEAD + DESCENT + sweep)
    read = read_config(folder / "fit.yaml")
    return [job.label for job in plan(read, swept_on_command_line(given))[1]]


@pytest.mark.parametrize(
    ("sweep", "given", "expected"),
    [
        pytest.param("", (), [""], id="none"),
        pytest.param(
            "sweep: {grid: {seed: [0, 1], stop.steps: [5, 9]}}",
            (),
            ["[seed=0,steps=5]", "[seed=0,steps=9]", "[seed=1,steps=5]", "[seed=1,steps=9]"],
            id="grid",
        ),
        pytest.param(
            "sweep: {zip: {seed: [0, 1], stop.steps: [5, 9]}}",
            (),
            ["[seed=0,steps=5]", "[seed=1,steps=9]"],
            id="zip",
        ),
        pytest.param(
            "sweep: {list: [{seed: 4}, {stop.steps: 2, seed: 1}]}",
            (),
            ["[seed=4]", "[steps=2,seed=1]"],
            id="list",
        ),
        pytest.param("", ("seed=0,1",), ["[seed=0]", "[seed=1]"], id="command line"),
        pytest.param(
            "sweep: {grid: {seed: [0, 1]}}", ("seed=7",), ["[seed=7]"], id="instead of the config's"
        ),
        pytest.param(
            "", ("optimizer=adam,lbfgs",), ["[optimizer=adam]", "[optimizer=lbfgs]"], id="words"
        ),
        pytest.param(
            "sweep: {grid: {parameters.b: [1], expect.b: [1]}}",
            (),
            ["[parameters.b=1,expect.b=1]"],
            id="last keys that are the same",
        ),
    ],
)
def test_labels(tmp_path: Path, sweep: str, given: tuple[str, ...], expected: list[str]) -> None:
    if "expect.b" in sweep:
        sweep += "\nexpect: {b: {max: 1}}"
    assert labels(tmp_path, sweep, *given) == expected


def test_what_is_drawn_depends_on_the_path_and_the_number_alone(tmp_path: Path) -> None:
    drawn = f"{RATE}: {{log_uniform: [1.0e-3, 1]}}, stop.steps: {{integers: [1, 9]}}"
    few = labels(tmp_path, f"sweep: {{random: {{n: 3, seed: 1, values: {{{drawn}}}}}}}")
    many = labels(tmp_path, f"sweep: {{random: {{n: 30, seed: 1, values: {{{drawn}}}}}}}")
    assert many[:3] == few
    assert few[0] == "[learning_rate=0.00889722,steps=8]"
    other = labels(tmp_path, f"sweep: {{random: {{n: 3, seed: 2, values: {{{drawn}}}}}}}")
    assert not {*other} & {*few}


def test_uniform_draws_lie_evenly_between_two_numbers(tmp_path: Path) -> None:
    drawn = f"{{{RATE}: {{uniform: [0.5, 1.5]}}}}"
    found = labels(tmp_path, f"sweep: {{random: {{n: 200, seed: 3, values: {drawn}}}}}")
    rates = [float(one.partition("=")[2].rstrip("]")) for one in found]
    assert 0.5 <= min(rates) < 0.53
    assert 1.47 < max(rates) <= 1.5
    assert abs(sum(rates) / 200 - 1.0) < 0.07


@pytest.mark.parametrize(
    ("sweep", "message"),
    [
        ("sweep: {}", "a sweep varies in one way, and here are 0"),
        ("sweep: {grid: {seed: [0]}, zip: {seed: [1]}}", "and here are 2"),
        ("sweep: {zip: {seed: [0, 1], stop.steps: [1]}}", "several lengths"),
        ("sweep: {grid: {seed: [0, 0]}}", r"the same settings: seed=0"),
        ("sweep: {grid: {sed: [0]}, expect: {loss: {over: seed, max: 1}}}", "`seed` is not swept"),
        (
            "sweep: {grid: {seed: [0]}, expect: {loss: {min: 2, max: 1}}}",
            "no value of the median of loss can be at least 2 and at most 1",
        ),
        ("sweep: {grid: {seed: [0]}, expect: {loss: {over: seed}}}", "nothing is expected"),
        ("sweep: {grid: {seed: [0]}, expect: {loss: {statistic: q999, max: 1}}}", "q999"),
        ("sweep: {random: {n: 2, values: {seed: {uniform: [2, 1]}}}}", "nothing lies between"),
        ("sweep: {random: {n: 2, values: {seed: {log_uniform: [0, 1]}}}}", "nothing lies between"),
        ("sweep: {grid: {parameters.c: [0]}}", "there is no parameter `c`"),
    ],
)
def test_a_sweep_that_is_wrong(tmp_path: Path, sweep: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        labels(tmp_path, sweep)


def test_each_job_has_the_config_of_its_settings(tmp_path: Path) -> None:
    (tmp_path / "fit.yaml").write_text(HEAD + DESCENT + "sweep: {grid: {stop.steps: [3, 4]}}")
    jobs = plan(read_config(tmp_path / "fit.yaml"), {})[1]
    trees: list[Any] = [plain(job.read.tree) for job in jobs]
    assert [tree["stop"]["steps"] for tree in trees] == [3, 4]
    assert all("sweep" not in tree for tree in trees)
    assert [load(job.read).stop.steps for job in jobs] == [3, 4]


def test_one_command_runs_no_sweep(tmp_path: Path) -> None:
    (tmp_path / "fit.yaml").write_text(HEAD + "sweep: {grid: {seed: [0, 1]}}")
    with pytest.raises(ConfigError, match="several jobs"):
        load(tmp_path / "fit.yaml")
    assert load(tmp_path / "fit.yaml", overrides=["sweep=null"]).name == "fit"


def result(name: str, loss: float | None, code: int = 0, **fields: Any) -> JobOutcome:
    return JobOutcome(name, "fit.yaml", "result", code, "gradient", loss=loss, **fields)


def test_statistics_are_over_groups(tmp_path: Path) -> None:
    jobs = {f"{a}{b}": {"a": a, "b": b} for a in (0, 1) for b in (0, 1, 2)}
    losses = {"00": 1.0, "01": 2.0, "02": 9.0, "10": 5.0, "11": 6.0, "12": 7.0}
    found = {name: result(name, loss, 4) for name, loss in losses.items()}

    def messages(statistic: Statistic) -> list[str]:
        sweep = judged(Together("s", jobs, {"loss": statistic}), found, tmp_path)
        assert sweep.best == ""
        return [one.message for one in sweep.expectations]

    assert messages(Statistic(over="b", max=5)) == ["", messages(Statistic(over="b", max=5))[1]]
    assert messages(Statistic(over="b", max=5))[1] == (
        "median of loss over 3 jobs, a=1 is 6: above max 5"
    )
    assert messages(Statistic(statistic="mean", max=5)) == [""]
    assert messages(Statistic(statistic="q90", min=9)) == [
        "q90 of loss over 6 jobs is 8: below min 9"
    ]
    found["12"] = result("12", None, 5)
    assert messages(Statistic(statistic="mean", max=5)) == [
        "mean of loss over 6 jobs: 12 has no such number"
    ]


def test_the_best_is_one_that_passed(tmp_path: Path) -> None:
    found = {
        "a": result("a", 1.0, 4, folder="a"),
        "b": result("b", 3.0, folder="b"),
        "c": result("c", 2.0, folder="c", values={"steps": 8}),
    }
    found["b"] = result("b", 3.0, folder="b", values={"steps": 9})
    for name in found:
        (tmp_path / name).mkdir()
        (tmp_path / name / "config.resolved.yaml").write_text(name)
    jobs = {name: {"seed": number} for number, name in enumerate(found)}
    sweep = judged(Together("s", jobs), found, tmp_path)
    assert (sweep.best, sweep.by, sweep.value) == ("c", "loss", 2.0)
    assert (tmp_path / sweep.config).read_text() == "c"
    most = judged(Together("s", jobs, best=Best(metric="steps", mode="max")), found, tmp_path)
    assert (most.best, most.value) == ("b", 9)


def test_shards_take_each_job_once() -> None:
    ids = [f"j{number}" for number in range(23)]
    seconds = {name: 1.0 + number % 5 for number, name in enumerate(ids)}
    for known in (None, seconds):
        shards = [share(ids, (number, 5), known) for number in range(1, 6)]
        assert sorted(name for shard in shards for name in shard) == sorted(ids)
    loads = [sum(seconds[name] for name in share(ids, (n, 5), seconds)) for n in range(1, 6)]
    assert max(loads) - min(loads) <= 1.0
    assert not matches("j1", "j10")


def test_shards_become_the_batch_that_one_machine_would_run(here: Path) -> None:
    (here / "fit.yaml").write_text(
        HEAD + DESCENT + f"sweep: {{grid: {{{RATE}: [0.01, 0.1, 0.2], seed: [0, 1]}},\n"
        "  expect: {loss: {over: seed, max: 0.01}, steps: {statistic: max, max: 100}}}\n"
    )
    (here / "bad.yaml").write_text(
        HEAD.replace("fit", "bad") + "xfail: too hard\nexpect: {loss: {max: 0}}\n" + DESCENT
    )
    (here / "worse.yaml").write_text(HEAD.replace("fit", "worse") + "xfail: never\n")
    code, told, _ = batch(here, ".", "--out", "whole", "--quiet", "--report", "junit=whole.xml")
    assert code == 4, told
    for number in (1, 2):
        batch(here, ".", "--shard", f"{number}/2", "--out", f"part{number}", "--quiet")
    code, merged, _ = batch(here, "merge", "part1", "part2", "--out", "merged")
    assert code == 4, merged
    one, two = (
        json.loads((here / name / "batch.json").read_text()) for name in ("whole", "merged")
    )
    assert one["judged"] == two["judged"]
    found = {name: (job["exit_code"], job["loss"]) for name, job in outcomes(here, "whole").items()}
    assert found == {
        name: (job["exit_code"], job["loss"]) for name, job in outcomes(here, "merged").items()
    }
    assert found["worse"][0] == 4
    assert "passed, and was expected to fail: never" in told
    assert "fit[learning_rate=0.2,seed=0]" in two["judged"][0]["best"]
    assert (here / "merged" / "fit.best.yaml").exists()
    half = merge([here / "part1"], out=here / "half")
    assert half.exit_code == 1
    assert "in none of the batches" in summary(half)
    with pytest.raises(ConfigError, match="is in two batches"):
        merge([here / "part1", here / "part1"], out=here / "twice")
    code, told, _ = batch(here, ".", "--rerun-failed", "--previous", "whole", "--out", "again")
    assert [*outcomes(here, "again")] == ["worse"]
    assert "fit: not judged as a sweep, since none of its 6 jobs is here" in told
    code, told, _ = batch(here, ".", "--skip", "fit", "--out", "without")
    assert "as a sweep" not in told
    code, told, _ = batch(here, ".", "--skip", "fit[*seed=1]", "--skip", "w*", "--out", "some")
    assert "fit: not judged as a sweep, since 3 of its 6 jobs are here" in told


@pytest.mark.parametrize("text", ["sweep=a,b", "sweep.grid.seed=1,2"])
def test_a_sweep_is_not_swept(text: str) -> None:
    with pytest.raises(ConfigError, match="a sweep itself cannot be swept") as caught:
        swept_on_command_line([text])
    assert "--sweep seed=" in caught.value.remedy


def test_what_no_shard_was_to_run_is_not_missing(here: Path) -> None:
    for name in ("fit", "left_out", "other"):
        (here / f"{name}.yaml").write_text(HEAD.replace("fit", name))
    for number in (1, 2):
        batch(here, ".", "--skip", "left_out", "--shard", f"{number}/2", "--out", f"part{number}")
    code, told, _ = batch(here, "merge", "part1", "part2", "--out", "merged")
    assert code == 0, told
    assert [*outcomes(here, "merged")] == ["fit", "other"]


def test_what_is_set_wrongly_names_the_config_and_how_it_was_set(here: Path) -> None:
    (here / "fit.yaml").write_text(HEAD)
    (here / "other.yaml").write_text(HEAD.replace("fit", "other"))
    before = (here / "fit.yaml").read_text()
    _, _, told = batch(here, "fit.yaml", "other.yaml", "--set", "parameters.nosuch.init=1")
    assert "`nosuch.init`, in fit.yaml" in told
    assert "`nosuch.init`, in other.yaml" in told
    assert "--set '+parameters.nosuch.init=...' declares" in told
    code, _, told = batch(here, "fit.yaml", "--sweep", "parameters.nosuch.init=1")
    assert code == 2
    assert "'+parameters.nosuch.init' in the sweep declares" in told
    code, _, told = batch(here, ".", "--report", "junit=fit.yaml")
    assert code == 2
    assert "would replace what is run" in told
    assert (here / "fit.yaml").read_text() == before
