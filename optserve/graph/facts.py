"""``Facts``: what the floors above must know of a primitive beside its value and derivative.

They stand on the primitive, so that no floor knows a primitive by the spelling of its name, and
one that a plugin brings is treated as well as one of ours.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

from optserve.graph.leading import Batched

__all__ = ["NOTHING", "AtInfinity", "Facts", "Labels"]

Labels = tuple[list[str], str]
"""A sum of products in the letters of einsum: those of each operand, and those of the result."""

AtInfinity = Literal["saturates", "grows", "creeps"]
"""What a function makes of an infinite operand: see ``Facts``."""


@dataclass(frozen=True)
class Facts:
    """All of them are optional; the defaults promise nothing.

    ``moves`` says that the result holds entries of the operands, and that nothing is computed.
    ``picks`` says that its operand of whole numbers are positions in the other, of which one out of
    range gives NaN, and nothing else does. ``fresh`` says that ``impl`` always returns memory of
    its own, never a view of an operand; of a ufunc that is known. ``makes_rows`` says that it may
    give a table's rows where no operand has them. ``linear`` lists groups of operands in which an
    elementwise primitive is jointly linear, the others being held.

    ``counts`` says that truth values are numbers in it, 0 and 1, and ``wraps`` that 64 bits may be
    too few for what it makes of whole numbers. Expressions see to both.

    ``contraction(*avals, **attributes)`` gives the ``Labels`` of a sum of products; an axis that is
    broadcast has a letter of its own, which the result leaves out.

    ``strict`` says that ``impl`` raises wherever the shape rule does, so that a result tells its
    own aval; of a ufunc that is known.

    ``lapack`` says that ``impl`` calls BLAS or LAPACK, which then run on one thread.

    ``batched`` says how it is applied where operands have one more axis in front (see
    ``optserve.graph.leading``). What is elementwise, or a sum of products, needs none.

    ``stable_body`` is a body over other primitives that is as accurate as ``impl``, for backends
    that have no code of their own for it: of a reduction, where each axis that is reduced has
    entries and none is a table's rows.

    ``overflows`` says that finite operands may give an infinite value, by growth and not at a pole.
    ``at_infinity`` says what becomes of an infinite operand. ``grows``: the result is infinite too.
    ``saturates``: it may be finite, and then no longer depends on the operand. ``creeps``: it is
    infinite in theory, but grows so slowly that an overflow is far from infinity to it, as for log.
    Linear primitives and those that select grow, whatever they say.

    ``jumps_at(*operands, **attributes)`` gives what has another sign on the two sides of where it,
    or its derivative, jumps; it is ``"nowhere"`` of what does so only as its operands do. An end of
    a descent that is far from all of these is not examined beside kinks.

    ``remedy`` says what to do where a value that it gives is not finite, ``derivative_remedy``
    where its derivative is not.

    ``units`` are pairs of an operand's number and a value of it with which the result is the other
    operand, to the bit; ``only_aval`` says that nothing but the aval may change.

    ``draws(random, *parameters)`` draws, by a NumPy ``Generator``, values of which this is the log
    density: one for each entry of the parameters, which are all of one shape. It makes them a
    random term of expressions that draw data; parameters that it takes by their names alone must
    be named there, as `rate` where NumPy's method of that name takes a scale.

    ``cost`` is the time that an entry takes, in additions, and ``large_code`` says that native code
    for it is long: a loop, or several polynomials. Both serve predictions only.
    """

    moves: bool = False
    picks: bool = False
    fresh: bool = False
    makes_rows: bool = False
    linear: tuple[frozenset[int], ...] = ()
    counts: bool = False
    wraps: bool = False
    contraction: Callable[..., Labels] | None = None
    strict: bool = False
    lapack: bool = False
    batched: Batched | None = None
    stable_body: Callable[..., Any] | None = None
    overflows: bool = False
    at_infinity: AtInfinity = "saturates"
    jumps_at: Callable[..., tuple[Any, ...]] | Literal["nowhere"] | None = None
    remedy: str = ""
    derivative_remedy: str = ""
    units: tuple[tuple[int, float], ...] = ()
    only_aval: bool = False
    draws: Callable[..., Any] | None = None
    cost: float = 1.0
    large_code: bool = False


NOTHING = Facts()
"""What is known of a primitive of which nobody says more."""
