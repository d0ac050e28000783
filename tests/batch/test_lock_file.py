"""The lock file stays as it is where no derivative changes; what it holds, and what is refused."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from optserve.batch.lock.file import NAME, read_lock
from optserve.batch.lock.locking import Opening, check_locked, lock_configs
from optserve.errors import ConfigError, LockFailure
from optserve.jobs.record.replacing import alone_in
from tests.batch.locks import CONFIG, OF_PLUGIN, PLUGIN, ROWS, afresh, config, lock, locked, told
from tests.batch.test_batch import batch, here
from tests.cli.conftest import environment

__all__ = ["afresh", "config", "here", "lock", "locked"]


def test_nothing_has_changed(config: Path) -> None:
    [written] = lock_configs([config], Opening())
    assert (written.state, written.jobs, written.parameters, written.points) == ("new", 1, 4, 3)
    assert told(config) == []
    text = (config.parent / NAME).read_text()
    [again] = lock_configs([config], Opening())
    assert again.state == "unchanged"
    assert (config.parent / NAME).read_text() == text


def test_comments_and_lines_of_a_plugin_do_not_count(tmp_path: Path) -> None:
    plugin, config = tmp_path / "mine.py", tmp_path / "of.yaml"
    plugin.write_text(PLUGIN)
    config.write_text(OF_PLUGIN)
    [*lock_configs([config], Opening((plugin,)))]
    moved = PLUGIN.replace("# a simulator", '"""Simulates."""\n').replace(
        "def _steps", "\n\ndef _steps"
    )
    moved = moved.replace('doc="Steps."', "doc='Steps.'")
    plugin.write_text(f"# mine\n{moved}")
    assert told(config, Opening((plugin,))) == []


LAYOUTS: Mapping[str, str] = {
    "definitions with other names": CONFIG.replace("slow", "decay").replace("bend", "_x9"),
    "comments and lines": CONFIG.replace("define:", "\n# what it is\n\ndefine:  # here\n"),
    "other data": CONFIG.replace("rows.csv", "others.csv"),
    "a column that is computed, with another name": CONFIG.replace("half", "middle"),
    "settings of the descent": CONFIG
    + "optimizer: {adam: {learning_rate: 0.01}}\nstop: {steps: 7}\nseed: 4\n",
    "expectations": CONFIG + "expect: {loss: {max: 9}}\n",
    "other starts": CONFIG.replace("init: 0.3", "init: 0.7"),
    "a parameter with another name": CONFIG.replace("k: {", "rate: {").replace("-k *", "-rate *"),
    "names and keys in another order": CONFIG.replace("  k: {init: 0.3, bounds: [0, 5]}\n", "")
    .replace("parameters:\n", "parameters:\n  rate: {init: 0.3, bounds: [0, 5]}\n")
    .replace("-k *", "-rate *"),
    "keys in another order": """\
define:
  mixed: softplus(w[1] * z) + sqrt(1 + half)
  bend: tanh(w[0] * t) + log(1 + a * t)
  slow: exp(-k * t)
loss: >
  mean((y - a * slow - bend + mixed)**2) + 0.1 * abs(c) + max(w)
  + sum(where(z > 0, log(z + 2), sin(z)) * c) + 0.01 * sum(maximum(w, 0.1)**1.5)
parameters:
  c: {penalty: {l2: 0.02}, init: 0.1}
  w: {penalty: {l2: 0.1}, init: [0.5, -0.2], shape: [2]}
  k: {bounds: [0, 5], init: 0.3}
  a: {transform: log, init: 1.5}
data: {read: rows.csv, derive: {half: t / 2}}
name: growth
version: 1
""",
    "terms in another order": CONFIG.replace(
        "+ 0.1 * abs(c) + max(w)\n", "+ max(w) + 0.1 * abs(c)\n"
    ),
}


@pytest.mark.parametrize("name", LAYOUTS)
def test_what_changes_no_derivative_is_no_change(name: str, locked: Path) -> None:
    lines = ROWS.splitlines()
    (locked.parent / "others.csv").write_text("\n".join([lines[0], "9,1,3", *lines[:3:-1]]))
    assert LAYOUTS[name] != CONFIG
    locked.write_text(LAYOUTS[name])
    assert told(locked) == []


def test_processor_features_do_not_count(locked: Path) -> None:
    found: Any = np.show_config(mode="dicts")
    large = [
        one
        for one in found.get("SIMD Extensions", {}).get("found", [])
        if one.startswith(("AVX512", "X86_V4"))
    ]
    done = subprocess.run(
        [
            sys.executable,
            "-c",
            "from optserve.cli import main; main()",
            "check",
            "--locked",
            locked,
        ],
        env=environment({"NPY_DISABLE_CPU_FEATURES": " ".join(large)}),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "35 conventions and 3 points as in" in done.stdout


def test_the_difference_names_the_line_of_the_config(locked: Path) -> None:
    locked.write_text(CONFIG.replace("tanh(w[0] * t)", "sin(w[0] * t)"))
    with pytest.raises(LockFailure) as caught:
        check_locked(locked, Opening())
    block = caught.value.block()
    assert "growth.yaml:11:" in block
    assert "= tanh" in block
    assert "= sin" in block
    assert block.endswith(
        "remedy: if the change is meant, `optserve lock` writes it, to be reviewed"
    )


def test_jobs_of_a_sweep_that_are_alike_are_one_entry(tmp_path: Path) -> None:
    text = "version: 1\nparameters: {b: 3}\nloss: (b - 1)**2\nsweep: {grid: {seed: [0, 1, 2]}}\n"
    config = tmp_path / "fit.yaml"
    config.write_text(text)
    [*lock_configs([config], Opening())]
    lock = read_lock(tmp_path / NAME)
    assert [one.jobs for one in lock.entries] == [("[seed=0]", "[seed=1]", "[seed=2]")]
    assert check_locked(config, Opening()).jobs == 3
    config.write_text(text.replace("2]", "4]"))
    assert told(config) == ["fit.yaml[seed=4] is not in optserve.lock"]


def test_configs_that_are_gone_leave_the_lock(config: Path) -> None:
    other = config.with_name("other.yaml")
    other.write_text("version: 1\nparameters: {b: 3}\nloss: (b - 1)**2\n")
    [*lock_configs([config, other], Opening())]
    other.unlink()
    [*lock_configs([config], Opening())]
    assert [one.config for one in read_lock(config.with_name(NAME)).entries] == ["growth.yaml"]


def test_values_that_are_not_there_are_no_mistake(tmp_path: Path) -> None:
    config = tmp_path / "log.yaml"
    config.write_text("version: 1\nparameters: {b: -3}\nloss: log(b)\n")
    [*lock_configs([config], Opening())]
    assert told(config) == []


@pytest.mark.parametrize("text", ["", "version = 2\n[conventions]\n", "version = [", "a = 1"])
def test_what_is_no_lock_is_refused(text: str, config: Path) -> None:
    with pytest.raises(ConfigError, match="there is no"):
        check_locked(config, Opening())
    config.with_name(NAME).write_text(text)
    with pytest.raises(ConfigError, match="this is no lock"):
        check_locked(config, Opening())


def test_a_batch_is_held_against_its_locks(here: Path) -> None:
    fits = here / "fits"
    fits.mkdir()
    sweep = "sweep: {grid: {seed: [0, 1]}}\n"
    for name in ("one", "two"):
        (fits / f"{name}.yaml").write_text(f"version: 1\nparameters: {{b: 3}}\nloss: b**2\n{sweep}")
    [*lock_configs(sorted(fits.iterdir()), Opening())]
    code, told, _ = batch(here, "fits", "--locked", "--out", "a")
    assert code == 0, told
    (fits / "two.yaml").write_text(f"version: 1\nparameters: {{b: 3}}\nloss: abs(b)\n{sweep}")
    code, _, told = batch(here, "fits", "--locked", "--out", "b")
    assert code == 4
    assert told.count("the graph of the loss has changed") == 1
    assert "two.yaml:3" in told
    assert not (here / "b").exists()
    code, told, _ = batch(here, "fits", "--locked", "--keep-going", "--out", "c")
    assert code == 4
    assert "2 of 4 jobs passed, 2 refused" in told


def test_two_that_lock_at_once_lose_no_entry(tmp_path: Path) -> None:
    one, two = (tmp_path / f"{name}.yaml" for name in ("one", "two"))
    for path in (one, two):
        path.write_text("version: 1\nparameters: {u: 0.4}\nloss: (u - 2)**2\n")
    [*lock_configs([two], Opening())]
    of_another = (tmp_path / NAME).read_text()
    (tmp_path / NAME).unlink()
    with ThreadPoolExecutor(1) as pool:
        with alone_in(tmp_path):
            waiting = pool.submit(lambda: [*lock_configs([one], Opening())])
            with pytest.raises(TimeoutError):
                waiting.result(1.0)
            (tmp_path / NAME).write_text(of_another)
        waiting.result()
    assert [entry.config for entry in read_lock(tmp_path / NAME).entries] == [
        "one.yaml",
        "two.yaml",
    ]
