from __future__ import annotations

from pathlib import Path

import pytest

from optserve.config.allowed_paths import FileReach
from optserve.config.extends import MAX_CHAIN, read_tree
from optserve.config.nodes import MappingNode, plain
from optserve.errors import ConfigError


def write(folder: Path, **files: str) -> Path:
    for name, text in files.items():
        (folder / f"{name}.yaml").write_text(text)
    return folder / "fit.yaml"


def read(path: Path) -> MappingNode:
    return read_tree(path, FileReach(path.parent))


def test_mappings_merge_lists_replace_and_null_removes(tmp_path: Path) -> None:
    path = write(
        tmp_path,
        base="{a: {b: 1, c: 2}, d: [1, 2], e: 5, g: 1}",
        fit="{extends: base.yaml, a: {c: 3}, d: [9], e: null, f: 6, g: {h: 1}}",
    )
    expected = {"a": {"b": 1, "c": 3}, "d": [9], "f": 6, "g": {"h": 1}}
    assert plain(read(path)) == expected


def test_what_is_inherited_keeps_its_place(tmp_path: Path) -> None:
    path = write(tmp_path, base="a:\n  b: 1\n", fit="extends: base.yaml\nc: 2\n")
    tree = read(path)
    inner = tree.entries["a"].value
    assert isinstance(inner, MappingNode)
    place = inner.entries["b"].value.place
    assert (Path(place.file).name, place.line) == ("base.yaml", 2)


def test_a_chain_may_be_long_but_not_endless(tmp_path: Path) -> None:
    for number in range(MAX_CHAIN + 1):
        text = f"extends: c{number + 1}.yaml\nk{number}: {number}\n"
        (tmp_path / f"c{number}.yaml").write_text(text)
    (tmp_path / f"c{MAX_CHAIN + 1}.yaml").write_text("last: 1\n")
    assert len(read(tmp_path / "c3.yaml")) == MAX_CHAIN + 1 - 3 + 1
    with pytest.raises(ConfigError, match="too many"):
        read(tmp_path / "c0.yaml")


def test_two_configs_that_extend_each_other_are_refused(tmp_path: Path) -> None:
    path = write(tmp_path, fit="extends: other.yaml", other="extends: fit.yaml")
    with pytest.raises(ConfigError, match="extends itself"):
        read(path)


def test_paths_are_relative_to_the_file_that_names_them(tmp_path: Path) -> None:
    (tmp_path / "common").mkdir()
    (tmp_path / "common" / "base.yaml").write_text("extends: root.yaml\n")
    (tmp_path / "common" / "root.yaml").write_text("a: 1\n")
    (tmp_path / "fit.yaml").write_text("extends: common/base.yaml\nb: 2\n")
    assert plain(read(tmp_path / "fit.yaml")) == {"a": 1, "b": 2}


@pytest.mark.parametrize("value", ["[base.yaml]", "3", "null"])
def test_only_a_file_can_be_extended(tmp_path: Path, value: str) -> None:
    with pytest.raises(ConfigError, match="`extends` is"):
        read(write(tmp_path, fit=f"extends: {value}\n"))
