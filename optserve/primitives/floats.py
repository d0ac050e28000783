"""What numbers are made of: signs, exponents, bits, divisors.

None of it has a derivative; ``numpy_ufuncs`` says which of NumPy's functions are made of it.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from optserve.graph.domain import Domain, integer, real
from optserve.graph.primitive import Primitive
from optserve.primitives.constructors import elementwise

__all__ = ["bitwise_count", "exponent", "gcd", "lcm", "signbit"]


def _constant(name: str, function: Any, doc: str, domain: Domain = real) -> Primitive:
    return elementwise(
        name,
        ufunc=function,
        partials=lambda out, *operands: (None,) * len(operands),
        floating=domain is real,
        domain=domain,
        internal=True,
        doc=doc,
    )


bitwise_count = _constant(
    "bitwise_count", np.bitwise_count, "How many bits are set.", integer(1, 9)
)

exponent = _constant(
    "exponent", lambda x: np.frexp(x)[1], "The power of 2 that brings x into [0.5, 1) or 0."
)

gcd = _constant("gcd", np.gcd, "The greatest common divisor of integers.", integer(1, 9))

lcm = _constant("lcm", np.lcm, "The least common multiple of integers.", integer(1, 9))

signbit = _constant("signbit", np.signbit, "Whether the sign is negative, that of -0.0 too.")
