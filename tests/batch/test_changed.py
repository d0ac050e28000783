"""`--changed-since`: a job runs where its config, what it extends, data or plugins have changed."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest

from optserve.batch.changed import changes_since
from optserve.batch.job import Job
from optserve.config.written import read_config
from optserve.errors import ConfigError

FILES: Mapping[str, str] = {
    "README.md": "Fits.\n",
    "fits/_base.yaml": "version: 1\nparameters: {b: 1}\n",
    "fits/one.yaml": "extends: _base.yaml\ndata: {read: one.csv}\nleast_squares: y - b * cube(x)\n",
    "fits/two.yaml": "version: 1\nparameters: {b: 1}\ndata: {read: 'parts/*.csv'}\nloss: b**2\n",
    "fits/one.csv": "x,y\n1,2\n2,3\n",
    "fits/parts/a.csv": "x,y\n1,2\n",
    "fits/parts/b.csv": "x,y\n1,2\n",
    "mine.py": "from optserve.plugin import elementwise, hookimpl\n\n\n@hookimpl\n"
    "def optserve_primitives():\n"
    "    return [elementwise('cube', lambda x: x * x * x, doc='A cube.')]\n",
}


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name, text in FILES.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    git(tmp_path, "init", "-q", "-b", "main")
    git(tmp_path, "add", "-A")
    commit(tmp_path)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def git(folder: Path, *words: str) -> None:
    own = ["-c", "user.name=A", "-c", "user.email=a@example.org", "-c", "commit.gpgsign=false"]
    subprocess.run(["git", *own, *words], cwd=folder, check=True, capture_output=True)


def commit(folder: Path) -> None:
    git(folder, "commit", "-q", "-m", "Change the fits")


def concerned(ref: str = "main", *plugins: Path) -> list[str]:
    changes = changes_since(ref, plugins)
    jobs = [Job(name, read_config(Path(f"fits/{name}.yaml"))) for name in ("one", "two")]
    return [job.id for job in jobs if changes.concern(job)]


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("README.md", []),
        ("fits/_base.yaml", ["one"]),
        ("fits/one.yaml", ["one"]),
        ("fits/one.csv", ["one"]),
        ("fits/parts/b.csv", ["two"]),
        ("fits/two.yaml", ["two"]),
        ("mine.py", ["one"]),
    ],
)
def test_a_file_concerns_who_reads_it(name: str, expected: list[str], repository: Path) -> None:
    plugin = repository / "mine.py"
    assert concerned("main", plugin) == []
    path = repository / name
    path.write_text(f"{path.read_text()}\n")
    assert concerned("main", plugin) == expected
    git(repository, "checkout", "-q", "-b", "branch")
    git(repository, "add", "-A")
    commit(repository)
    assert concerned("main", plugin) == expected
    assert concerned("HEAD", plugin) == []


def test_what_is_new_or_gone_counts_and_what_main_did_meanwhile_does_not(repository: Path) -> None:
    git(repository, "checkout", "-q", "-b", "branch")
    (repository / "fits/parts/c.csv").write_text("x,y\n1,2\n")
    assert concerned() == ["two"]
    (repository / "fits/parts/c.csv").unlink()
    (repository / "fits/parts/a.csv").unlink()
    assert concerned() == ["two"]
    git(repository, "checkout", "-q", ".")
    git(repository, "checkout", "-q", "main")
    (repository / "fits/one.csv").write_text("x,y\n1,2\n2,4\n")
    git(repository, "add", "-A")
    commit(repository)
    git(repository, "checkout", "-q", "branch")
    assert concerned("main") == []


def test_git_that_cannot_tell_is_an_error_with_a_remedy(
    repository: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(ConfigError, match="--changed-since nowhere: git cannot tell") as caught:
        changes_since("nowhere")
    assert "fetch-depth: 0" in caught.value.remedy
    monkeypatch.chdir(tmp_path_factory.mktemp("empty"))
    with pytest.raises(ConfigError, match="not a git repository"):
        changes_since("main")
