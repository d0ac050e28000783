"""Reverse mode over what was just computed: one walk back over the operations, on their values.

It is what ``reverse`` does with a graph whose values are known, without the graph. It knows nothing
of overflow, and of no primitive that is not ours: where a cotangent is not finite at the end, or
such a primitive was met, it gives nothing, and the graph is asked, as it is where values are traced
themselves. As every pullback is linear, nothing that the graph would tell apart is missed: what
``overflow`` mends is 0 times infinity or infinite, and neither becomes finite again.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from optserve.graph.graph import Atom
from optserve.graph.made import Made
from optserve.graph.primitive import Value
from optserve.graph.trace import Trace
from optserve.graph.tracer import Tracer
from optserve.transforms.pullbacks import pullback_at
from optserve.transforms.reverse import pulled, value_and_pull
from optserve.transforms.rules import Cotangents, fitted

__all__ = ["pulled_back"]


def pulled_back(
    trace: Trace, outputs: Sequence[Tracer], cotangents: Sequence[Value | None]
) -> Cotangents | None:
    """The cotangents of the inputs of ``trace``; ``None`` where the graph must be asked."""
    if trace.nested:
        return None
    found: dict[Atom, Value] = {}
    masked: set[Atom] = set()
    for output, ct in zip(outputs, cotangents, strict=True):
        if isinstance(ct, Tracer):
            return None
        if ct is not None and output.varies:
            before = found.get(output.atom)
            found[output.atom] = ct if before is None else before + ct
    for made in reversed(trace.made):
        results = made.results
        ct = found.pop(results[0].atom, None)
        if len(results) == 1:  # the usual case
            if ct is None:
                continue
            cts = [ct]
            is_masked = results[0].atom in masked
        else:
            cts = [ct, *(found.pop(result.atom, None) for result in results[1:])]
            if all(one is None for one in cts):
                continue
            is_masked = any(result.atom in masked for result in results)
        kept = pullback_at(made, is_masked)
        pullback = kept.pullback if kept.tried else kept.at(made, is_masked)
        if pullback is not None:
            known = [one.known_value for one in made.operands]
            back: Sequence[Value | None] = pullback(ct, results[0].known_value, *known)
        elif kept.is_foreign:
            return None
        else:
            back = _as_stated(made, cts, is_masked)
        selects = is_masked or kept.selects
        for operand, one in zip(made.operands, back, strict=True):
            if one is not None:
                atom = operand.atom
                before = found.get(atom)
                found[atom] = one if before is None else before + one
                if selects:
                    masked.add(atom)
    gradients = tuple([found.get(variable) for variable in trace.inputs])
    for gradient in gradients:
        if gradient is not None and not _is_finite(gradient):
            return None
    return gradients


def _as_stated(made: Made, cts: list[Value | None], masked: bool) -> Sequence[Value | None]:
    """The cotangents of the operands of one operation, by its rule as it stands."""
    _, pull = value_and_pull(
        made.primitive,
        [one.known_value for one in made.operands],
        dict(made.attributes),
        wanted=[one.varies for one in made.operands],
        known=[one.known_value for one in made.results],
    )
    back = pulled(pull, tuple(cts), masked, made.primitive.name)
    return [
        None if ct is None or not one.varies else fitted(ct, one.aval)
        for one, ct in zip(made.operands, back, strict=True)
    ]


def _is_finite(value: Any) -> bool:
    """Whether all entries are; of very large ones it may say that they are not."""
    total = np.add.reduce(value, axis=None) if value.ndim else value
    return bool(total - total == 0.0)
