"""Tracing in which NumPy's functions mean our primitives: what all floors above trace with.

>>> import numpy as np
>>> print(trace(lambda x: np.exp(x), 0.0).graph)
inputs  a:float64[]
  b:float64[] = exp a
outputs b
"""

from __future__ import annotations

from functools import partial

from optserve.graph import trace as tracing
from optserve.graph import verifier
from optserve.primitives.numpy_meaning import MEANING

__all__ = ["body_of", "new_trace", "result_avals", "run", "trace", "verify"]

run = partial(tracing.run, meaning=MEANING)
trace = partial(tracing.trace, meaning=MEANING)
new_trace = partial(tracing.Trace, MEANING)
body_of = partial(tracing.body_of, meaning=MEANING)
result_avals = partial(tracing.result_avals, meaning=MEANING)
verify = partial(verifier.verify, meaning=MEANING)
