"""The pages of docs/tutorial are sessions: what they have their readers write is written, what they
run is run, in order, and prints what they show. ``--regen`` writes what it prints into the page."""

from __future__ import annotations

import os
import re
import shutil
import sysconfig
from pathlib import Path

import pytest

from tests.docs.session import FENCE, ROOT, comparable, run

FOLDER = ROOT / "docs" / "tutorial"
PAGES = ("curve", "categories", "mixed", "gaussian_process", "network")
NUMBER = re.compile(r"-?\d+(\.\d+)?(e-?\d+)?")
NAMED = re.compile(r"# ([\w.]+\.yaml)(, appended)?\n")


def followed(page: str, folder: Path) -> str:
    """The page as it reads when what it says was done in ``folder``."""
    path = os.pathsep.join([sysconfig.get_path("scripts"), os.environ.get("PATH", os.defpath)])
    environment = {**os.environ, "PATH": path, "COLUMNS": "100"}

    def done(fence: re.Match[str]) -> str:
        language, body = fence.groups()
        if language == "yaml" and (named := NAMED.match(body)):
            with (folder / named[1]).open("a" if named[2] else "w", encoding="utf-8") as file:
                file.write(body[named.end() :])
        if language != "console":
            return fence[0]
        lines = [line[2:] for line in body.splitlines() if line.startswith("$ ")]
        printed = (f"$ {line}\n{run(line, folder, environment)}" for line in lines)
        shown = "".join(one if one.endswith("\n") else f"{one}\n" for one in printed)
        return f"```console\n{shown}```"

    return FENCE.sub(done, page)


@pytest.mark.parametrize("name", PAGES)
def test_a_page_is_true(name: str, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    for file in ("falcons.csv", "digits.csv"):
        shutil.copy(ROOT / "configs" / file, tmp_path)
    page = FOLDER / f"{name}.md"
    written = page.read_text(encoding="utf-8")
    found = followed(written, tmp_path)
    if request.config.getoption("--regen"):
        found = re.sub(r"[ \t]+\n", "\n", found)
        page.write_text(found, encoding="utf-8")
        return
    if name == "network":  # thousands of steps in float32: other processors round otherwise
        found, written = (NUMBER.sub("#", one) for one in (found, written))
    assert comparable(found) == comparable(written)
    assert "traceback" not in found.lower()


def test_the_first_page_lists_all_pages_in_order() -> None:
    page = (FOLDER / "README.md").read_text(encoding="utf-8")
    assert tuple(re.findall(r"\]\((\w+)\.md\)", page)) == PAGES
    assert {path.stem for path in FOLDER.glob("*.md")} == {"README", *PAGES}
