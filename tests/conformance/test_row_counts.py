"""Every primitive on every backend at row counts around the size of a block, compiled together.

Densities are left out: all that they are made of is here, and ``test_backends`` has each alone.
"""

from __future__ import annotations

import pytest

from optserve.backends import llvm
from optserve.backends.numpy import numpy_backend
from optserve.testing.together import check_row_counts, pieces
from tests.conformance.native import ALL, only_native, parted
from tests.conftest import TILE

COUNTS = (0, 1, TILE - 1, TILE, TILE + 1, 5 * TILE + 3)

pytestmark = pytest.mark.usefixtures("small_tiles")
every_precision = pytest.mark.parametrize(
    "dtype", ["float64", pytest.param("float32", marks=pytest.mark.nightly)]
)


@every_precision
@pytest.mark.filterwarnings("ignore:Mean of empty slice", "ignore:invalid value")
def test_numpy(dtype: str) -> None:
    parts = list(pieces(ALL, dtype))
    assert check_row_counts(numpy_backend(2), parts, counts=COUNTS) == len(parts)


@every_precision
@pytest.mark.filterwarnings("ignore:Mean of empty slice", "ignore:invalid value")
def test_native_code(dtype: str, monkeypatch: pytest.MonkeyPatch) -> None:
    native, rest = parted(pieces(ALL, dtype), COUNTS[-1], monkeypatch)
    check_row_counts(llvm.llvm_backend(2), rest, counts=COUNTS)
    only_native(monkeypatch)
    assert check_row_counts(llvm.llvm_backend(2), native, counts=COUNTS) == len(native)
    assert len(native) > 250
