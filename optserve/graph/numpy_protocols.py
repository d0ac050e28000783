"""How a tracer answers NumPy: protocols that are mapped, and escapes that are closed.

What a function means is looked up in the tracer's trace, so this module knows no primitive.
"""

from __future__ import annotations

import operator
import sys
from collections.abc import Callable, Mapping, Sequence
from types import FrameType
from typing import Any, NoReturn

import numpy as np

from optserve.errors import OptserveError, TraceError
from optserve.graph.aval import Aval, DType, Shape
from optserve.graph.dim import Size
from optserve.graph.operands import check_dtype, check_type
from optserve.graph.operators import RecordedOperators
from optserve.graph.ufuncs import CONTRIBUTED

__all__ = ["NotAMethod", "NumpyProtocols"]

_NUMBER = (
    "keep the computation in NumPy functions, np.sin(x) for math.sin(x); use np.stack or np.where "
    'for a[0] = t; print it with f"{x}"'
)
_WHOLE = (
    "round with np.floor or np.round; an index must be known when the loss is built: use take for "
    "a computed one, np.take_along_axis for one into an array that is not traced"
)
_REMEDIES = {
    "__array__": (
        "use np.stack([a, b]) for np.array([a, b]), np.broadcast_to for np.full, "
        "np.take_along_axis for a[t], and plain arrays for masked ones"
    ),
    "__bool__": "use np.where(condition, a, b), or cond and scan, instead of if and while",
    "__complex__": _NUMBER,
    "__float__": _NUMBER,
    "__int__": _WHOLE,
    "__index__": _WHOLE,
    "__reduce_ex__": "traced values live in their function only: return what is to be kept",
    "__round__": "use np.round(x)",
    "__floor__": "use np.floor(x) for math.floor(x)",
    "__ceil__": "use np.ceil(x) for math.ceil(x)",
    "__trunc__": "use np.sign(x) * np.floor(np.abs(x)) for math.trunc(x)",
    "__setitem__": "traced values are never changed: build the result with np.where or np.stack",
    "reduceat": "reduce slices of it: np.stack([np.sum(x[a:b]) for a, b in zip(starts, ends)])",
    "at": "traced values are never changed: add to zeros with scatter_add(values, indices, ...)",
    "item": "leave the value as it is: x[0] picks an entry",
    "tolist": "use [x[i] for i in range(len(x))], or list(x)",
    "sort": "use np.sort(x), which gives a new value",
    "fill": "use np.full_like(x, value)",
    "partition": "use np.partition(x, k), which gives a new value",
    "resize": "use np.resize(x, shape), which gives a new value",
    "put": "build the result with np.where, or scatter_add(np.zeros(n), indices, values)",
    **dict.fromkeys(
        ("base", "byteswap", "ctypes", "data", "device", "flags", "getfield", "setfield")
        + ("setflags", "strides", "to_device", "view"),
        "a traced value lies nowhere in memory: use x.astype(dtype), np.reshape and np.transpose",
    ),
    **dict.fromkeys(
        ("dump", "dumps", "tobytes", "tofile"),
        "traced values live in their function only: return what is to be kept",
    ),
}
_NO_OPTION = "leave out what is not supported, or convert the result with .astype(dtype)"
_NO_RULE = "write it with functions that docs/numpy.md lists, or make a primitive of it"


class _MissingError(TraceError, AttributeError):
    """An attribute of arrays that traced values lack; ``hasattr`` sees that it is missing."""


def _method(function: Callable[..., Any]) -> Callable[..., Any]:
    """The method of arrays that ``function`` of NumPy does the work of."""

    def method(self: Any, *arguments: Any, **keywords: Any) -> Any:
        return function(self, *arguments, **keywords)

    method.__name__ = function.__name__
    return method


class NotAMethod:
    """What is a method of arrays, and of traced values an attribute of that name: ``x.trace``."""

    def __call__(self, *_arguments: Any, **_keywords: Any) -> NoReturn:
        raise TraceError("x.trace() is not defined on traced values", remedy="use np.trace(x)")


class NumpyProtocols(RecordedOperators):
    """The NumPy face of a tracer: operators, ufuncs, functions and the usual methods."""

    __slots__ = ()
    __hash__ = object.__hash__

    trace: Any
    known_value: Any

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

    @property
    def mT(self) -> Any:  # noqa: N802 - NumPy's name
        if self.ndim < 2:
            self._refuse("x.mT of fewer than two axes", "use x.T")
        return np.swapaxes(self, -1, -2)

    @property
    def real(self) -> Any:
        return self

    @property
    def imag(self) -> Any:
        return np.zeros_like(self)

    @property
    def flat(self) -> Any:
        return np.ravel(self)

    @property
    def itemsize(self) -> int:
        return self.dtype.itemsize

    @property
    def nbytes(self) -> Size:
        return self.size * self.itemsize

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, **keywords: Any) -> Any:
        meaning = self.trace.meaning
        if not keywords and method == "__call__" and ufunc in meaning.ufuncs:  # the usual case
            return self._by_ufunc(ufunc, inputs, sys._getframe(1))
        name = ufunc.__name__
        if keywords.pop("out", None) is not None:
            self._refuse(f"np.{name}(..., out=...)", "write `x = x + y` for `x += y` on an array")
        if keywords.pop("where", True) is not True:
            self._refuse(f"np.{name}(..., where=...)", "use np.where on the result")
        if method == "outer":
            left, right = inputs
            spread = np.reshape(left, (*np.shape(left), *(1,) * np.ndim(right)))
            return ufunc(spread, right, **keywords)
        if method != "__call__":
            name = f"{name}.{method}"
        tables = {
            "__call__": meaning.ufuncs,
            "reduce": meaning.reductions,
            "accumulate": meaning.accumulations,
        }
        function = tables.get(method, {}).get(ufunc)
        if function is None and method == "__call__":
            function = CONTRIBUTED.primitive(ufunc) or meaning.further(ufunc)
        if function is None:
            self._refuse(f"np.{name}", _REMEDIES.get(method, _NO_RULE))
        if method == "reduce":
            keywords.setdefault("axis", 0)
        if method == "__call__" and keywords:
            self._refuse(f"np.{name}(..., {next(iter(keywords))}=...)", _NO_OPTION)
        return self._applied(name, function, inputs, keywords)

    def _by_ufunc(self, ufunc: np.ufunc, inputs: tuple[Any, ...], frame: FrameType) -> Any:
        """What a ufunc gives; one that is a primitive is recorded without further ado."""
        trace = self.trace
        primitive = trace.meaning.recorded.get(ufunc)
        for one in inputs:
            if type(one) is type(self) and one.trace is not trace:
                primitive = None
        if primitive is None:
            return self._applied(ufunc.__name__, trace.meaning.ufuncs[ufunc], inputs, {})
        try:
            return trace.bind(primitive, inputs, {}, frame)
        except TypeError as error:
            raise self._no_such_call(ufunc.__name__, error) from error

    def __array_function__(
        self, function: Any, types: Any, arguments: tuple[Any, ...], keywords: dict[str, Any]
    ) -> Any:
        if function is np.shape or function is np.ndim:  # rules ask for these all the time
            return self.shape if function is np.shape else self.ndim
        if keywords.get("out") is not None:
            self._refuse(f"np.{function.__name__}(..., out=...)", "use the returned value")
        mapped = self.trace.meaning.functions.get(function)
        if mapped is None:
            remedy = self.trace.meaning.refused.get(function, _NO_RULE)
            self._refuse(f"np.{function.__name__}", remedy)
        known = [kind is np.ndarray or kind is type(self) for kind in types]
        if False not in known:  # the usual case
            return self._applied(function.__name__, mapped, arguments, keywords)

        def applied(*arguments: Any, **keywords: Any) -> Any:
            for kind in types:
                check_type(kind)
            return mapped(*arguments, **keywords)

        return self._applied(function.__name__, applied, arguments, keywords)

    def __getitem__(self, index: Any) -> Any:
        indexed = self.trace.meaning.functions[operator.getitem]
        return self._applied("a subscript", indexed, (self, index), {})

    def _applied(
        self,
        name: str,
        function: Callable[..., Any],
        arguments: Sequence[Any],
        keywords: Mapping[str, Any],
    ) -> Any:
        """What ``function`` gives; what is wrong with a call of ``name`` is told with its place."""
        try:
            return function(*arguments, **keywords)
        except OptserveError as error:
            raise error.at(self.trace.here()) from None
        except TypeError as error:
            raise self._no_such_call(name, error) from error

    def _no_such_call(self, name: str, error: TypeError) -> TraceError:
        return TraceError(
            f"{name} of traced values: {error}", place=self.trace.here(), remedy=_NO_OPTION
        )

    def __len__(self) -> int:
        if not self.shape:
            raise TypeError("len() of a traced scalar")
        rows = self.shape[0]
        if not isinstance(rows, int):
            self._refuse("len() of a row axis", "use x.shape[0], which stays symbolic")
        return rows

    def __iter__(self) -> Any:
        return (self[i] for i in range(len(self)))

    sum = _method(np.sum)
    mean = _method(np.mean)
    var = _method(np.var)
    std = _method(np.std)
    prod = _method(np.prod)
    max = _method(np.max)
    min = _method(np.min)
    all = _method(np.all)
    any = _method(np.any)
    argmax = _method(np.argmax)
    argmin = _method(np.argmin)
    argsort = _method(np.argsort)
    cumsum = _method(np.cumsum)
    clip = _method(np.clip)
    round = _method(np.round)
    dot = _method(np.dot)
    take = _method(np.take)
    cumprod = _method(np.cumprod)
    choose = _method(np.choose)
    conj = conjugate = _method(np.conjugate)
    diagonal = _method(np.diagonal)
    nonzero = _method(np.nonzero)
    repeat = _method(np.repeat)
    searchsorted = _method(np.searchsorted)
    argpartition = _method(np.argpartition)
    ravel = flatten = _method(np.ravel)
    squeeze = _method(np.squeeze)
    swapaxes = _method(np.swapaxes)

    def reshape(self, *shape: Any, **options: Any) -> Any:
        return np.reshape(self, shape[0] if len(shape) == 1 else shape, **options)

    def transpose(self, *axes: Any) -> Any:
        order = axes[0] if len(axes) == 1 else axes
        return np.transpose(self, order or None)

    def compress(self, condition: Any, axis: int | None = None) -> Any:
        return np.compress(condition, self, axis=axis)

    def copy(self, order: str = "C") -> Any:
        return self

    def astype(
        self,
        dtype: Any,
        order: str = "K",
        casting: Any = "unsafe",
        subok: bool = True,
        copy: bool = True,
    ) -> Any:
        def cast(wanted: DType) -> Any:
            if not np.can_cast(self.dtype, wanted, casting):
                raise TypeError(f"{self.dtype} is not cast to {wanted} by the rule {casting!r}")
            check_dtype(wanted)
            return self.trace.meaning.cast(self, dtype=wanted)

        return self._applied("astype", cast, (np.dtype(dtype),), {})

    def __array__(self, *_arguments: Any, **_keywords: Any) -> NoReturn:
        self._escape("__array__")

    def __setitem__(self, index: Any, value: Any) -> NoReturn:
        self._escape("__setitem__")

    def __bool__(self) -> bool:
        """The truth of one value, where it is known: Python's ``if`` and ``while`` may see it."""
        if self.known_value is None:
            self._escape("__bool__")
        if self.size != 1:
            self._refuse(f"the truth of {self.aval}", "use np.any(x) or np.all(x)")
        return bool(self.known_value)

    def __float__(self) -> float:
        self._escape("__float__")

    def __complex__(self) -> complex:
        self._escape("__complex__")

    def __int__(self) -> int:
        self._escape("__int__")

    def __index__(self) -> int:
        self._escape("__index__")

    def __round__(self, _digits: int | None = None) -> NoReturn:
        self._escape("__round__")

    def __floor__(self) -> NoReturn:
        self._escape("__floor__")

    def __ceil__(self) -> NoReturn:
        self._escape("__ceil__")

    def __trunc__(self) -> NoReturn:
        self._escape("__trunc__")

    def __format__(self, spec: str) -> str:
        """What is shown of a number is the number, where it is known."""
        known = self.known_value
        return format(known, spec) if spec and known is not None else repr(self)

    def __copy__(self) -> Any:
        return self

    def __deepcopy__(self, _memo: Any) -> Any:
        return self

    def __reduce_ex__(self, _protocol: Any) -> NoReturn:
        self._escape("__reduce_ex__")

    def __getattr__(self, name: str) -> NoReturn:
        if name.startswith("_") or not hasattr(np.ndarray, name):
            raise AttributeError(f"a traced value has no attribute '{name}'")
        raise _MissingError(
            f"x.{name} is not defined on traced values",
            place=self.trace.here(),
            remedy=_REMEDIES.get(name, _NO_RULE),
        )

    def _escape(self, asked: str) -> NoReturn:
        error = self.trace.escape = TraceError(
            f"{asked} was asked of a traced value {self.aval}",
            place=self.trace.here(),
            expected="a computation written in NumPy functions or primitives",
            remedy=_REMEDIES[asked],
        )
        raise error

    def _refuse(self, what: str, remedy: str) -> NoReturn:
        raise TraceError(
            f"{what} is not defined on traced values", place=self.trace.here(), remedy=remedy
        )
