"""The collector of cycles, at rest while graphs are made, and while a command starts.

A graph is many small objects that stay, and the collector walks all that there are again each time
their number has grown by a quarter: half of the time that a large graph takes to be made. So are
modules and their classes: a tenth of the time that a small job takes from its start to its end.
"""

from __future__ import annotations

import gc
from contextlib import contextmanager

TYPE_CHECKING = False  # that of `typing`, which takes longer to import than all the rest

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["at_rest"]


@contextmanager
def at_rest(*, stays: bool = False) -> Iterator[None]:
    """Within it nothing is collected that is part of a cycle; afterwards it is as it was.

    With ``stays``, whatever there is at the end stays as long as the process does, and is never
    walked again: for the start of a command.

    >>> with at_rest():
    ...     gc.isenabled()
    False
    """
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if stays:
            gc.freeze()
        if enabled:
            gc.enable()
