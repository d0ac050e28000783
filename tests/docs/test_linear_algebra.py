"""docs/linear_algebra.md lists every function of linear algebra."""

from __future__ import annotations

import re

from optserve.primitives.vocabulary import builtin_primitives
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
