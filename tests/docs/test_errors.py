"""docs/errors.md has every code; that its examples are true is held by running them."""

from __future__ import annotations

import re

from optserve import errors
from optserve.errors import OptserveError
from tests.architecture.house import sources
from tests.docs.session import ROOT


def test_every_code_is_told() -> None:
    kinds = [kind for kind in vars(errors).values() if isinstance(kind, type)]
    of_classes = {kind.code for kind in kinds if issubclass(kind, OptserveError)} - {"error"}
    given = {
        code
        for source in sources()
        for code in re.findall(r"\bcode=\"([a-z-]+)\"", source.path.read_text(encoding="utf-8"))
    }
    page = (ROOT / "docs" / "errors.md").read_text(encoding="utf-8")
    assert set(re.findall("^## `(.*)`$", page, re.MULTILINE)) == of_classes | given
