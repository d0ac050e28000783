from __future__ import annotations

from pathlib import Path

import pytest

from optserve.config.allowed_paths import FileReach
from optserve.config.nodes import ScalarNode
from optserve.config.source import Source
from optserve.errors import ConfigError


def written(text: str, folder: Path) -> ScalarNode:
    return ScalarNode(Source("fit.yaml", text, folder), 0, len(text), "data.read", text, text)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    inner = tmp_path / "configs"
    (inner / "data").mkdir(parents=True)
    (inner / "data" / "d.csv").touch()
    (inner / "link.csv").symlink_to(inner / "data" / "d.csv")
    (inner / "escape.csv").symlink_to(tmp_path / "secret.csv")
    (inner / "loop.csv").symlink_to(inner / "loop.csv")
    (tmp_path / "secret.csv").touch()
    (tmp_path / "configs2").mkdir()
    (tmp_path / "configs2" / "d.csv").touch()
    return inner


@pytest.mark.parametrize("path", ["data/d.csv", "./data/../data/d.csv", "link.csv"])
def test_files_of_the_folder_are_found(folder: Path, path: str) -> None:
    assert FileReach(folder).file(written(path, folder)) == folder / path


@pytest.mark.parametrize(
    "path",
    ["../secret.csv", "escape.csv", "/etc/passwd", "../configs2/d.csv", "data/../../secret.csv"],
)
def test_files_outside_need_permission(folder: Path, path: str) -> None:
    with pytest.raises(ConfigError, match="leaves the folder"):
        FileReach(folder).file(written(path, folder))
    assert FileReach(folder, anywhere=True).file(written(path, folder)).is_file()


@pytest.mark.parametrize("path", ["e.csv", "data", "", "loop.csv", "a\0b", "x" * 5000, "~/d.csv"])
def test_what_is_no_file_is_refused(folder: Path, path: str) -> None:
    with pytest.raises(ConfigError):
        FileReach(folder).file(written(path, folder))


def test_a_path_is_relative_to_where_it_is_written(folder: Path) -> None:
    assert FileReach(folder).file(written("d.csv", folder / "data")) == folder / "data" / "d.csv"
