"""What makes whole numbers that may not exist: 64 bits do not hold them, or they are not whole.

Native code cannot raise. A function notes that it failed, goes on with anything, and says so when
it returns; what it computed is void, and NumPy computes it again and says where it fails.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

from optserve.backends.llvm.builder import Builder, IRValue, constant, lanes_of
from optserve.backends.llvm.operations import convert, is_floating, select_zero

__all__ = ["CHECKED", "Checked"]

Checked = Callable[..., IRValue]
"""(builder, mask, *operands) -> result; lanes where the mask does not hold are not looked at."""

BEYOND = 2.0**63


def _unwrapped(b: Builder, mask: IRValue | None, exact: IRValue, rough: IRValue) -> IRValue:
    found, wanted = (convert(b, x, "double") for x in (exact, rough))
    off = b.intrinsic("fabs", b.binary("fsub", found, wanted))
    _hold(b, mask, b.compare("olt", off, constant(BEYOND, off.type)))
    return convert(b, exact, "i64")


def _integer(b: Builder, mask: IRValue | None, x: IRValue) -> IRValue:
    if not is_floating(x):
        return convert(b, x, "i64")
    whole = b.compare("oeq", b.intrinsic("rint", x), x)
    above = b.compare("oge", x, constant(-BEYOND, x.type))
    below = b.compare("olt", x, constant(BEYOND, x.type))
    held = b.binary("and", whole, b.binary("and", above, below))
    _hold(b, mask, held)
    return convert(b, select_zero(b, held, x), "i64")


def _hold(b: Builder, mask: IRValue | None, held: IRValue) -> None:
    """Fail where a condition does not hold in some lane that is in use."""
    bad = b.binary("xor", held, constant(True, held.type))
    if mask is not None and lanes_of(held.type) > 1:
        bad = b.binary("and", bad, mask)
    b.fail_where(bad)


CHECKED: Mapping[str, Checked] = MappingProxyType({"integer": _integer, "unwrapped": _unwrapped})
"""By the name of the primitive."""
