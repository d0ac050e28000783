"""Every combination of dtypes that the operands of a primitive may have, compiled together.

What a primitive is given has been promoted, as a trace does it: a combination that it is not
defined for is left out. Values are drawn where dtypes differ most: zeros of both signs, NaN and
infinities, the largest and the smallest whole numbers.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from optserve.backends.backend import Backend
from optserve.errors import OptserveError
from optserve.graph.aval import Array, Aval, DType, precision_of
from optserve.graph.domain import Domain, boolean, integer, real
from optserve.graph.graph import Graph
from optserve.graph.primitive import Primitive
from optserve.primitives.tracing import trace
from optserve.primitives.vocabulary import builtin_primitives
from optserve.testing.cases import Case, cases
from optserve.testing.rows import row_assignments
from optserve.testing.together import Piece, check_row_counts

__all__ = ["COUNTS", "DTYPES", "check_dtypes", "mixtures"]

DTYPES: Sequence[DType] = tuple(map(np.dtype, ("bool", "int64", "float32", "float64")))

COUNTS = (9, 33)
"""Rows at which they are compared."""

_WHOLE = (0, 1, -1, 2, 7, -3, 2**40, -(2**63), 2**63 - 1)
_REAL = (0.0, -0.0, 1.0, np.nan, np.inf, -np.inf, 2.5, -1.5, 2.0)


@dataclass(frozen=True)
class _Picked(Domain):
    """Any of some values."""

    values: tuple[Any, ...] = ()

    def sample(self, rng: np.random.Generator, shape: tuple[int, ...], dtype: DType) -> Array:
        return np.asarray(rng.choice(np.asarray(self.values), shape))


def check_dtypes(
    backend: Backend, primitives: Iterable[Primitive] | None = None, *, seed: int = 0
) -> int:
    """Raise ``AssertionError`` unless ``backend`` agrees with ``interpret`` whatever the dtypes.

    Each primitive (by default every built-in one) is evaluated with each operand in each of
    ``DTYPES`` (a composite of three operands and more in fewer combinations); all are compiled as
    one graph. Returns the number of combinations.

    >>> from optserve.backends.numpy import numpy_backend
    >>> from optserve.primitives.comparisons import maximum
    >>> check_dtypes(numpy_backend(), [maximum])
    16
    """
    found = mixtures(builtin_primitives() if primitives is None else primitives)
    return check_row_counts(backend, found, counts=COUNTS, seed=seed)


def mixtures(primitives: Iterable[Primitive]) -> Iterator[Piece]:
    """Each primitive once for each combination of dtypes that it is defined for."""
    for primitive in primitives:
        if primitive.call.internal:
            continue
        for case, avals, attributes in _forms(primitive):
            domains = case.domains or primitive.domains(len(avals))
            for dtypes in _combinations(primitive, len(avals)):
                if any(map(_is_structure_of_whole_numbers, domains, dtypes)):
                    continue
                mixed = [Aval(aval.shape, dtype) for aval, dtype in zip(avals, dtypes, strict=True)]
                try:
                    graph = _graph(primitive, mixed, attributes)
                except OptserveError:  # it says itself what it is not defined for
                    continue
                drawn = [
                    _domain(primitive, domain, dtype)
                    for domain, dtype in zip(domains, dtypes, strict=True)
                ]
                yield Piece(case, graph, tuple(drawn))


def _combinations(primitive: Primitive, count: int) -> Iterator[tuple[DType, ...]]:
    """All of them; of a composite of many operands, whose parts are tested in all, or of what is
    called out to, those that occur in a loss: one precision, and a whole number under floats."""
    if primitive.kind not in ("composite", "opaque") or count < 3:
        yield from itertools.product(DTYPES, repeat=count)
        return
    whole, *floats = DTYPES[1:]
    for one in floats:
        yield (one,) * count
        yield whole, *(one,) * (count - 1)


def _forms(primitive: Primitive) -> Iterator[tuple[Case, list[Aval], dict[str, Any]]]:
    """A primitive over rows: of an elementwise one, one form; of others, one for each number of
    operands and choice of those with rows."""
    seen: set[tuple[object, ...]] = set()
    for case in cases(primitive):
        for carried, avals, attributes in row_assignments(case):
            kind = len(avals), tuple(axis is None for axis in carried)
            if kind not in seen and not (seen and primitive.kind == "elementwise"):
                seen.add(kind)
                yield case, avals, attributes


def _graph(primitive: Primitive, avals: Sequence[Aval], attributes: dict[str, Any]) -> Graph:
    traced = trace(
        lambda *operands: primitive.bind(*operands, **attributes),
        *avals,
        precision=precision_of(avals),
    )
    return traced.graph


def _is_structure_of_whole_numbers(domain: Domain, dtype: DType) -> bool:
    """What has to be sorted or positive definite is drawn in floats."""
    return domain.structure is not None and dtype.kind != "f"


def _domain(primitive: Primitive, domain: Domain, dtype: DType) -> Domain:
    """Where an operand is drawn from in a dtype; anywhere, if the primitive is defined there."""
    if dtype.kind == "b":
        return boolean
    anywhere = primitive.kind == "elementwise" and domain in (real, boolean)
    if anywhere:
        return _Picked("any number", values=_WHOLE if dtype.kind == "i" else _REAL)
    if dtype.kind == "i" and domain.kind != "i":
        return integer(int(np.ceil(max(domain.low, -3.0))), int(min(domain.high, 5.0)))
    return domain
