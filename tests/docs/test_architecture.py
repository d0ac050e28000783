"""docs/architecture.md is true: its files exist, one a floor, and its words are those in use."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

import optserve
from optserve import plugin
from tests.architecture.house import FLOORS, SIDES, sources
from tests.docs.session import ROOT

PAGE = ROOT / "docs" / "architecture.md"
TEXT = PAGE.read_text(encoding="utf-8")
DOCUMENTS = sorted(
    path
    for path in (*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"))
    if path.name != "CHANGELOG.md"
)
API = ("python.md", "plugins.md", "config.md", "minibatches.md", "linear_algebra.md")
"""The pages that document public names."""


def section(heading: str) -> str:
    return TEXT.partition(f"\n## {heading}\n")[2].partition("\n## ")[0]


def rows(table: str) -> Iterator[Sequence[str]]:
    """The cells of the lines of a table."""
    for line in table.splitlines():
        if line.startswith("| ") and not line.startswith(("| floor", "| word")):
            yield [cell.strip() for cell in line.strip("|").split(" | ")]


def words() -> list[str]:
    """The words that the glossary explains."""
    return [word for first, *_ in rows(section("Words")) for word in first.split(", ")]


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_the_files_that_a_page_names_exist(document: Path) -> None:
    if document.parent.name == "adr":
        return  # a decision tells of the house as it was
    text = document.read_text(encoding="utf-8")
    made = set(re.findall(r"^```(?:python|diff)\n# (\S+)$", text, re.MULTILINE))
    made |= set(re.findall(r"^\$ .* > (\S+)$", text, re.MULTILINE))
    named = set(re.findall(r"\b(?:optserve|tests|benchmarks|configs)/[\w/]+\.(?:py|yaml)\b", text))
    assert not {path for path in named - made if not (ROOT / path).exists()}


@pytest.mark.parametrize(
    "heading",
    ["One number, from YAML to a result", "One primitive, from its paragraph to native code"],
)
def test_a_walk_names_at_most_one_file_a_room(heading: str) -> None:
    floors = {**FLOORS, **SIDES}
    rooms = []
    for floor, path, *_ in rows(section(heading)):
        room = path.strip("`").split("/")[1]
        assert (ROOT / path.strip("`")).is_file()
        assert int(floor) == floors[room]
        rooms.append(room)
    assert len(set(rooms)) == len(rooms)


def test_every_room_is_on_the_map() -> None:
    listed = {
        room.strip("`").partition("/")[2]: int(floor)
        for floor, room, *_ in rows(TEXT.partition("\n## ")[0])
    }
    folders = {source.room for source in sources() if source.path.parent.parent.name == "optserve"}
    assert listed == {room: FLOORS[room] for room in folders & set(FLOORS)}


def test_the_words_are_in_order_and_in_use() -> None:
    found = [first for first, *_ in rows(section("Words"))]
    assert found == sorted(found)
    code = "\n".join(source.path.read_text(encoding="utf-8") for source in sources()).lower()
    assert not [word for word in words() if not re.search(rf"\b{word}", code)]


@pytest.mark.parametrize("module", [optserve, plugin], ids=lambda module: module.__name__)
def test_a_public_name_is_a_word_or_documented(module: ModuleType) -> None:
    """A word of the glossary, NumPy's, or told of in a page about the API."""
    pages = "\n".join((ROOT / "docs" / page).read_text(encoding="utf-8") for page in API)
    pages += (ROOT / "README.md").read_text(encoding="utf-8")
    told = set(re.findall(r"[A-Za-z_]\w*", pages)) | set(re.findall(r"`(\w+)`", TEXT))
    unknown = [
        name
        for name in module.__all__
        if name.lower() not in words() and not hasattr(np, name) and name not in told
    ]
    assert not unknown
