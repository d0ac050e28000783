"""Bessel functions of real order, which is a plain number, and of a real argument.

The derivatives are those of the NIST Digital Library of Mathematical Functions, 10.6 and 10.29.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy import special

from optserve.plugin import Facts, Primitive, elementwise, positive
from optserve_special.static import of_orders

__all__ = [
    "i0",
    "i0e",
    "i1",
    "i1e",
    "iv",
    "ive",
    "j0",
    "j1",
    "jv",
    "k0",
    "k0e",
    "k1",
    "k1e",
    "kv",
    "kve",
    "y0",
    "y1",
    "yv",
]

jv: Primitive = of_orders(
    "jv",
    special.jv,
    lambda out, x, v: 0.5 * (jv(v - 1.0, x) - jv(v + 1.0, x)),
    "Bessel function of the first kind, of order v.",
    orders={"v": 1.5},
    domain=positive,
)

yv: Primitive = of_orders(
    "yv",
    special.yv,
    lambda out, x, v: 0.5 * (yv(v - 1.0, x) - yv(v + 1.0, x)),
    "Bessel function of the second kind, of order v.",
    orders={"v": 1.5},
    domain=positive,
)

iv: Primitive = of_orders(
    "iv",
    special.iv,
    lambda out, x, v: 0.5 * (iv(v - 1.0, x) + iv(v + 1.0, x)),
    "Modified Bessel function of the first kind, of order v.",
    orders={"v": 1.5},
    domain=positive,
)

kv: Primitive = of_orders(
    "kv",
    special.kv,
    lambda out, x, v: -0.5 * (kv(v - 1.0, x) + kv(v + 1.0, x)),
    "Modified Bessel function of the second kind, of order v.",
    orders={"v": 1.5},
    domain=positive,
)

ive: Primitive = of_orders(
    "ive",
    special.ive,
    lambda out, x, v: 0.5 * (ive(v - 1.0, x) + ive(v + 1.0, x)) - np.sign(x) * out,
    "iv(v, x) * exp(-abs(x)), which does not overflow.",
    orders={"v": 1.5},
    domain=positive,
)

kve: Primitive = of_orders(
    "kve",
    special.kve,
    lambda out, x, v: out - 0.5 * (kve(v - 1.0, x) + kve(v + 1.0, x)),
    "kv(v, x) * exp(x), which does not vanish far out.",
    orders={"v": 1.5},
    domain=positive,
)


def _of_fixed_order(name: str, doc: str, partials: Any, **options: Any) -> Primitive:
    return elementwise(
        name,
        ufunc=getattr(special, name),
        partials=partials,
        facts=Facts(cost=30.0),
        doc=doc,
        **options,
    )


j0: Primitive = _of_fixed_order(
    "j0", "Bessel function of the first kind, of order 0.", lambda out, x: (-j1(x),)
)
j1: Primitive = _of_fixed_order(
    "j1",
    "Bessel function of the first kind, of order 1.",
    lambda out, x: (0.5 * (j0(x) - jv(2.0, x)),),
)
y0: Primitive = _of_fixed_order(
    "y0",
    "Bessel function of the second kind, of order 0.",
    lambda out, x: (-y1(x),),
    domain=positive,
)
y1: Primitive = _of_fixed_order(
    "y1",
    "Bessel function of the second kind, of order 1.",
    lambda out, x: (0.5 * (y0(x) - yv(2.0, x)),),
    domain=positive,
)
i0: Primitive = _of_fixed_order(
    "i0", "Modified Bessel function of the first kind, of order 0.", lambda out, x: (i1(x),)
)
i1: Primitive = _of_fixed_order(
    "i1",
    "Modified Bessel function of the first kind, of order 1.",
    lambda out, x: (0.5 * (i0(x) + iv(2.0, x)),),
)
k0: Primitive = _of_fixed_order(
    "k0",
    "Modified Bessel function of the second kind, of order 0.",
    lambda out, x: (-k1(x),),
    domain=positive,
)
k1: Primitive = _of_fixed_order(
    "k1",
    "Modified Bessel function of the second kind, of order 1.",
    lambda out, x: (-0.5 * (k0(x) + kv(2.0, x)),),
    domain=positive,
)
i0e: Primitive = _of_fixed_order(
    "i0e",
    "i0(x) * exp(-abs(x)), which does not overflow.",
    lambda out, x: (i1e(x) - np.sign(x) * out,),
)
i1e: Primitive = _of_fixed_order(
    "i1e",
    "i1(x) * exp(-abs(x)), which does not overflow.",
    lambda out, x: (0.5 * (i0e(x) + ive(2.0, x)) - np.sign(x) * out,),
)
k0e: Primitive = _of_fixed_order(
    "k0e",
    "k0(x) * exp(x), which does not vanish far out.",
    lambda out, x: (out - k1e(x),),
    domain=positive,
)
k1e: Primitive = _of_fixed_order(
    "k1e",
    "k1(x) * exp(x), which does not vanish far out.",
    lambda out, x: (out - 0.5 * (k0e(x) + kve(2.0, x)),),
    domain=positive,
)
