"""Every primitive on every backend in every combination of dtypes, compiled together.

Densities are left out: all that they are made of is here.
"""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from optserve.backends import llvm
from optserve.backends.numpy import numpy_backend
from optserve.graph.primitive import Primitive
from optserve.testing import check_dtypes
from optserve.testing.dtypes import COUNTS, mixtures
from optserve.testing.together import check_row_counts
from tests.conformance.native import EACH_SHARE, only_native, parted

pytestmark = [
    pytest.mark.usefixtures("small_tiles"),
    pytest.mark.filterwarnings("ignore:invalid value", "ignore:divide by zero"),
]


@EACH_SHARE
def test_numpy(primitives: Sequence[Primitive]) -> None:
    assert check_dtypes(numpy_backend(1), primitives) > len(primitives)


@EACH_SHARE
def test_native_code(primitives: Sequence[Primitive], monkeypatch: pytest.MonkeyPatch) -> None:
    native, rest = parted(mixtures(primitives), COUNTS[-1], monkeypatch)
    assert check_row_counts(llvm.llvm_backend(1), rest, counts=COUNTS) == len(rest)
    only_native(monkeypatch)
    assert check_row_counts(llvm.llvm_backend(1), native, counts=COUNTS) == len(native)
    assert len(native) > len(primitives)
