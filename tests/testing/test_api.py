"""The names that plugin authors import, with their signatures: a change of them is seen here."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from pathlib import Path

import pytest

from optserve import plugin, testing
from optserve.deprecation import going

GOLDEN = Path(__file__).with_name("api.txt")


def listing() -> str:
    lines = [f"API {plugin.API}"]
    for module in (plugin, testing):
        for name in sorted(module.__all__):
            value = getattr(module, name)
            shown = _signature(value) if callable(value) and name != "Value" else ""
            lines.append(f"{module.__name__}.{name}{shown}")
    return "\n".join(lines) + "\n"


def _signature(value: Callable[..., object]) -> str:
    """The parameters by name, `=...` where one has a default."""
    signature = inspect.signature(value)
    bare = [
        one.replace(annotation=one.empty, default=one.empty if one.default is one.empty else ...)
        for one in signature.parameters.values()
    ]
    shown = signature.replace(parameters=bare, return_annotation=signature.empty)
    return str(shown).replace("Ellipsis", "...")


def test_the_api_is_the_one_that_is_listed(pytestconfig: pytest.Config) -> None:
    """What is listed may be added to; a change of what is there needs another ``API``."""
    if pytestconfig.getoption("--regen"):
        GOLDEN.write_text(listing(), encoding="utf-8")
    assert listing() == GOLDEN.read_text(encoding="utf-8")


def test_a_name_that_is_to_go_works_for_one_release_and_says_what_to_write() -> None:
    lookup = going("optserve.plugin", {"Traits": "optserve.plugin.Facts"})
    with pytest.warns(DeprecationWarning, match=r"write optserve\.plugin\.Facts"):
        assert lookup("Traits") is plugin.Facts
    with pytest.raises(AttributeError, match="no attribute 'Trait'"):
        plugin.Trait  # type: ignore[attr-defined]  # noqa: B018
    for home in plugin.GOING.values():
        assert home.startswith("optserve.")
