"""Every elementwise primitive that runs natively, by name."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from optserve.backends.llvm.mathematics import FUNCTIONS
from optserve.backends.llvm.operations import OPERATIONS, Operation

__all__ = ["INSTRUCTIONS"]

INSTRUCTIONS: Mapping[str, Operation] = MappingProxyType({**OPERATIONS, **FUNCTIONS})
