"""Many primitives over the rows of one table, in one graph: a backend compiles it once for all.

Every primitive stands in it with its pullback, with every axis as rows that can be. So it can be
evaluated at any number of rows: none, one, as many as a block has, one less and one more.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass

import numpy as np

from optserve.backends.backend import Backend
from optserve.errors import DerivativeError, OptserveError
from optserve.graph.aval import Array, Aval, aval_of, is_float, resolve_shape
from optserve.graph.domain import Domain, real
from optserve.graph.graph import Graph
from optserve.graph.interpret import interpret
from optserve.graph.primitive import Primitive
from optserve.testing.cases import Case, cases, fail
from optserve.testing.rows import row_assignments
from optserve.transforms.derivative_check import equation_graph, pullback_graph

__all__ = ["Piece", "check_row_counts", "pieces", "together"]

ULPS = 32.0
"""The largest difference to ``interpret``, in units in the last place of an output's largest entry
(of 1, if that is larger): of values, of derivatives, and of sums over rows too."""


@dataclass(frozen=True)
class Piece:
    """One primitive with its pullback over any number of rows, and where its inputs may lie."""

    case: Case
    graph: Graph
    domains: tuple[Domain, ...]

    def arguments(self, rng: np.random.Generator, rows: int) -> list[Array]:
        """Inputs at so many rows."""
        found = []
        for variable, domain in zip(self.graph.inputs, self.domains, strict=True):
            shape = resolve_shape(variable.aval.shape, {"rows": rows})
            drawn = domain.sample(rng, shape, np.dtype(np.float64))
            found.append(np.asarray(drawn).astype(variable.aval.dtype))
        return found

    def smallest(self, counts: Sequence[int]) -> int | None:
        """The least of these row counts from which on it has a value."""
        found: int | None = None
        for rows in sorted(counts, reverse=True):
            try:
                with np.errstate(all="ignore"):
                    interpret(self.graph, *self.arguments(np.random.default_rng(0), rows))
            except (OptserveError, ValueError, IndexError):  # such as the largest of no rows
                return found
            found = rows
        return found


def pieces(
    primitives: Iterable[Primitive], dtype: str = "float64", *, rows: bool = True
) -> Iterator[Piece]:
    """Each primitive in every form that has rows, or in those without, in floats of ``dtype``."""
    for primitive in primitives:
        for case in cases(primitive):
            domains = case.domains or primitive.domains(len(case.operands))
            without = [((), [*map(aval_of, case.operands)], case.attributes)]
            for _, avals, attributes in row_assignments(case) if rows else without:
                cast = [
                    Aval(aval.shape, np.dtype(dtype)) if is_float(aval.dtype) else aval
                    for aval in avals
                ]
                graph = equation_graph(primitive, cast, attributes)
                with suppress(DerivativeError):  # there is only a value to compare
                    graph = pullback_graph(graph, values=True)
                more = (real,) * (len(graph.inputs) - len(domains))
                yield Piece(case, graph, (*domains, *more))


def together(parts: Sequence[Piece]) -> Graph:
    """Their graphs side by side."""
    return Graph(
        tuple(variable for part in parts for variable in part.graph.inputs),
        tuple(equation for part in parts for equation in part.graph.equations),
        tuple(atom for part in parts for atom in part.graph.outputs),
    )


def check_row_counts(
    backend: Backend,
    parts: Iterable[Piece],
    *,
    counts: Sequence[int] = (0, 1, 2, 9),
    seed: int = 0,
) -> int:
    """Raise ``AssertionError`` unless ``backend`` agrees with ``interpret`` at all row counts.

    All parts are compiled as one graph, those that have no value for no rows as another. Returns
    the number that were compared.

    >>> from optserve.backends.numpy import numpy_backend
    >>> from optserve.primitives.products import matmul
    >>> check_row_counts(numpy_backend(), pieces([matmul]))
    25
    """
    groups: dict[int, list[Piece]] = {}
    for part in parts:
        smallest = part.smallest(counts)
        if smallest is not None:
            groups.setdefault(smallest, []).append(part)
    for smallest, group in groups.items():
        compiled = backend.compile(together(group))
        for rows in counts:
            if rows < smallest:
                continue
            rng = np.random.default_rng(seed + rows)
            arguments = [part.arguments(rng, rows) for part in group]
            found = iter(compiled(*(value for own in arguments for value in own)))
            for part, own in zip(group, arguments, strict=True):
                with np.errstate(all="ignore"):
                    expected = interpret(part.graph, *own)
                _compare(backend, part, rows, [next(found) for _ in expected], expected)
    return sum(map(len, groups.values()))


def _compare(
    backend: Backend,
    part: Piece,
    rows: int,
    found: Sequence[Array],
    expected: Sequence[Array],
) -> None:
    for number, (have, want) in enumerate(zip(found, expected, strict=True)):
        given, wanted = np.asarray(have), np.asarray(want)
        bound = 0.0
        if is_float(wanted.dtype):
            finite = np.abs(wanted[np.isfinite(wanted)])
            bound = ULPS * float(np.finfo(wanted.dtype).eps) * float(np.max(finite, initial=1.0))
        alike = given.shape == wanted.shape and given.dtype == wanted.dtype
        if alike and np.allclose(given, wanted, rtol=0.0, atol=bound, equal_nan=True):
            continue
        fail(
            f"backend {backend.name}",
            f"output {number} disagrees with interpret at {rows} rows",
            at=f"{part.case}\n{part.graph}",
            found=f"{given} in place of {wanted}",
            remedy=f"agree to {bound:.1e}",
        )
