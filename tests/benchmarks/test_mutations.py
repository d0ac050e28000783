"""Both of ours find nearly every fault of a rule, and the page says what they do not find."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.faulty import MUTANTS
from benchmarks.mutations import OURS, Row, measured, table

PAGE = Path(__file__).parents[2] / "docs" / "mutations.md"
SHARE = 76 / 80


@pytest.fixture(scope="module")
def rows() -> list[Row]:
    return measured(peers=False)


def test_there_are_enough_and_all_differ() -> None:
    assert len(MUTANTS) >= 80
    assert len({one.primitive.name for one in MUTANTS}) == len(MUTANTS)


@pytest.mark.parametrize("name", OURS)
def test_nearly_all_are_found(rows: list[Row], name: str) -> None:
    missed = [row.mutant.primitive.name for row in rows if not row.found[name]]
    assert len(missed) <= (1.0 - SHARE) * len(rows), missed


def test_the_page_says_what_is_found_and_what_is_not(rows: list[Row]) -> None:
    text = PAGE.read_text(encoding="utf-8")
    for line in table(rows).splitlines()[2:]:
        if line.startswith("|"):
            assert line.removesuffix("|").rstrip() in text
        elif line:
            assert line in text.replace("\n", " ").replace("  ", " ")
