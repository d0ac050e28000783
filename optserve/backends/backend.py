"""What a backend is: a name, and a function that turns a graph into a callable."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from optserve.backends.cost import Demand, Estimate
from optserve.backends.lowering import Lowering
from optserve.graph.graph import Equation, Graph

__all__ = ["Backend", "CalledOut", "Compiled"]

Compiled = Callable[..., tuple[Any, ...]]
"""Takes one array an input of the graph, gives one array an output. It never keeps or changes an
argument, and the arrays it returns belong to the caller."""


@dataclass(frozen=True)
class CalledOut:
    """The ``equations`` of a graph that a backend hands to NumPy, ``of`` so many in all.

    Equations in the bodies of loops and passes are counted, as they are after primitives without a
    native form were written out.
    """

    equations: tuple[Equation, ...]
    of: int


def _no_loop(graph: Graph) -> Compiled | None:
    del graph
    return None


def _nothing() -> None:
    """Nothing to check."""


@dataclass(frozen=True)
class Backend:
    """A way to evaluate graphs.

    ``compile(graph)`` may take its time; the callable it returns is called many times, with any
    number of rows. Every backend passes one conformance suite, which compares it with
    ``interpret``.

    ``loop(graph)`` compiles a graph whose work is a ``scan`` of many cheap steps, where the backend
    can do so with next to no cost a step, and is ``None`` for a graph where it cannot. A backend
    without it has the steps taken one by one.

    ``threads`` is how many it shares rows among; ``on_threads(count)`` is the same backend on
    another number, and ``None`` where that is not for the caller to say.
    ``with_lowerings`` is the same backend with native code from plugins; ``None`` where it has no
    use for that.

    ``predict`` tells how long a job would take; ``auto`` chooses among the backends that have it.
    ``needs`` are modules without which it cannot compute, and ``check`` raises ``ImportError`` or
    ``OSError`` where one of them is broken: another backend then computes in its place.

    ``called_out(compiled, rows)`` tells what a callable that ``compile`` made hands to NumPy where
    tables have so many rows; a backend without it has nothing to tell.
    """

    name: str
    compile: Callable[[Graph], Compiled]
    doc: str = ""
    loop: Callable[[Graph], Compiled | None] = _no_loop
    threads: int = 1
    on_threads: Callable[[int], Backend] | None = None
    with_lowerings: Callable[[Sequence[Lowering]], Backend] | None = None
    predict: Callable[[Demand], Estimate] | None = None
    needs: tuple[str, ...] = ()
    check: Callable[[], None] = _nothing
    called_out: Callable[[Compiled, Mapping[str, int]], CalledOut] | None = None

    @property
    def has_loops(self) -> bool:
        """Whether it has loops of its own for cheap steps."""
        return self.loop is not _no_loop
