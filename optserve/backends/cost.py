"""How long a job would take on each backend, predicted from its graph and its sizes alone.

The prediction decides what ``auto`` chooses. It is no better than it has to be: near the point
where two backends take the same time a wrong choice costs little, so that factors of 1.3 do.
``python -m benchmarks auto`` holds it against measurements; its docstring says how the constants
were found.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import inf, prod

import numpy as np

from optserve.graph.aval import Aval, resolve_shape
from optserve.graph.dim import Dim, resolve_size
from optserve.graph.graph import Equation, Graph, Literal
from optserve.primitives.arithmetic import power, square
from optserve.primitives.comparisons import where
from optserve.primitives.indexing import take

__all__ = ["Demand", "Estimate", "demand_of", "duration", "native_estimate", "numpy_estimate"]

GRADIENT = 3.0
"""A loss with its gradient takes as long as this many losses; the theory says at most 4."""

NUMPY_SETUP = 0.5e-3
"""Seconds to plan one equation of the loss on NumPy."""
NUMPY_CALL = 0.8e-6
"""Seconds that a call of NumPy takes beside its work; an equation makes one a tile."""
NUMPY_ENTRY = 0.10e-9
"""Seconds an entry of an addition, in tiles, on the threads of an ordinary machine."""
NUMPY_CHOICE = 2e-9
"""Seconds an entry takes besides that is one of two: NumPy branches, and signs that change from row
to row are foreseen by no processor."""
NUMPY_BYTE = 0.03e-9
"""Seconds a byte that a product of matrices reads."""
NUMPY_TERM = 0.012e-9
"""Seconds a multiplication and addition of a product of matrices."""
NUMPY_GROUPED_TERM = 0.3e-9
"""The same of many small products at once, each a call of its own inside NumPy."""
NUMPY_COORDINATE = 5e-9
"""Seconds a step takes a free coordinate besides: the method's moments, a vector at a time."""

NATIVE_IMPORT = 55e-3
"""Seconds to import the code generator, to set it up for this processor and to compile the code of
a descent."""
NATIVE_SETUP = 1.5e-3
"""Seconds to compile one equation of the loss with its derivatives."""
NATIVE_LARGE_SETUP = 75e-3
"""The same for an equation that becomes much code: loops, or polynomials by the dozen."""
NATIVE_PASS_SETUP = 30e-3
"""Seconds to compile what passes over rows have besides: lanes, blocks, sums of chunks."""
NATIVE_CALL = 6e-6
"""Seconds that a call takes beside its work: its operands are found and its results combined."""
NATIVE_ENTRY = 0.022e-9
"""Seconds an entry of an addition, fused with others into one loop."""
NATIVE_BYTE = 0.008e-9
"""Seconds a byte that a product reads, in the same loop as what it is made of."""
NATIVE_TERM = 0.014e-9
"""Seconds a multiplication and addition of a product: small ones in tiles, large ones by BLAS."""
NATIVE_GROUPED_TERM = 0.05e-9
"""The same of many small products at once."""
NATIVE_STEP = 3e-9
"""Seconds an equation takes beside its entries, in code that has no Python between."""
NATIVE_COORDINATE = 3e-9
"""Seconds a step takes a free coordinate besides: the method's moments, in one loop."""

STEP = 8e-6
"""Seconds that the descent itself takes a step: stopping tests, history, the best point."""


@dataclass(frozen=True)
class Demand:
    """What a job asks of a backend.

    Of one evaluation of the loss: ``calls`` (equations, those of a loop once a step, and as many
    for one that is written out as it takes additions), ``entries`` (of all values, each times what
    it takes in additions), ``chosen`` (those that are one of two), ``read`` (bytes that products of
    matrices read), ``terms`` (their multiplications) and ``grouped`` (those of many small
    products at once). ``equations`` are written in the graph,
    ``large`` of them become much code; ``rows`` tells whether any of them has rows to go through.
    ``evaluations`` is how often loss and gradient are expected to be evaluated, by a method that
    moves so many ``coordinates``; ``traced`` tells whether its step is one graph, so that a backend
    may take many in a loop. The job may take so many seconds as are its ``limit``.
    """

    equations: int
    large: int
    rows: bool
    calls: int
    entries: float
    read: float
    terms: float
    grouped: float
    chosen: float = 0.0
    evaluations: int = 1
    coordinates: int = 0
    traced: bool = False
    limit: float = inf


@dataclass(frozen=True)
class Estimate:
    """Seconds until the first evaluation and seconds an evaluation; ``seconds`` is all of it."""

    backend: str
    setup: float
    each: float
    evaluations: int

    @property
    def seconds(self) -> float:
        return self.setup + self.each * self.evaluations


def demand_of(
    graph: Graph,
    rows: Mapping[str, int],
    *,
    evaluations: int = 1,
    coordinates: int = 0,
    traced: bool = False,
) -> Demand:
    """The demand of a loss, where tables have these numbers of ``rows``.

    >>> import numpy as np
    >>> from optserve.primitives.tracing import trace
    >>> x = np.ones((100, 3))
    >>> traced = trace(lambda x, w: np.sum(np.exp(x @ w)), x, x[0])
    >>> demand = demand_of(traced.graph, {})
    >>> demand.equations, demand.entries, demand.terms, demand.read
    (3, 500.0, 300.0, 2424.0)
    """
    totals = [0, 0, 0, 0.0, 0.0, 0.0, 0.0, 0.0]
    for equation in graph.equations:
        bodies = [value for value in equation.attributes.values() if isinstance(value, Graph)]
        times = resolve_size(equation.attributes.get("length", 1), rows)
        parts = [_totals(demand_of(body, rows), times) for body in bodies]
        for part in parts or [_one(equation, rows)]:
            totals = [total + more for total, more in zip(totals, part, strict=True)]
    equations, large, calls, entries, read, terms, grouped, chosen = totals
    any_rows = any(isinstance(size, Dim) for v in graph.inputs for size in v.aval.shape)
    return Demand(
        int(equations),
        int(large),
        any_rows,
        int(calls),
        entries,
        read,
        terms,
        grouped,
        chosen,
        evaluations,
        coordinates,
        traced,
    )


def _totals(body: Demand, times: int) -> list[float]:
    """What a loop over ``body`` comes to; its code is written once."""
    work = [body.calls, body.entries, body.read, body.terms, body.grouped, body.chosen]
    return [body.equations, body.large, *(times * part for part in work)]


def _one(equation: Equation, rows: Mapping[str, int]) -> list[float]:
    """Of one equation: equations, large ones, calls, entries, bytes read, terms, grouped terms, and
    entries that are chosen."""
    primitive, facts = equation.primitive, equation.primitive.facts
    own = [_size(atom.aval, rows) for atom in equation.operands]
    made = sum(_size(variable.aval, rows) for variable in equation.results)
    large = int(facts.large_code)
    if facts.contraction is not None:
        widths = [atom.aval.dtype.itemsize for atom in equation.operands]
        read = sum(size * width for size, width in zip(own, widths, strict=True))
        terms, grouped = _terms(equation, rows)
        return [1, large, 1, 0.0, read, *((0, terms) if grouped else (terms, 0)), 0.0]
    cost = facts.cost
    if primitive is power and isinstance(equation.operands[1], Literal):
        cost = square.facts.cost if equation.operands[1].value == 2 else cost
    if primitive is take:  # the table is not read but for the entries that are taken
        return [1, large, 1, cost * made + own[0], 0.0, 0, 0, 0.0]
    written_out = primitive.body is not None and not isinstance(primitive.impl, np.ufunc)
    calls = max(1, int(cost)) if written_out and primitive is not where else 1
    chosen = made if written_out and primitive.derivative.selects else 0.0
    return [1, large, calls, cost * max(made, *own, 0), 0.0, 0, 0, chosen]


def numpy_estimate(demand: Demand) -> Estimate:
    """Tiled NumPy: no setup to speak of, a call an equation."""
    each = GRADIENT * (
        NUMPY_CALL * demand.calls
        + NUMPY_ENTRY * demand.entries
        + NUMPY_CHOICE * demand.chosen
        + NUMPY_BYTE * demand.read
        + NUMPY_TERM * demand.terms
        + NUMPY_GROUPED_TERM * demand.grouped
    )
    each += STEP + NUMPY_COORDINATE * demand.coordinates
    return Estimate("numpy", NUMPY_SETUP * demand.equations, each, demand.evaluations)


def native_estimate(demand: Demand, *, loops: bool) -> Estimate:
    """Native code that nobody has compiled before; with ``loops`` the steps of a traced method need
    no Python between them.

    Whether object code is on disk makes no difference: a second run would then choose another
    backend than the first.
    """
    each = GRADIENT * (
        NATIVE_STEP * demand.calls
        + NATIVE_ENTRY * demand.entries
        + NATIVE_BYTE * demand.read
        + NATIVE_TERM * demand.terms
        + NATIVE_GROUPED_TERM * demand.grouped
    )
    each += NATIVE_COORDINATE * demand.coordinates
    if not (loops and demand.traced):
        each += STEP + NATIVE_CALL
    setup = NATIVE_IMPORT + NATIVE_SETUP * demand.equations + NATIVE_LARGE_SETUP * demand.large
    if demand.rows:
        setup += NATIVE_PASS_SETUP
    return Estimate("llvm", setup, each, demand.evaluations)


def _size(aval: Aval, rows: Mapping[str, int]) -> int:
    return prod(resolve_shape(aval.shape, rows))


def _terms(equation: Equation, rows: Mapping[str, int]) -> tuple[int, bool]:
    """The multiplications of a sum of products, and whether it is many, one an entry of leading
    axes."""
    labels, result = equation.labels
    sizes: dict[str, int] = {}
    for label, atom in zip(labels, equation.operands, strict=True):
        sizes.update(zip(label, resolve_shape(atom.aval.shape, rows), strict=True))
    return prod(sizes.values()), any(all(one in label for label in labels) for one in result)


def duration(seconds: float) -> str:
    """A predicted time, to two digits.

    >>> duration(7.6e-9), duration(0.00843), duration(0.0123), duration(2.46), duration(3600.0)
    ('7.6 ns', '8.4 ms', '12 ms', '2.5 s', '3600 s')
    """
    scale, unit = next(
        (scale, unit)
        for scale, unit in ((1.0, "s"), (1e-3, "ms"), (1e-6, "us"), (1e-9, "ns"))
        if seconds >= scale or unit == "ns"
    )
    value = seconds / scale
    return f"{value:.{1 if value < 9.95 else 0}f} {unit}"
