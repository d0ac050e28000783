"""``load``: what is imported, who is blamed, whose a name is."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from optserve.errors import ConfigError, Place, PluginError
from optserve.registry import Registry, load
from tests.registry.conftest import Site, losses

BROKEN = {
    "raises": ("raise RuntimeError('no licence')", "RuntimeError: no licence"),
    "exits": ("import sys; sys.exit('bye')", "SystemExit: bye"),
    "lacks a module": ("import no_such_module", "ModuleNotFoundError: No module named"),
    "is not Python": ("def f(:", "SyntaxError"),
    "fails in a hook": (
        "@hookimpl\ndef optserve_primitives():\n    return [1 / 0]",
        "ZeroDivisionError: division by zero",
    ),
    "exits in a hook": (
        "@hookimpl\ndef optserve_primitives():\n    raise SystemExit(3)",
        "SystemExit: 3",
    ),
    "breaks a constructor's contract": ("elementwise('broken_loss')", "needs a body or a ufunc"),
}


def failure_of(registry: Registry, distribution: str) -> str:
    """The message of the one failure of a distribution."""
    [message] = [f.message for f in registry.failures if f.distribution == distribution]
    return message


def test_a_contribution_knows_who_provides_it(site: Site) -> None:
    module = site.install("good", losses("wavy_loss"), version="2.5")
    entry = load().primitives["wavy_loss"]
    assert (entry.distribution, entry.version, entry.module) == ("good", "2.5", module)
    assert not entry.builtin
    assert entry.value(np.float64(3.0)) == 9.0


def test_the_vocabulary_has_what_is_built_in_and_what_is_contributed(site: Site) -> None:
    site.install("good", losses("wavy_loss"))
    names = load(needed={"wavy_loss"}).vocabulary().primitives.keys()
    assert {"wavy_loss", "exp", "add"} <= names


def test_only_the_plugins_that_are_needed_are_imported(site: Site) -> None:
    wavy = site.install("wavy", losses("wavy_loss"))
    flat = site.install("flat", losses("flat_loss"))
    load()
    assert (site.imports(wavy), site.imports(flat)) == (1, 1)
    site.forget()
    registry = load(needed={"wavy_loss", "exp"})
    assert (site.imports(wavy), site.imports(flat)) == (2, 1)
    assert "wavy_loss" in registry.primitives
    assert "flat_loss" not in registry.primitives
    assert "flat_loss" in registry.names("primitives")


def test_the_registry_is_sealed() -> None:
    registry = load(needed={"exp"})
    with pytest.raises(TypeError, match="does not support item assignment"):
        registry.primitives["exp"] = registry.primitives["exp"]  # type: ignore[index]
    with pytest.raises(AttributeError):
        registry.primitives = {}  # type: ignore[misc]


@pytest.mark.parametrize(("code", "message"), BROKEN.values(), ids=BROKEN.keys())
def test_a_broken_plugin_is_recorded_and_the_others_work(
    site: Site, code: str, message: str
) -> None:
    site.install("broken", code, version="0.3")
    site.install("good", losses("wavy_loss"))
    registry = load()
    assert message in failure_of(registry, "broken")
    assert {"wavy_loss", "exp"} <= registry.primitives.keys()


def test_a_failure_names_the_line_of_the_plugin(site: Site) -> None:
    module = site.install("broken", "x = 1\nelementwise('broken_loss')\n")
    [failure] = [f for f in load().failures if f.distribution == "broken"]
    line = 1 + (site.folder / f"{module}.py").read_text().splitlines().index(
        "elementwise('broken_loss')"
    )
    assert failure.place == Place(
        str(site.folder / f"{module}.py"), line, excerpt="elementwise('broken_loss')"
    )


def test_an_interrupt_is_no_failure_of_a_plugin(site: Site) -> None:
    site.install("slow", "raise KeyboardInterrupt")
    with pytest.raises(KeyboardInterrupt):
        load()


def test_what_a_plugin_prints_stays_out_of_the_output(
    site: Site, capsys: pytest.CaptureFixture[str]
) -> None:
    site.install("chatty", "print('hello')\n" + losses("chatty_loss"))
    load()
    captured = capsys.readouterr()
    assert (captured.out, captured.err) == ("", "hello\n")


def test_a_run_that_needs_a_broken_plugin_ends_with_code_6(site: Site) -> None:
    site.install("broken", "raise RuntimeError('no licence')", version="0.3")
    registry = load(needed={"wavy_loss"})
    place = Place("fit.yaml", 3, 7)
    with pytest.raises(PluginError, match=r"broken 0\.3 failed to load: RuntimeError") as raised:
        registry.find("primitives", "wavy_loss", place)
    assert raised.value.exit_code == 6
    assert raised.value.place == place


def test_a_plugin_that_broke_since_is_blamed_for_its_names_only(site: Site) -> None:
    record = "the same installed files"
    site.install("wavy", losses("wavy_loss"), record=record)
    load()
    site.install("wavy", "import no_longer_there", record=record)
    registry = load(needed={"wavy_loss"})
    with pytest.raises(PluginError, match="'wavy_loss' is not available: the plugin wavy"):
        registry.find("primitives", "wavy_loss")
    with pytest.raises(ConfigError, match="did you mean 'exp'"):
        registry.find("primitives", "epx")


def test_a_broken_plugin_is_tried_again_only_when_a_name_is_missing(site: Site) -> None:
    module = site.install("broken", "raise RuntimeError('no licence')")
    load(needed={"exp"})
    load(needed={"exp"})
    assert site.imports(module) == 1
    load(needed={"exp", "wavy_loss"})
    assert site.imports(module) == 2


def test_a_broken_plugin_that_was_not_tried_again_is_named_too(site: Site) -> None:
    site.install("broken", "raise RuntimeError('no licence')")
    load(needed={"exp"})
    with pytest.raises(PluginError, match=r"the plugin broken 1\.0 failed to load before"):
        load(needed={"exp"}).find("primitives", "wavy_loss")


def test_an_unknown_name_of_a_short_list_gets_the_list() -> None:
    with pytest.raises(ConfigError) as raised:
        load(needed=()).find("transforms", "nothing_like_it")
    assert raised.value.expected.startswith("one of cholesky_factor, correlation, interval, log")


def test_an_unknown_name_gets_the_nearest_one(site: Site) -> None:
    site.install("good", losses("wavy_loss"))
    registry = load(needed={"wavi_loss"})
    with pytest.raises(ConfigError, match="did you mean 'wavy_loss'") as raised:
        registry.find("primitives", "wavi_loss")
    assert raised.value.exit_code == 2


def test_a_name_of_another_kind_is_said_to_be_one() -> None:
    with pytest.raises(ConfigError, match="'adam' is the name of an optimizer"):
        load(needed={"adam"}).find("primitives", "adam")


def test_a_name_claimed_twice_is_an_error_that_names_both(site: Site) -> None:
    site.install("first", losses("wavy_loss", "first_loss"))
    site.install("second", losses("wavy_loss", "second_loss"))
    for registry in (load(), load(needed={"wavy_loss", "first_loss"})):
        assert "wavy_loss" not in registry.primitives
        assert "first_loss" in registry.primitives
        with pytest.raises(PluginError, match=r"first 1\.0.*and by second 1\.0") as raised:
            registry.find("primitives", "wavy_loss")
        assert "prefer: {wavy_loss: first}" in raised.value.remedy


@pytest.mark.parametrize("preferred", ["second", "Second", "second_"])
def test_prefer_settles_whose_a_name_is(site: Site, preferred: str) -> None:
    first = site.install("first", losses("wavy_loss"))
    second = site.install("second", losses("wavy_loss"))
    load()
    site.forget()
    if preferred == "second_":
        with pytest.raises(ConfigError, match="no plugin 'second_' is installed"):
            load(needed={"wavy_loss"}, prefer={"wavy_loss": preferred})
        return
    registry = load(needed={"wavy_loss"}, prefer={"wavy_loss": preferred})
    assert registry.find("primitives", "wavy_loss").distribution == "second"
    assert (site.imports(first), site.imports(second)) == (1, 2)


def test_prefer_of_a_name_that_the_distribution_has_not(site: Site) -> None:
    site.install("first", losses("wavy_loss"))
    with pytest.raises(ConfigError, match="first has nothing called 'wavi_loss'") as raised:
        load(prefer={"wavi_loss": "first"})
    assert raised.value.remedy == "did you mean 'wavy_loss'?"


def test_prefer_of_a_plugin_that_failed_never_falls_back_to_another(site: Site) -> None:
    site.install("first", losses("wavy_loss"))
    site.install("second", "raise RuntimeError('no licence')")
    for _ in range(2):
        with pytest.raises(PluginError, match=r"second 1\.0 failed to load"):
            load(needed={"wavy_loss"}, prefer={"wavy_loss": "second"})


def test_what_is_built_in_cannot_be_replaced(site: Site) -> None:
    site.install("intruder", losses("exp"))
    registry = load()
    assert registry.primitives["exp"].distribution == "optserve"
    assert registry.vocabulary().primitives["exp"] is registry.primitives["exp"].value
    with pytest.raises(PluginError, match=r"optserve .* and by intruder 1\.0") as raised:
        registry.find("primitives", "exp")
    assert "cannot be replaced" in raised.value.expected
    with pytest.raises(ConfigError, match="cannot be replaced"):
        load(prefer={"exp": "intruder"})
    settled = load(needed={"exp"}, prefer={"exp": "optserve"})
    assert settled.find("primitives", "exp").distribution == "optserve"


def test_a_builtin_function_that_is_no_primitive_cannot_be_replaced_either(site: Site) -> None:
    site.install("intruder", losses("linspace"))
    assert "'linspace' is built in" in failure_of(load(), "intruder")


def test_one_name_may_belong_to_two_kinds(site: Site) -> None:
    registry = load()
    assert "log" in registry.primitives
    assert "log" in registry.transforms
    assert not registry.collisions


def test_a_plugin_file_is_imported_and_names_its_text(site: Site, tmp_path: Path) -> None:
    site.install("idle", losses("idle_loss"))
    file = tmp_path / "mine.py"
    file.write_text("from optserve.plugin import *\n" + losses("mine_loss"))
    entry = load(needed={"mine_loss"}, files=[file, file]).find("primitives", "mine_loss")
    assert entry.distribution == "mine.py"
    assert entry.version.startswith("sha256:")
    assert entry.module == str(file)
    file.write_text(file.read_text() + "# changed\n")
    changed = load(needed={"mine_loss"}, files=[file]).find("primitives", "mine_loss")
    assert changed.version != entry.version


def test_a_broken_plugin_file_is_a_failure_and_a_missing_one_an_error(tmp_path: Path) -> None:
    file = tmp_path / "mine.py"
    file.write_text("raise RuntimeError('unfinished')")
    assert failure_of(load(files=[file]), "mine.py") == "RuntimeError: unfinished"
    with pytest.raises(ConfigError, match=r"cannot read the plugin .*nowhere\.py"):
        load(files=[tmp_path / "nowhere.py"])
