"""Documents as their readers use them: the code blocks of a page, and the sessions inside them."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]

FENCE = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
SECONDS = re.compile(r"\b\d+(\.\d+)?(?:e-\d+)? m?s\b")
TINY = re.compile(r"\b\d+(\.\d+)?e-(?:09|[1-9]\d)\b")
RUN = re.compile(r"\bruns/([\w-]+)/\d{4}\b")
BLANKS = re.compile(r" {2,}")


@dataclass(frozen=True)
class Command:
    """One ``$ command`` of a session, and what the page shows below it."""

    line: str
    shown: str


def blocks(page: Path, language: str) -> list[str]:
    """The fenced blocks of a page that are marked with ``language``, in order."""
    text = page.read_text(encoding="utf-8")
    return [body for marked, body in FENCE.findall(text) if marked == language]


def commands(page: Path) -> list[Command]:
    """The commands of all ``console`` blocks of a page, in order."""
    found = []
    for block in blocks(page, "console"):
        for part in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
            line, _, shown = part.partition("\n")
            found.append(Command(line, shown))
    return found


def run(command: str, folder: Path, environment: Mapping[str, str]) -> str:
    """What a shell prints, on both streams."""
    completed = subprocess.run(
        command,
        shell=True,
        cwd=folder,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    return completed.stdout


def comparable(output: str) -> str:
    """Output without what differs from run to run: times, rounding errors, run numbers, blanks."""
    for pattern, stand_in in ((SECONDS, "T s"), (TINY, "~0"), (RUN, r"runs/\1/N"), (BLANKS, "  ")):
        output = pattern.sub(stand_in, output)
    return "\n".join(line.strip() for line in output.splitlines() if line.strip())
