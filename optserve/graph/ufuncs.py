"""Which primitives contributed ufuncs become on traced values, such as ``scipy.special.jv``."""

from __future__ import annotations

from typing import Final

import numpy as np

from optserve.errors import TraceError
from optserve.graph.primitive import Primitive

__all__ = ["CONTRIBUTED", "Contributed"]


class Contributed:
    """Ufuncs that NumPy itself does not have, each with the primitive that it becomes.

    A primitive is noted when it is made, so importing a package of primitives is enough. NumPy's
    own ufuncs have their meaning from ``Meaning``.
    """

    def __init__(self) -> None:
        self._of: dict[np.ufunc, list[Primitive]] = {}

    def note(self, primitive: Primitive) -> None:
        """Note the ufunc that ``primitive`` means, if there is one that people may write."""
        means = primitive.call.means
        if means is not None and not primitive.call.internal:
            self._of.setdefault(means, []).append(primitive)

    def primitive(self, ufunc: np.ufunc) -> Primitive | None:
        """The primitive that ``ufunc`` becomes; ``None`` where nothing was contributed for it.

        Raises ``TraceError`` where several primitives claim it.
        """
        found = self._of.get(ufunc, [])
        if len(found) > 1:
            names = " and ".join(one.name for one in found)
            raise TraceError(
                f"'{ufunc.__name__}' of traced values may mean {names}",
                remedy="call the one that you mean by its own name",
            )
        return found[0] if found else None


CONTRIBUTED: Final = Contributed()
"""Those of this process."""
