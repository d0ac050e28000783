"""Python's operators of traced values, and of what stands for them."""

from __future__ import annotations

import sys
from types import FrameType
from typing import Any

import numpy as np
from numpy.lib.mixins import NDArrayOperatorsMixin

__all__ = ["Operators", "RecordedOperators"]

_DIRECT = frozenset({float, int, np.float64, np.ndarray})
"""What has no say in what an operator means, so that NumPy need not be asked."""


def _operator(ufunc: np.ufunc, general: Any, *, reflected: bool = False) -> Any:
    """Python's operator by a ufunc; ``general`` is NumPy's own, which asks the other operand."""

    def applied(self: Any, other: Any) -> Any:
        if type(other) in _DIRECT or type(other) is type(self):
            pair = (other, self) if reflected else (self, other)
            return self._by_ufunc(ufunc, pair, sys._getframe(1))
        return general(self, other)

    applied.__name__ = general.__name__
    return applied


class Operators(NDArrayOperatorsMixin):
    """Python's operators by NumPy's ufuncs. `x += y` gives `x` a new value, as it does to a number:
    traced values are never changed."""

    __slots__ = ()

    __iadd__ = NDArrayOperatorsMixin.__add__
    __isub__ = NDArrayOperatorsMixin.__sub__
    __imul__ = NDArrayOperatorsMixin.__mul__
    __itruediv__ = NDArrayOperatorsMixin.__truediv__
    __ifloordiv__ = NDArrayOperatorsMixin.__floordiv__
    __imod__ = NDArrayOperatorsMixin.__mod__
    __ipow__ = NDArrayOperatorsMixin.__pow__
    __imatmul__ = NDArrayOperatorsMixin.__matmul__
    __iand__ = NDArrayOperatorsMixin.__and__
    __ior__ = NDArrayOperatorsMixin.__or__


class RecordedOperators(Operators):
    """The same where both operands are known for what they are, without asking NumPy."""

    __slots__ = ()
    __hash__ = object.__hash__

    def _by_ufunc(self, ufunc: np.ufunc, inputs: tuple[Any, ...], frame: FrameType) -> Any:
        raise NotImplementedError

    __add__ = __iadd__ = _operator(np.add, Operators.__add__)
    __radd__ = _operator(np.add, Operators.__radd__, reflected=True)
    __sub__ = __isub__ = _operator(np.subtract, Operators.__sub__)
    __rsub__ = _operator(np.subtract, Operators.__rsub__, reflected=True)
    __mul__ = __imul__ = _operator(np.multiply, Operators.__mul__)
    __rmul__ = _operator(np.multiply, Operators.__rmul__, reflected=True)
    __truediv__ = __itruediv__ = _operator(np.divide, Operators.__truediv__)
    __rtruediv__ = _operator(np.divide, Operators.__rtruediv__, reflected=True)
    __pow__ = __ipow__ = _operator(np.power, Operators.__pow__)
    __rpow__ = _operator(np.power, Operators.__rpow__, reflected=True)
    __lt__ = _operator(np.less, Operators.__lt__)
    __le__ = _operator(np.less_equal, Operators.__le__)
    __gt__ = _operator(np.greater, Operators.__gt__)
    __ge__ = _operator(np.greater_equal, Operators.__ge__)

    def __neg__(self) -> Any:
        return self._by_ufunc(np.negative, (self,), sys._getframe(1))
