"""How a tracer answers NumPy: protocols that are mapped, and escapes that are closed.

Everything is looked up in the vocabulary of the tracer's trace, so this module knows no primitive.
"""

from __future__ import annotations

import operator
from typing import Any, NoReturn

import numpy as np
from numpy.lib.mixins import NDArrayOperatorsMixin

from optserve.errors import TraceError
from optserve.graph.aval import Aval, DType, Shape
from optserve.graph.dim import Size

__all__ = ["NumpyProtocols"]

_REMEDIES = {
    "__array__": "use np.stack([a, b]) for np.array([a, b]), np.broadcast_to for np.full",
    "__bool__": "use np.where(condition, a, b), or cond and scan, instead of if and while",
    "__float__": "keep the computation in NumPy functions; use np.stack or np.where for a[0] = t",
    "__int__": "an index must be known when the loss is built; use take for a computed one",
    "__index__": "an index must be known when the loss is built; use take for a computed one",
    "__setitem__": "traced values are never changed: build the result with np.where or np.stack",
    "at": "traced values are never changed: add to zeros with scatter_add(values, indices, ...)",
}


_NO_RULE = "write it with primitives that have a derivative rule"


class NumpyProtocols(NDArrayOperatorsMixin):
    """The NumPy face of a tracer: operators, ufuncs, functions and the usual methods."""

    __slots__ = ()
    __hash__ = object.__hash__

    trace: Any
    value: Any

    # `x += y` gives `x` a new value, as it does to a number: traced values are never changed.
    __iadd__ = NDArrayOperatorsMixin.__add__
    __isub__ = NDArrayOperatorsMixin.__sub__
    __imul__ = NDArrayOperatorsMixin.__mul__
    __itruediv__ = NDArrayOperatorsMixin.__truediv__
    __ipow__ = NDArrayOperatorsMixin.__pow__
    __imatmul__ = NDArrayOperatorsMixin.__matmul__

    @property
    def aval(self) -> Aval:
        raise NotImplementedError

    @property
    def shape(self) -> Shape:
        return self.aval.shape

    @property
    def dtype(self) -> DType:
        return self.aval.dtype

    @property
    def ndim(self) -> int:
        return self.aval.ndim

    @property
    def size(self) -> Size:
        return self.aval.size

    @property
    def T(self) -> Any:  # noqa: N802 - NumPy's name
        return np.transpose(self)

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, **keywords: Any) -> Any:
        vocabulary = self.trace.vocabulary
        if keywords.pop("out", None) is not None:
            self._refuse(
                f"np.{ufunc.__name__}(..., out=...)", "write `x = x + y` for `x += y` on an array"
            )
        if keywords.pop("where", True) is not True:
            self._refuse(f"np.{ufunc.__name__}(..., where=...)", "use np.where on the result")
        if method == "outer":
            left, right = inputs
            return ufunc(np.reshape(left, (*np.shape(left), *(1,) * np.ndim(right))), right)
        tables = {
            "__call__": vocabulary.ufuncs,
            "reduce": vocabulary.reductions,
            "accumulate": vocabulary.accumulations,
        }
        function = tables.get(method, {}).get(ufunc)
        if function is None:
            spelling = ufunc.__name__ if method == "__call__" else f"{ufunc.__name__}.{method}"
            self._refuse(f"np.{spelling}", _REMEDIES.get(method, _NO_RULE))
        if method == "reduce":
            keywords.setdefault("axis", 0)
        return function(*inputs, **keywords)

    def __array_function__(
        self, function: Any, types: Any, arguments: tuple[Any, ...], keywords: dict[str, Any]
    ) -> Any:
        if keywords.get("out") is not None:
            self._refuse(f"np.{function.__name__}(..., out=...)", "use the returned value")
        mapped = self.trace.vocabulary.functions.get(function)
        if mapped is None:
            self._refuse(f"np.{function.__name__}", _NO_RULE)
        try:
            return mapped(*arguments, **keywords)
        except TypeError as error:
            message = f"np.{function.__name__} of traced values: {error}"
            raise TraceError(message, place=self.trace.here()) from error

    def __getitem__(self, index: Any) -> Any:
        return self.trace.vocabulary.functions[operator.getitem](self, index)

    def __len__(self) -> int:
        if not self.shape:
            raise TypeError("len() of a traced scalar")
        rows = self.shape[0]
        if not isinstance(rows, int):
            self._refuse("len() of a row axis", "use x.shape[0], which stays symbolic")
        return rows

    def __iter__(self) -> Any:
        return (self[i] for i in range(len(self)))

    def sum(self, axis: Any = None, keepdims: bool = False) -> Any:
        return np.sum(self, axis=axis, keepdims=keepdims)

    def mean(self, axis: Any = None, keepdims: bool = False) -> Any:
        return np.mean(self, axis=axis, keepdims=keepdims)

    def prod(self, axis: Any = None, keepdims: bool = False) -> Any:
        return np.prod(self, axis=axis, keepdims=keepdims)

    def max(self, axis: Any = None, keepdims: bool = False) -> Any:
        return np.max(self, axis=axis, keepdims=keepdims)

    def min(self, axis: Any = None, keepdims: bool = False) -> Any:
        return np.min(self, axis=axis, keepdims=keepdims)

    def argmax(self, axis: Any = None) -> Any:
        return np.argmax(self, axis=axis)

    def dot(self, other: Any) -> Any:
        return np.dot(self, other)

    def reshape(self, *shape: Any) -> Any:
        return np.reshape(self, shape[0] if len(shape) == 1 else shape)

    def ravel(self) -> Any:
        return np.ravel(self)

    def transpose(self, *axes: Any) -> Any:
        order = axes[0] if len(axes) == 1 else axes
        return np.transpose(self, order or None)

    def astype(self, dtype: Any) -> Any:
        return self.trace.vocabulary.primitives["cast"](self, dtype=np.dtype(dtype))

    def __array__(self, *_arguments: Any, **_keywords: Any) -> NoReturn:
        self._escape("__array__")

    def __setitem__(self, index: Any, value: Any) -> NoReturn:
        self._escape("__setitem__")

    def __bool__(self) -> bool:
        return bool(self._known("__bool__"))

    def __float__(self) -> float:
        return float(self._known("__float__"))

    def __int__(self) -> int:
        return int(self._known("__int__"))

    def __index__(self) -> int:
        return self._known("__index__").__index__()  # type: ignore[no-any-return]

    def _known(self, asked: str) -> Any:
        """The value of a concrete tracer; an abstract one has none to give."""
        if self.value is None:
            self._escape(asked)
        return self.value

    def _escape(self, asked: str) -> NoReturn:
        raise TraceError(
            f"{asked} was asked of a traced value {self.aval}",
            place=self.trace.here(),
            expected="a computation written in NumPy functions or primitives",
            remedy=_REMEDIES[asked],
        )

    def _refuse(self, what: str, remedy: str) -> NoReturn:
        raise TraceError(
            f"{what} is not defined on traced values", place=self.trace.here(), remedy=remedy
        )
