"""The name index: reused, made anew, never believed blindly, never in the way."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from optserve.cache import cache_folder
from optserve.registry import load
from optserve.registry.index import NameIndex
from tests.registry.conftest import Site, losses

RECORD = "fake_wavy.py,sha256=1,100"


@pytest.fixture
def wavy(site: Site) -> str:
    """A plugin that the index knows."""
    module = site.install("wavy", losses("wavy_loss"), record=RECORD)
    load(needed=())
    assert site.imports(module) == 1
    site.forget()
    return module


def test_a_plugin_that_is_known_and_not_needed_is_not_imported(site: Site, wavy: str) -> None:
    registry = load(needed={"exp"})
    assert site.imports(wavy) == 1
    assert "wavy_loss" in registry.names("primitives")


def test_where_nothing_is_needed_nothing_is_imported(wavy: str) -> None:
    """Not even what is built in, or NumPy: listing names is quick."""
    code = (
        "import sys; from optserve.registry import load; registry = load(needed=())\n"
        "assert 'wavy_loss' in registry.names('primitives')\n"
        "loaded = {'numpy', 'scipy', 'optserve.primitives', 'fake_wavy'} & set(sys.modules)\n"
        "assert not loaded, loaded"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=120)


def test_a_new_version_is_asked_for_its_names(site: Site, wavy: str) -> None:
    site.install("wavy", losses("wavier_loss"), version="1.1", record=RECORD)
    assert "wavier_loss" in load(needed={"wavier_loss"}).primitives
    assert site.imports(wavy) == 2


def test_a_new_installation_of_the_same_version_is_asked(site: Site, wavy: str) -> None:
    site.install("wavy", losses("wavier_loss"), record="fake_wavy.py,sha256=2,100")
    assert "wavier_loss" in load(needed={"wavier_loss"}).primitives


@pytest.mark.parametrize("record", ["", RECORD])
def test_code_that_is_edited_in_place_is_asked_again(site: Site, record: str) -> None:
    """Both without a list of installed files, and where it lists the link of an editable one."""
    module = site.install("wavy", losses("wavy_loss"), record=record)
    info = site.folder / "wavy-1.0.dist-info"
    (info / "direct_url.json").write_text('{"dir_info": {"editable": true}}')
    load(needed=())
    site.forget()
    load(needed=())
    assert site.imports(module) == 1
    path = site.folder / f"{module}.py"
    path.write_text(path.read_text().replace("wavy_loss", "wavier_loss"))
    site.forget()
    assert "wavier_loss" in load(needed={"wavier_loss"}).primitives


def test_a_package_that_is_edited_anywhere_is_asked_again(site: Site) -> None:
    package = site.folder / "fake_package" / "inner"
    package.mkdir(parents=True)
    (package.parent / "__init__.py").write_text("")
    (package / "names.py").write_text('NAMES = ["first_loss"]')
    (package.parent / "plugin.py").write_text(
        "from optserve.plugin import *\n"
        "from fake_package.inner.names import NAMES\n"
        "@hookimpl\n"
        "def optserve_primitives():\n"
        "    return [elementwise(name, lambda x: x) for name in NAMES]\n"
    )
    site.install("package", "", entry_points="plugin = fake_package.plugin")
    assert "first_loss" in load(needed=()).names("primitives")
    (package / ".#names.py").symlink_to("nowhere")  # as an editor locks a file
    (package / "names.py").write_text('NAMES = ["second_loss", "third_loss"]')
    site.forget()
    assert "second_loss" in load(needed=()).names("primitives")


def test_names_are_checked_against_the_plugin_when_it_is_imported(
    site: Site, wavy: str, cache: Path
) -> None:
    """An index that is wrong (same version, same files, other names) is corrected."""
    for file in (cache / "names").iterdir():
        file.write_text(file.read_text().replace("wavy_loss", "wavier_loss"))
    registry = load(needed={"wavier_loss"})
    assert "wavier_loss" not in registry.names("primitives")
    assert "wavy_loss" in load(needed=()).names("primitives")


@pytest.mark.parametrize(
    "damage",
    [
        b"",
        b"\x00\xff\xfe",
        b"[]",
        b"{}",
        b'{"key": null, "names": 3}',
        b"[" * 100_000,
    ],
)
def test_a_damaged_file_is_ignored_and_replaced(
    site: Site, wavy: str, cache: Path, damage: bytes
) -> None:
    for file in (cache / "names").iterdir():
        file.write_bytes(damage)
    assert "wavy_loss" in load(needed={"wavy_loss"}).primitives
    for file in (cache / "names").iterdir():
        assert json.loads(file.read_text())["key"]


@pytest.mark.parametrize(
    "names", ["text", ["a"], {"primitives": "a"}, {"primitives": [1]}, {"x": []}]
)
def test_names_of_another_form_are_ignored(
    site: Site, wavy: str, cache: Path, names: object
) -> None:
    for file in (cache / "names").iterdir():
        stored = json.loads(file.read_text())
        file.write_text(json.dumps({**stored, "names": names}))
    assert "wavy_loss" in load(needed={"wavy_loss"}).primitives


def test_the_folder_is_private_and_holds_whole_files_only(wavy: str, cache: Path) -> None:
    assert (cache / "names").stat().st_mode & 0o777 == 0o700
    assert {file.suffix for file in (cache / "names").iterdir()} == {".json"}


@pytest.mark.skipif(os.name != "posix", reason="permissions of POSIX")
def test_a_folder_that_others_may_write_in_is_left_alone(site: Site, cache: Path) -> None:
    folder = cache / "names"
    folder.mkdir(parents=True)
    folder.chmod(0o777)
    site.install("wavy", losses("wavy_loss"))
    assert "wavy_loss" in load(needed={"wavy_loss"}).primitives
    assert not list(folder.iterdir())


def test_a_cache_that_cannot_be_made_costs_time_only(
    site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    occupied = tmp_path / "file"
    occupied.write_text("not a folder")
    monkeypatch.setenv("OPTSERVE_CACHE_DIR", str(occupied))
    site.install("wavy", losses("wavy_loss"))
    assert "wavy_loss" in load(needed={"wavy_loss"}).primitives


def test_many_processes_at_once(site: Site, cache: Path) -> None:
    module = site.install("wavy", losses("wavy_loss"), record=RECORD)
    code = "from optserve.registry import load; print(*load({'wavy_loss'}).names('primitives'))"
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        for _ in range(4)
    ]
    outcomes = [process.communicate(timeout=120) for process in processes]
    assert {process.returncode for process in processes} == {0}, outcomes
    assert all("wavy_loss" in out.split() for out, _ in outcomes)
    before = site.imports(module)
    load(needed={"exp"})
    assert site.imports(module) == before
    assert {file.suffix for file in (cache / "names").iterdir()} == {".json"}


def test_the_cache_folder_follows_the_platform(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.delenv("OPTSERVE_CACHE_DIR")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_CACHE_HOME", "relative/is/ignored")
    monkeypatch.setattr(sys, "platform", "linux")
    assert cache_folder() == tmp_path / ".cache" / "optserve"
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    assert cache_folder() == tmp_path / "xdg" / "optserve"
    monkeypatch.setattr(sys, "platform", "darwin")
    assert cache_folder() == tmp_path / "Library" / "Caches" / "optserve"
    monkeypatch.setattr(sys, "platform", "win32")
    monkeypatch.setenv("LOCALAPPDATA", str(tmp_path / "Local"))
    assert cache_folder() == tmp_path / "Local" / "optserve" / "Cache"


def test_an_index_without_a_folder_remembers_nothing(site: Site) -> None:
    from optserve.registry.plugin_source import installed_sources

    site.install("wavy", losses("wavy_loss"))
    for source in installed_sources():
        assert NameIndex(None).read(source) is None
