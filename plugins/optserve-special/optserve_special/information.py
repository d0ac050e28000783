"""Terms of entropies and divergences, entry by entry."""

from __future__ import annotations

import numpy as np
from scipy import special

from optserve.plugin import Domain, Facts, Primitive, elementwise, positive, real

__all__ = ["entr", "kl_div", "rel_entr", "xlog1py"]

_ABOVE_MINUS_1 = Domain("above -1", low=-1.0)
_COST = Facts(cost=20.0)

entr: Primitive = elementwise(
    "entr",
    ufunc=special.entr,
    partials=lambda out, x: (-np.log(x) - 1.0,),
    domain=positive,
    facts=_COST,
    doc="-x * log(x), the term of an entropy; 0 at 0.",
)

rel_entr: Primitive = elementwise(
    "rel_entr",
    ufunc=special.rel_entr,
    partials=lambda out, x, y: (np.log(x / y) + 1.0, -x / y),
    domain=positive,
    facts=_COST,
    doc="x * log(x / y), the term of a relative entropy.",
)

kl_div: Primitive = elementwise(
    "kl_div",
    ufunc=special.kl_div,
    partials=lambda out, x, y: (np.log(x / y), 1.0 - x / y),
    domain=positive,
    facts=_COST,
    doc="x * log(x / y) - x + y, the term of Kullback and Leibler's divergence.",
)

xlog1py: Primitive = elementwise(
    "xlog1py",
    ufunc=special.xlog1py,
    partials=lambda out, x, y: (np.log1p(y), x / (1.0 + y)),
    domain=(real, _ABOVE_MINUS_1),
    facts=_COST,
    doc="x * log(1 + y), and 0 where x is 0.",
)
