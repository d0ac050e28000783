"""Every primitive in native code at the shapes of its examples, many compiled together.

``test_row_counts`` has each over the rows of a table, ``test_backends`` densities and each alone.
"""

from __future__ import annotations

import pytest

from optserve.backends import llvm
from optserve.testing.together import check_row_counts, pieces
from tests.conformance.native import ALL

SHARES = 6


@pytest.mark.parametrize("share", range(SHARES))
@pytest.mark.filterwarnings("ignore:invalid value", "ignore:divide by zero")
def test_native_code(share: int, tmp_path: object, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPTSERVE_CACHE_DIR", str(tmp_path))
    own = ALL[share::SHARES]
    for dtype in ("float64", "float32"):
        parts = list(pieces(own, dtype, rows=False))
        assert len(parts) >= len(own)
        assert check_row_counts(llvm.llvm_backend(1), parts, counts=(1,)) == len(parts)
