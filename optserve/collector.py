"""The collector of cycles, at rest while graphs are made.

A graph is many small objects that stay, and the collector walks all that there are again each time
their number has grown by a quarter: half of the time that a large graph takes to be made.
"""

from __future__ import annotations

import gc
from contextlib import contextmanager

TYPE_CHECKING = False  # that of `typing`, which takes longer to import than all the rest

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["at_rest"]


@contextmanager
def at_rest() -> Iterator[None]:
    """Within it nothing is collected that is part of a cycle; afterwards it is as it was.

    >>> with at_rest():
    ...     gc.isenabled()
    False
    """
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()
