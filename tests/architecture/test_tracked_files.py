"""What is committed names no machine, no package host and nothing of a person's own."""

from __future__ import annotations

import re
import subprocess

import pytest

from tests.architecture.house import ROOT

FOREIGN = re.compile(
    "|".join(
        [
            r"(?<![\w.$}])/(?:root|home|Users|work|opt|mnt)/\w",  # a path of one machine
            r"\bindex[-_]url\b",
            r"\bfind[-_]links\b",
            r"://\S+/simple\b",  # a package index
            r"\bfile://",
        ]
    )
)


def tracked() -> list[str]:
    if not (ROOT / ".git").exists():
        pytest.skip("not a git checkout")
    listing = subprocess.run(
        ["git", "ls-files", "-z"], cwd=ROOT, check=True, capture_output=True, text=True
    )
    return [name for name in listing.stdout.split("\0") if name and (ROOT / name).is_file()]


def test_no_machine_paths_and_no_package_hosts() -> None:
    found = []
    for name in tracked():
        if name == "tests/architecture/test_tracked_files.py":
            continue
        lines = (ROOT / name).read_text(encoding="utf-8", errors="replace").splitlines()
        found += [f"{name}:{i}: {line}" for i, line in enumerate(lines, 1) if FOREIGN.search(line)]
    assert not found, "\n".join(found)


def test_the_pattern_finds_what_it_is_for() -> None:
    assert FOREIGN.search("see /home/ann/data.csv")
    assert FOREIGN.search("pip install --index-url X")
    assert FOREIGN.search("from https://packages.example/simple")
    assert not FOREIGN.search("results/work/home.csv and ../shared/x")
