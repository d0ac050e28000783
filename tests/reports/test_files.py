"""`--report KIND=FILE`: what is refused before a job runs, and how a file is written."""

from __future__ import annotations

from pathlib import Path

import pytest

from optserve.errors import ConfigError, OptserveError, PluginError
from optserve.reports.report_files import report_files
from tests.reports.jobs import JOBS

PLUGIN = """
from optserve.plugin import hookimpl

def lines():
    "A line a job."
    return lambda jobs: "".join(f"{job.name} {job.exit_code}\\n" for job in jobs)

def picture():
    "Bytes."
    return lambda jobs: bytes([137, 80, 78, 71])

def breaks():
    "Raises."
    def written(jobs):
        raise ValueError("no")
    return written

def number():
    "No text."
    return lambda jobs: len(jobs)

def nothing():
    "No function."

def choosy(title: str):
    "Needs an option, which a command line does not give."

@hookimpl
def optserve_reports():
    return [lines, picture, breaks, number, nothing, choosy]
"""


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPTSERVE_CACHE_DIR", str(tmp_path / "cache"))
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")


@pytest.fixture
def plugin(tmp_path: Path) -> Path:
    path = tmp_path / "mine.py"
    path.write_text(PLUGIN)
    return path


@pytest.mark.parametrize(
    ("texts", "code", "words"),
    [
        (["junit"], "usage", "KIND=FILE"),
        (["=a.xml"], "usage", "KIND=FILE"),
        (["junit="], "usage", "KIND=FILE"),
        (["junti=a.xml"], "not-installed", "did you mean 'junit'?"),
        (["junit=a", "tap=./a"], "usage", "same file"),
        (["junit=folder"], "cannot-write", "it is a folder"),
        (["junit=file/a.xml"], "cannot-write", "cannot be written"),
    ],
    ids=lambda value: value[0] if isinstance(value, list) else None,
)
def test_what_cannot_be_written_is_refused(texts: list[str], code: str, words: str) -> None:
    Path("folder").mkdir()
    Path("file").touch()
    with pytest.raises(ConfigError) as caught:
        report_files(texts)
    assert words in caught.value.block()
    assert caught.value.code == code
    assert sorted(path.name for path in Path().iterdir()) == ["file", "folder"]


def test_no_report_replaces_what_is_run() -> None:
    Path("fit.yaml").write_text("version: 1")
    with pytest.raises(ConfigError, match="would replace"):
        report_files(["junit=./fit.yaml"], configs=[Path("fit.yaml")])
    with pytest.raises(ConfigError, match="as a new folder"):
        report_files(["junit=new/a.xml"], out=Path("new"))
    assert not Path("new").exists()


def test_files_appear_whole_with_the_permissions_of_the_one_before() -> None:
    Path("old.tap").write_text("old")
    Path("old.tap").chmod(0o640)
    Path("link.tap").symlink_to("old.tap")
    files = report_files(["tap=link.tap", "junit=new/deep/a.xml"])
    assert Path("old.tap").read_text() == "old"
    assert not files.write(JOBS)
    assert Path("old.tap").read_text().startswith("TAP version 14")
    assert Path("old.tap").stat().st_mode & 0o777 == 0o640
    assert Path("link.tap").is_symlink()
    assert [path.name for path in Path("new/deep").iterdir()] == ["a.xml"]


def test_what_is_no_ordinary_file_is_written_to() -> None:
    assert not report_files(["tap=/dev/null"]).write(JOBS)
    assert not Path("/dev/null").is_file()


def test_a_plugin_adds_kinds(plugin: Path) -> None:
    files = report_files(["lines=a.txt", "picture=a.png", "tap=a.tap"], [plugin])
    assert not files.write(JOBS)
    assert [line.split()[-1] for line in Path("a.txt").read_text().splitlines()] == ["0", "4", "2"]
    assert Path("a.png").read_bytes() == b"\x89PNG"


@pytest.mark.parametrize("kind", ["breaks", "number"])
def test_a_plugin_that_writes_no_report_is_blamed_and_spares_the_others(
    kind: str, plugin: Path
) -> None:
    errors = report_files([f"{kind}=a.txt", "tap=a.tap"], [plugin]).write(JOBS)
    [(code, message)] = [(error.exit_code, error.message) for error in errors]
    assert code == 6
    assert kind in message
    assert Path("a.tap").exists()


@pytest.mark.parametrize("kind", ["nothing", "choosy"])
def test_a_plugin_that_gives_no_writer_is_refused_before_anything_runs(
    kind: str, plugin: Path
) -> None:
    with pytest.raises(PluginError, match=kind):
        report_files([f"{kind}=a.txt"], [plugin])


def test_a_kind_of_two_plugins_is_nobodys(plugin: Path, tmp_path: Path) -> None:
    other = tmp_path / "other.py"
    other.write_text(PLUGIN)
    with pytest.raises(PluginError, match=r"claimed by mine\.py .* and other\.py") as caught:
        report_files(["lines=a.txt"], [plugin, other])
    assert "prefer" not in caught.value.block()


def test_a_folder_that_is_gone_in_the_end_is_made_again_or_told() -> None:
    files = report_files(["tap=sub/a.tap"])
    Path("sub").rmdir()
    Path("sub").touch()
    [error] = files.write(JOBS)
    assert isinstance(error, OptserveError)
    assert error.exit_code == 1
    assert "cannot write the report tap=sub/a.tap" in error.message
