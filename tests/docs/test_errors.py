"""docs/errors.md has every code, with an example that is run and makes exactly that error."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from optserve import errors
from optserve.errors import OptserveError
from tests.architecture.house import Source, sources
from tests.docs.error_page import EXAMPLES, HEAD, PAGE, page, run, section

KINDS = {
    name: kind
    for name, kind in vars(errors).items()
    if isinstance(kind, type) and issubclass(kind, OptserveError)
}
GENERAL = {"ConfigError", "OptserveError"}
"""The kinds that say little by themselves: whoever raises one gives it a code."""

REPORTED = {"optserve/reports/text.py"}
"""Where an error is made for its block alone, which a report shows."""


def raised(source: Source) -> Iterator[ast.Call]:
    """Where a file makes an error."""
    for node in ast.walk(source.tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in KINDS:
            yield node


def given(call: ast.Call) -> str | None:
    """The code that is given to an error."""
    for keyword in call.keywords:
        if keyword.arg == "code" and isinstance(keyword.value, ast.Constant):
            return str(keyword.value.value)
    return None


def test_every_error_of_a_config_has_a_code_of_its_own() -> None:
    without = [
        f"{source.shown}:{call.lineno}"
        for source in sources()
        for call in raised(source)
        if source.shown not in REPORTED | {"optserve/errors.py"}
        if isinstance(call.func, ast.Name) and call.func.id in GENERAL and given(call) is None
    ]
    assert not without, "give it a code: docs/errors.md lists them"


def test_every_code_is_told() -> None:
    codes = {kind.code for kind in KINDS.values()} - {"error"}
    for source in sources():
        codes |= {code for call in raised(source) if (code := given(call))}
        if source.room == "cli":  # what is no error of ours
            text = source.path.read_text(encoding="utf-8")
            codes |= set(re.findall(r"\"code\": \"([a-z-]+)\"", text))
    assert set(EXAMPLES) == codes | {"terminated"}


@pytest.mark.parametrize("code", EXAMPLES)
def test_an_example_makes_its_error(code: str, tmp_path: Path, pytestconfig: pytest.Config) -> None:
    told = run(code, tmp_path)
    assert told.codes == (code,), told.block
    if not pytestconfig.getoption("--regen"):
        assert section(code, told) in PAGE.read_text(encoding="utf-8")


def test_the_page_is_what_the_examples_print(
    tmp_path_factory: pytest.TempPathFactory, pytestconfig: pytest.Config
) -> None:
    if pytestconfig.getoption("--regen"):
        told = {code: run(code, tmp_path_factory.mktemp(code)) for code in EXAMPLES}
        PAGE.write_text(page(told), encoding="utf-8")
    text = PAGE.read_text(encoding="utf-8")
    assert text.startswith(HEAD)
    assert re.findall(r"^## `(.*)`$", text, re.MULTILINE) == list(EXAMPLES)
