"""Parts of numbers, which are whole in themselves where they are real.

Expressions know complex numbers as pairs, and these functions by their names.
"""

from __future__ import annotations

import numpy as np

from optserve.graph.primitive import Value

__all__ = ["angle", "conj", "imag", "real"]


def real(z: Value) -> Value:
    """The real part of a complex number.

    >>> real(2.0)
    2.0
    """
    return z


def imag(z: Value) -> Value:
    """The imaginary part of a complex number, which is 0 of a real one.

    >>> float(imag(2.0))
    0.0
    """
    return np.zeros_like(z)


def conj(z: Value) -> Value:
    """The complex number with the same real and the opposite imaginary part.

    >>> conj(2.0)
    2.0
    """
    return z


def angle(z: Value) -> Value:
    """The angle of a complex number in the plane, in radians from -pi to pi.

    >>> float(angle(2.0))
    0.0
    """
    return np.where(np.less(z, 0.0), np.pi, 0.0)
