"""``Variable``: a value that remembers how it was made, and takes derivatives back to its origins.

Each call of a NumPy function on variables is one ``vjp``; what it gives holds the pullback and the
variables that it came from, and nothing else holds them.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Sequence
from typing import Any, NoReturn

import numpy as np

from optserve.errors import ShapeError, TraceError
from optserve.graph.aval import Array, is_float
from optserve.graph.operators import Operators
from optserve.graph.trees import is_tree, leaves, rebuilt
from optserve.transforms.chosen_arguments import ChosenArguments
from optserve.transforms.functions import vjp

__all__ = ["Variable"]


class Variable(Operators):
    """An array for NumPy code, whose derivatives ``backward`` of a result adds to ``grad``.

    ``value`` is the array, which may be changed between steps; ``grad`` is ``None`` until a result
    that depends on the variable goes backward, and is added to until ``zero_grad``.

    >>> p = Variable([1.0, 2.0])
    >>> loss = np.sum(p**2)
    >>> loss.backward()
    >>> loss.value, p.grad
    (np.float64(5.0), array([2., 4.]))
    """

    def __init__(self, value: Any) -> None:
        [given] = ChosenArguments.of(
            (np.asarray(value) if isinstance(value, list) else value,), [0]
        ).leaves
        self.value: Any = np.asarray(given) if np.ndim(given) else given
        self.grad: Any = None
        self._parents: tuple[Variable, ...] = ()
        self._pullback: Callable[[Any], Sequence[Any]] | None = None

    @property
    def shape(self) -> tuple[int, ...]:
        return np.shape(self.value)

    @property
    def dtype(self) -> np.dtype[Any]:
        return np.asarray(self.value).dtype

    @property
    def ndim(self) -> int:
        return len(self.shape)

    @property
    def size(self) -> int:
        return int(np.size(self.value))

    @property
    def T(self) -> Any:  # noqa: N802 - NumPy's name
        return np.transpose(self)

    def zero_grad(self) -> None:
        """Forget the gradient."""
        self.grad = None

    def backward(self) -> None:
        """Add the derivative of this number to ``grad`` of each variable that it was made of.

        Raises ``ShapeError`` where it is no number.
        """
        if self.size != 1 or not is_float(self.dtype):
            raise ShapeError(
                f"backward of a value of shape {self.shape}, {self.dtype.name}",
                expected="one number that was computed",
                remedy="sum or average it",
            )
        cotangents: dict[int, Any] = {id(self): np.ones(self.shape, self.dtype)}
        for variable in _latest_first(self):
            cotangent = cotangents.pop(id(variable), None)
            if cotangent is None:
                continue
            if variable._pullback is None:
                before = variable.grad
                variable.grad = cotangent if before is None else before + cotangent
                continue
            back = variable._pullback(cotangent)
            for parent, ct in zip(variable._parents, back, strict=True):
                before = cotangents.get(id(parent))
                cotangents[id(parent)] = ct if before is None else before + ct

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **keywords: Any) -> Any:
        return _applied(getattr(ufunc, method), inputs, keywords)

    def __array_function__(self, function: Any, types: Any, arguments: Any, keywords: Any) -> Any:
        return _applied(function, arguments, keywords)

    def __getitem__(self, index: Any) -> Any:
        return _applied(operator.getitem, (self, index), {})

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_") or not callable(getattr(np.ndarray, name, None)):
            raise AttributeError(f"a variable has no attribute '{name}'")

        def method(*arguments: Any, **keywords: Any) -> Any:
            def of_value(value: Any, *more: Any, **named: Any) -> Any:
                return getattr(value, name)(*more, **named)

            return _applied(of_value, (self, *arguments), keywords)

        return method

    def __len__(self) -> int:
        return len(self.value)

    def __iter__(self) -> Any:
        return (self[i] for i in range(len(self)))

    def __bool__(self) -> bool:
        return bool(self.value)

    def __float__(self, *_asked: Any, **_options: Any) -> NoReturn:
        raise TraceError(
            "a variable does not become a mere number, which has no derivative",
            expected="NumPy functions",
            remedy="np.sin(p) for math.sin(p); p.value is the number",
        )

    __int__ = __index__ = __array__ = __setitem__ = __float__
    __hash__ = object.__hash__

    def __repr__(self) -> str:
        return f"Variable({self.value!r})"


def _applied(function: Callable[..., Any], arguments: Any, keywords: Any) -> Any:
    """What ``function`` gives of variables among its arguments: variables."""
    given = (tuple(arguments), dict(keywords))
    parts = leaves(given)
    parents = tuple({id(one): one for one in parts if isinstance(one, Variable)}.values())

    def of_values(*values: Any) -> Any:
        stands = dict(zip(map(id, parents), values, strict=True))
        full = [stands[id(one)] if isinstance(one, Variable) else one for one in parts]
        listed, named = rebuilt(given, full)
        return function(*listed, **named)

    value, pullback = vjp(of_values, *(one.value for one in parents))
    if not is_tree(value):
        return _made(value, parents, pullback)
    outs = leaves(value)
    made = [
        _made(out, parents, lambda ct, i=i: pullback(rebuilt(value, _only(outs, i, ct))))
        for i, out in enumerate(outs)
    ]
    return rebuilt(value, made)


def _made(value: Any, parents: tuple[Variable, ...], pullback: Any) -> Any:
    """A variable that was computed; of what has no derivative the value alone."""
    if not is_float(np.asarray(value).dtype):
        return value
    made = Variable(value)
    made._parents, made._pullback = parents, pullback
    return made


def _only(outs: Sequence[Any], index: int, cotangent: Any) -> list[Array]:
    """Cotangents of several results, of which one alone has one."""
    return [cotangent if i == index else np.zeros_like(out) for i, out in enumerate(outs)]


def _latest_first(last: Variable) -> list[Variable]:
    """All variables that ``last`` was made of, each before those that it came from."""
    order: list[Variable] = []
    seen: set[int] = set()
    stack: list[tuple[Variable, bool]] = [(last, False)]
    while stack:
        variable, done = stack.pop()
        if done:
            order.append(variable)
        elif id(variable) not in seen:
            seen.add(id(variable))
            stack.append((variable, True))
            stack.extend((parent, False) for parent in variable._parents)
    return order[::-1]
