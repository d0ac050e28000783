"""``straight_line``: a small graph as one Python function, which computes what ``interpret`` does.

A pullback is a handful of equations on small arrays: what it takes to walk over them would cost
more than they do. So the function is written out, as ``dataclass`` writes out its methods: a line
an equation, with nothing in between.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from optserve.graph.graph import Atom, Graph, Literal
from optserve.graph.primitive import Value
from optserve.primitives.sums import broadcast_to

__all__ = ["straight_line"]


def straight_line(graph: Graph, give: list[int | None]) -> Callable[..., tuple[Any, ...]]:
    """A function of the inputs of ``graph`` that gives a tuple: for each entry of ``give`` the
    output of that number, or ``None``.

    >>> import numpy as np
    >>> from optserve.primitives.tracing import trace
    >>> traced = trace(lambda x, y: (np.sin(x) * y, y), 1.0, 1.0)
    >>> straight_line(traced.graph, [0, None, 1])(np.float64(0.0), np.float64(2.0))
    (np.float64(0.0), None, np.float64(2.0))
    """
    names: dict[Atom, str] = {}
    known: dict[str, Any] = {}

    def named(atom: Atom) -> str:
        if atom not in names:
            names[atom] = f"v{len(names)}"
            if isinstance(atom, Literal):
                known[names[atom]] = atom.value
        return names[atom]

    lines = [f"def computed({', '.join(map(named, graph.inputs))}):"]
    for number, equation in enumerate(graph.equations):
        does = _spread if equation.primitive is broadcast_to else equation.primitive.evaluate
        known[f"f{number}"] = partial(does, **equation.attributes) if equation.attributes else does
        results = ", ".join(map(named, equation.results))
        operands = ", ".join(map(named, equation.operands))
        lines.append(f"    {results} = f{number}({operands})")
    given = ["None" if one is None else named(graph.outputs[one]) for one in give]
    lines.append(f"    return ({''.join(f'{one}, ' for one in given)})")
    exec("\n".join(lines), known)
    computed: Callable[..., tuple[Any, ...]] = known["computed"]
    return computed


def _spread(x: Value, *, shape: tuple[int, ...]) -> Value:
    """What ``np.broadcast_to`` gives, in memory of its own: of a few numbers that is quicker."""
    spread = np.empty(shape, x.dtype)
    spread[...] = x
    return spread
