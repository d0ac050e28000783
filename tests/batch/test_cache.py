"""The cache of a batch: the result of an identical job, and of no other."""

from __future__ import annotations

import importlib
import json
import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from typer.testing import CliRunner

from optserve.batch.result_key import is_pure, key_of
from optserve.batch.result_store import ResultStore
from optserve.batch.stored import CACHED
from optserve.cli.app import app
from optserve.config import load
from optserve.jobs.record.result import read_result
from tests.batch.test_batch import batch, here, outcomes, without_what_varies

__all__ = ["here"]

FIT = """\
version: 1
data: {read: rows.csv}
parameters: {a: 1, k: {init: 1, bounds: [0, null]}}
least_squares: {observed: y, predicted: a * exp(-k * t)}
expect: {parameters.k: {near: 0.5, abs: 0.05}}
"""

ROWS = "t,y\n0,2.03\n1,1.21\n2,0.74\n3,0.45\n4,0.26\n5,0.17\n"

PLUGIN = """
from optserve.plugin import elementwise, hookimpl

@hookimpl
def optserve_primitives():
    return [elementwise("cube", lambda x: x * x * x, doc="A cube.")]
"""

OF_PLUGIN = "version: 1\nparameters: {u: 0.4}\nloss: (cube(u) - 2)**2\n"


@pytest.fixture
def fit(here: Path) -> Path:
    (here / "rows.csv").write_text(ROWS)
    (here / "fit.yaml").write_text(FIT)
    return here / "fit.yaml"


def cached(here: Path, *arguments: str | Path, out: str) -> tuple[int, str, dict[str, bool]]:
    """The exit code, what was printed, and which jobs were given from the cache."""
    code, told, _ = batch(here, *arguments, "--cache", "store", "--out", out)
    return code, told, {name: one["cached"] for name, one in outcomes(here, out).items()}


def test_an_identical_job_is_given_and_judged_anew(here: Path, fit: Path) -> None:
    assert cached(here, fit.name, out="one")[2] == {"fit": False}
    code, told, given = cached(here, fit.name, out="two")
    assert (code, given) == (0, {"fit": True})
    assert "gradient (cached)" in told
    assert "1 of 1 job passed, 1 from the cache" in told
    one, two = (
        json.loads((here / name / "fit" / "result.json").read_text()) for name in ("one", "two")
    )
    assert two.pop("notes") == [*one.pop("notes"), CACHED]
    assert without_what_varies(one) == without_what_varies(two)
    for name in ("checkpoint.npz", "history.csv", "fitted.csv"):
        assert (here / "one/fit" / name).read_bytes() == (here / "two/fit" / name).read_bytes()

    fit.write_text(FIT.replace("near: 0.5", "near: 0.7"))
    code, told, given = cached(here, fit.name, out="three")
    assert (code, given) == (4, {"fit": True})
    assert "off near 0.7" in told
    fit.write_text(FIT.replace("parameters.k: {near", "parameters.q: {near"))
    assert cached(here, fit.name, "--keep-going", out="wrong")[0] == 2

    fit.write_text(FIT.replace("expect: {", "expect: {seconds: {max: 60}, "))
    assert cached(here, fit.name, out="five")[2] == {"fit": False}


def test_a_run_is_given_again_too(fit: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(fit.parent)
    first, second = (
        CliRunner().invoke(app, ["run", "fit.yaml", "--cache", "store", "--out", name, "--quiet"])
        for name in ("one", "two")
    )
    assert (first.exit_code, second.exit_code) == (0, 0), first.output
    assert CACHED not in first.output
    assert CACHED in second.output
    one, two = (read_result(fit.parent / name / "result.json") for name in ("one", "two"))
    assert one.parameters == two.parameters
    assert one.standard_errors == two.standard_errors


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("a: 1,", "a: 1.5,"),
        ("least_squares:", "optimizer: lbfgs\nleast_squares:"),
        ("version: 1", "version: 1\nprecision: float32"),
        ("version: 1", "version: 1\nseed: 3"),
        ("version: 1", "version: 1\nname: other"),
        ("-k * t", "-k * t * 1.0000000000000002"),
    ],
)
def test_another_config_has_another_key(before: str, after: str, fit: Path) -> None:
    assert FIT.count(before) == 1
    key = key_of(load(fit), {})
    assert key_of(load(fit), {}) == key
    fit.write_text(FIT.replace(before, after))
    assert key_of(load(fit), {}) != key


def test_what_judges_a_result_is_not_part_of_its_key(fit: Path) -> None:
    key = key_of(load(fit), {})
    fit.write_text(FIT.replace("near: 0.5", "near: 0.7") + "xfail: slow\n")
    assert key_of(load(fit), {}) == key


def test_other_data_and_other_surroundings_have_another_key(fit: Path) -> None:
    key = key_of(load(fit), {"features": ["AVX2"]})
    assert key_of(load(fit), {"features": ["AVX2", "AVX512F"]}) != key
    (fit.parent / "rows.csv").write_text(ROWS.replace("0.17", "0.18"))
    assert key_of(load(fit), {"features": ["AVX2"]}) != key


def test_only_plugins_that_say_so_are_pure(here: Path) -> None:
    config, plugin = here / "of.yaml", here / "mine.py"
    config.write_text(OF_PLUGIN)
    keys: dict[bool, str] = {}
    for pure in (False, True):
        plugin.write_text(f"OPTSERVE_PURE = {pure}\n{PLUGIN}")
        problem = load(config, plugin_files=[plugin])
        assert is_pure(problem) == pure
        keys[pure] = key_of(problem, {})
    assert keys[False] != keys[True]


def test_what_a_plugin_imports_is_part_of_the_key(
    here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(here)
    (here / "laws").mkdir()
    (here / "laws" / "__init__.py").write_text("")
    law, config, plugin = here / "laws" / "cubic.py", here / "of.yaml", here / "mine.py"
    config.write_text(OF_PLUGIN)
    plugin.write_text(f"OPTSERVE_PURE = True\n{PLUGIN}\ndef late():\n    import laws.cubic\n")
    keys = []
    for law_now in ("FACTOR = 1", "FACTOR = 2", "FACTOR = 1"):
        law.write_text(law_now)
        importlib.invalidate_caches()
        keys.append(key_of(load(config, plugin_files=[plugin]), {}))
    assert keys[0] == keys[2] != keys[1]


def test_a_plugin_that_is_asked_for_its_names_alone_is_no_part_of_the_key(here: Path) -> None:
    config, plugin = here / "of.yaml", here / "mine.py"
    plugin.write_text(PLUGIN)  # which says nothing of being pure
    config.write_text(OF_PLUGIN)
    assert not is_pure(load(config, plugin_files=[plugin]))
    config.write_text(OF_PLUGIN.replace("cube(u)", "u**3"))
    without = load(config, plugin_files=[plugin])
    assert is_pure(without)
    assert key_of(without, {}) == key_of(load(config), {})


def test_what_ended_by_time_or_abort_is_not_stored(here: Path) -> None:
    text = "version: 1\nparameters: {b: 3}\nloss: (b - 1)**2\n"
    text += "optimizer: {gradient_descent: {learning_rate: 0.001}}\n"
    (here / "fits").mkdir()
    for name, stop in (
        ("time", "{seconds: 0.2}"),
        ("limited", "{steps: 100, seconds: 100}"),
        ("hopeless", "{steps: 50}\nabort: {loss: {above: -1}}"),
    ):
        (here / "fits" / f"{name}.yaml").write_text(f"{text}stop: {stop}\n")
    cached(here, "fits", out="one")
    assert not any(cached(here, "fits", out="two")[2].values())


def stored(folder: Path) -> list[Path]:
    return sorted(folder.glob("*/*.run"))


def left(folder: Path, text: str = "{}") -> Path:
    folder.mkdir()
    (folder / "outputs").mkdir()
    (folder / "result.json").write_text(text)
    (folder / "outputs" / "y.csv").write_text("y\n1\n")
    return folder


def test_what_is_damaged_or_of_another_key_is_no_entry(tmp_path: Path) -> None:
    store = ResultStore(tmp_path / "store", 10**6)
    store.folder.mkdir()
    store.keep("key", left(tmp_path / "run"))
    for name, key, found in (("one", "key", True), ("two", "other", False)):
        (tmp_path / name).mkdir()
        assert store.give(key, tmp_path / name) == found
    assert (tmp_path / "one" / "outputs" / "y.csv").read_text() == "y\n1\n"
    store.keep("other", tmp_path / "run")
    first, second = stored(store.folder)
    swapped = first.read_bytes()
    first.write_bytes(second.read_bytes())
    second.write_bytes(swapped[:-5])
    assert not store.give("key", tmp_path / "two")
    assert not store.give("other", tmp_path / "two")
    assert [*(tmp_path / "two").iterdir()] == []


def test_the_bound_holds_and_what_was_used_last_stays(tmp_path: Path) -> None:
    store = ResultStore(tmp_path / "store", 5000)
    store.folder.mkdir()
    run = left(tmp_path / "run", os.urandom(500).hex())
    for number in range(20):
        store.keep(f"key {number}", run)
        for age, path in enumerate(stored(store.folder)):
            os.utime(path, (10**9 + age, 10**9 + age))
    (tmp_path / "given").mkdir()
    assert store.give("key 3", tmp_path / "given")
    store.trim()
    assert 0 < sum(path.stat().st_size for path in stored(store.folder)) <= 5000
    assert store.give("key 3", tmp_path / "given")
    store.keep("large", left(tmp_path / "large", os.urandom(5000).hex()))
    assert not store.give("large", tmp_path / "given")


def test_many_at_once_see_whole_entries_alone(tmp_path: Path) -> None:
    store = ResultStore(tmp_path / "store", 10**6)
    store.folder.mkdir()
    runs = [left(tmp_path / f"run{number}", str(number) * 20000) for number in range(4)]

    def work(number: int) -> bool:
        store.keep("key", runs[number % 4])
        given = tmp_path / f"given{number}"
        given.mkdir()
        assert store.give("key", given)
        text = (given / "result.json").read_text()
        return len(text) == 20000 and len({*text}) == 1

    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(work, range(40)))
    assert len(stored(store.folder)) == 1
    assert not [*store.folder.rglob("*.tmp")]
