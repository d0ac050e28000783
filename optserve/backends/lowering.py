"""``Lowering``: how native code computes one primitive.

Backends find it by the primitive itself, never by its name, and plugins contribute it through the
hook ``optserve_lowerings``.

>>> from optserve.primitives.constructors import opaque
>>> cube = opaque("cube", lambda x: x**3, shape=lambda x: x)
>>> Lowering(cube, lambda x: x * x * x).name
'cube'
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from optserve.graph.primitive import Primitive

__all__ = ["Attributes", "Lowering"]

Attributes = Mapping[str, Any]
"""What an equation says beside its operands, by name."""

Form = Callable[..., Any]


@dataclass(frozen=True, eq=False)
class Lowering:
    """Native code for ``primitive``, in one form or in several; what no form covers runs on NumPy.

    ``formula(*operands, **attributes)`` is for a primitive that computes entry by entry on floats.
    It is called once, while the code is written, on values that stand for lanes of numbers: ``+``,
    ``-``, ``*``, ``/``, ``abs`` and comparisons write instructions, and so do the methods and
    functions of ``optserve.backends.llvm.mathematics.lanes``. It must give what the primitive
    gives; ``optserve.testing.check_backend`` compares them.

    The other forms are those of optserve's own lowerings, in ``optserve/backends/llvm/lowerings/``:

    - ``entries(site, *operands)``: one entry, or lanes of them, as an ``IRValue``; ``function``
      says that the code of it is long;
    - ``registers(b, equation, operands)``: a small value, each entry in a register;
    - ``view(view, attributes, shape)``: another view of the memory of the operand, ``None`` where
      that has to be packed first; in memory and in rows;
    - ``loops(w, attributes, views, target)``: the loops that make a value in memory from others;
    - ``memory(frame, equation)``: a value in memory, as a ``View``, in any other way;
    - ``within(attributes, carried)``: the attributes with which ``loops`` make it row by row, in
      the body of a pass; ``carried`` are the row axes of the operands, and ``None`` says that they
      cannot;
    - ``rows(body, equation)``: a value of each row in the body of a pass, where they cannot;
    - ``control(frame, equation)``: whatever it defines itself.
    """

    primitive: Primitive
    formula: Form | None = None
    entries: Form | None = None
    registers: Form | None = None
    view: Form | None = None
    loops: Form | None = None
    within: Form | None = None
    memory: Form | None = None
    rows: Form | None = None
    control: Form | None = None
    function: bool = False

    @property
    def name(self) -> str:
        """The primitive's, under which the registry lists it."""
        return self.primitive.name
