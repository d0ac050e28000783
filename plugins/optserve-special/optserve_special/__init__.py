"""SciPy's special functions, with derivatives, as words of optserve.

>>> from optserve.transforms.functions import grad
>>> from optserve_special import lambertw
>>> float(grad(lambertw)(1.0))  # w / (1 + w), where w * exp(w) is 1
0.361896...
"""

from __future__ import annotations

from optserve.plugin import Primitive, hookimpl
from optserve_special.bessel import (
    i0,
    i0e,
    i1,
    i1e,
    iv,
    ive,
    j0,
    j1,
    jv,
    k0,
    k0e,
    k1,
    k1e,
    kv,
    kve,
    y0,
    y1,
    yv,
)
from optserve_special.elliptic import ellipe, ellipeinc, ellipk, ellipkinc, ellipkm1
from optserve_special.errors import (
    dawsn,
    erfcinv,
    erfcx,
    erfinv,
    exp1,
    expi,
    expn,
    exprel,
    lambertw,
    ndtri,
    spence,
)
from optserve_special.gamma import (
    beta,
    betainc,
    betaincinv,
    betaln,
    binom,
    gamma,
    gammainc,
    gammaincc,
    gammaincinv,
    poch,
    rgamma,
    zeta,
)
from optserve_special.information import entr, kl_div, rel_entr, xlog1py
from optserve_special.polynomials import (
    eval_chebyt,
    eval_chebyu,
    eval_gegenbauer,
    eval_genlaguerre,
    eval_hermite,
    eval_hermitenorm,
    eval_jacobi,
    eval_laguerre,
    eval_legendre,
)

__all__ = ["optserve_primitives"]


@hookimpl
def optserve_primitives() -> list[Primitive]:
    """The functions of this package, by SciPy's names."""
    return [
        *(j0, j1, jv, y0, y1, yv),
        *(i0, i0e, i1, i1e, iv, ive, k0, k0e, k1, k1e, kv, kve),
        *(ellipk, ellipkm1, ellipe, ellipkinc, ellipeinc),
        *(gamma, rgamma, beta, betaln, binom, poch, zeta),
        *(gammainc, gammaincc, gammaincinv, betainc, betaincinv),
        *(erfinv, erfcinv, erfcx, dawsn, ndtri, exp1, expi, expn, exprel, lambertw, spence),
        *(entr, rel_entr, kl_div, xlog1py),
        *(eval_chebyt, eval_chebyu, eval_legendre, eval_hermite, eval_hermitenorm),
        *(eval_laguerre, eval_genlaguerre, eval_gegenbauer, eval_jacobi),
    ]
