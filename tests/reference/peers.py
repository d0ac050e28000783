"""SciPy on the same problems, from the same starts, with exact derivatives."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.optimize import least_squares, minimize

from optserve.graph.aval import Array
from tests.reference.judged import DIGITS, HONEST, RIGHT, WRONG, digits
from tests.reference.published import Published

__all__ = ["PEERS", "peer_ends"]

PEERS = ("scipy lm", "scipy trf", "scipy bfgs")
TINY = 1e-200
"""The complex step: so small that the derivative is exact (Squire & Trapp 1998)."""


@np.errstate(all="ignore")
def peer_ends(published: Published, way: str, start: Array) -> tuple[str, str]:
    """(what the end is worth, why); an end that claims nothing is honest."""

    def residual(x: Any) -> Any:
        return np.nan_to_num(published.residual(x, np), nan=1e150, posinf=1e150)

    def jacobian(x: Any) -> Any:
        moved = x + 1j * TINY * np.eye(x.size)
        columns = [np.imag(published.residual(one, _Complex())) / TINY for one in moved]
        return np.nan_to_num(np.stack(columns, axis=-1))

    searched: Any = minimize
    fitted: Any = least_squares
    try:
        if way == "scipy bfgs":
            end = searched(
                lambda x: np.sum(residual(x) ** 2),
                start,
                jac=lambda x: 2 * jacobian(x).T @ residual(x),
                method="BFGS",
                options={"gtol": 1e-8, "maxiter": 5000},
            )
        else:
            end = fitted(
                residual, start, jac=jacobian, method=way.split()[1], x_scale="jac", max_nfev=2000
            )
    except ValueError as error:
        return HONEST, str(error)
    loss = float(np.sum(residual(end.x) ** 2))
    if published.certified:
        right = digits(end.x, published.certified["certified"]) >= DIGITS
    else:
        right = published.matches(loss)
    if right:
        return RIGHT, ""
    return (WRONG if end.success else HONEST), f"{loss}: {end.message}"


class _Complex:
    """NumPy with an ``abs`` that continues analytically, as the complex step needs."""

    def __getattr__(self, name: str) -> Any:
        return getattr(np, name)

    @staticmethod
    def abs(x: Array) -> Array:
        return np.where(np.real(x) < 0, -x, x)
