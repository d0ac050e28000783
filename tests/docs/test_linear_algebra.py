"""docs/linear_algebra.md and docs/functions.md list every function that they are about."""

from __future__ import annotations

import re

from optserve.primitives.vocabulary import builtin_macros, builtin_primitives
from tests.docs.session import ROOT

PAGE = (ROOT / "docs" / "linear_algebra.md").read_text(encoding="utf-8")


def test_every_function_is_in_the_table() -> None:
    listed = set(re.findall(r"`(\w+)\(", PAGE))
    room = "optserve.primitives.linear_algebra"
    functions = {
        one.name
        for one in builtin_primitives()
        if not one.call.internal and (one.impl.__module__ or "").startswith(room)
    }
    assert functions
    assert functions - listed == set()


def test_every_macro_is_in_a_table() -> None:
    pages = ("config.md", "functions.md", "linear_algebra.md")
    text = "".join((ROOT / "docs" / page).read_text(encoding="utf-8") for page in pages)
    listed = set(re.findall(r"`(\w+)", text)) | set(re.findall(r"(\w+)\(", text))
    macros = {name for name, macro in builtin_macros().items() if macro.__module__ not in OLD}
    assert macros - listed == set()


OLD = {"optserve.primitives.constants", "optserve.primitives.loops"}
