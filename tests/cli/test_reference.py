"""docs/cli.md says what the application says of itself."""

from __future__ import annotations

import pytest

from tests.cli.conftest import ROOT
from tests.cli.reference import MARK, reference

PAGE = ROOT / "docs" / "cli.md"


def test_the_page_is_what_the_application_says(pytestconfig: pytest.Config) -> None:
    text = PAGE.read_text(encoding="utf-8")
    written = text[: text.index(MARK)]
    if pytestconfig.getoption("--regen"):
        PAGE.write_text(written + reference(), encoding="utf-8")
    assert PAGE.read_text(encoding="utf-8") == written + reference()


def test_every_exit_code_is_on_the_page() -> None:
    from optserve import errors

    codes = {getattr(errors, name).exit_code for name in errors.__all__ if "Err" in name}
    text = PAGE.read_text(encoding="utf-8")
    assert all(f"| {code} |" in text for code in codes | {0, 3, 4, 130, 143})
