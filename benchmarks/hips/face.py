"""autograd's functions of functions, each by one of optserve's."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

import optserve
from optserve.graph.trees import leaves, rebuilt

__all__ = ["OPERATORS", "ComplexValuesError", "flatten", "make_vjp", "nary"]

Function = Callable[..., Any]


class ComplexValuesError(Exception):
    """What is asked for needs complex values, which optserve does not differentiate."""


def nary(unary: Callable[..., Any]) -> Callable[..., Function]:
    """An operator of functions of one argument as one of functions of any number of them, where
    ``argnum`` says which it is about (or which: they are a tuple then)."""

    def operator(
        function: Function, argnum: int | Sequence[int] = 0, *options: Any, **named: Any
    ) -> Function:
        def applied(*arguments: Any, **keywords: Any) -> Any:
            positions = (argnum,) if isinstance(argnum, int) else tuple(argnum)

            def of_chosen(x: Any) -> Any:
                given = list(arguments)
                for position, value in zip(
                    positions, (x,) if isinstance(argnum, int) else x, strict=True
                ):
                    given[position] = value
                return function(*given, **keywords)

            chosen = [arguments[position] for position in positions]
            x = chosen[0] if isinstance(argnum, int) else tuple(chosen)
            return unary(of_chosen, x, *options, **named)

        return applied

    return operator


def _filled(tree: Any, number: float) -> Any:
    """A tree of this form all of whose entries are ``number``."""
    return rebuilt(tree, [np.full(np.shape(leaf), number) for leaf in leaves(tree)])


def flatten(tree: Any) -> tuple[Any, Function]:
    """All entries of a tree as one vector, and the way back."""
    parts = leaves(tree)
    sizes = [int(np.size(part)) for part in parts]

    def back(vector: Any) -> Any:
        cut = np.split(vector, np.cumsum(sizes)[:-1]) if sizes else []
        shaped = [np.reshape(one, np.shape(part)) for one, part in zip(cut, parts, strict=True)]
        return rebuilt(tree, shaped)

    return np.concatenate([np.ravel(part) for part in parts]) if parts else np.zeros(0), back


def make_vjp(function: Function, x: Any) -> tuple[Function, Any]:
    """The pullback of a function of one argument, and its value, as autograd's core has it."""
    value, pullback = optserve.vjp(function, x)
    return lambda cotangent: pullback(cotangent)[0], value


def _jvp(function: Function, x: Any) -> Function:
    return lambda tangent: optserve.jvp(function, [x], [tangent])


def _elementwise(function: Function, x: Any) -> Any:
    pullback, value = make_vjp(function, x)
    return pullback(_filled(value, 1.0))


def _deriv(function: Function, x: Any) -> Any:
    return optserve.jvp(function, [x], [_filled(x, 1.0)])[1]


def _grad_and_aux(function: Function, x: Any) -> Any:
    return optserve.grad(function, has_aux=True)(x)


def _hessian_product(function: Function, argnum: int = 0) -> Function:
    def product(*given: Any, **keywords: Any) -> Any:
        *arguments, along = given

        def slope(*inner: Any) -> Any:
            found = optserve.grad(lambda *all_: function(*all_, **keywords), argnum)(*inner)
            return np.tensordot(found, along, np.ndim(along))

        return optserve.grad(slope, argnum)(*arguments)

    return product


def _jacobian_product(function: Function, argnum: int = 0) -> Function:
    def product(*given: Any, **keywords: Any) -> Any:
        *arguments, along = given

        def dotted(*inner: Any) -> Any:
            return np.tensordot(along, function(*inner, **keywords), axes=np.ndim(along))

        return optserve.jacobian(dotted, argnum)(*arguments)

    return product


def _ggn_product(
    function: Function,
    outer: Function = lambda x: 0.5 * np.sum(x**2, axis=-1),
    f_argnum: int = 0,
) -> Function:
    def made(inner: Function, x: Any) -> Function:
        pullback, value = make_vjp(inner, x)
        curved, _ = make_vjp(optserve.grad(outer), value)
        return lambda along: pullback(curved(optserve.jvp(inner, [x], [along])[1]))

    return nary(made)(function, f_argnum)


def _holomorphic(*_given: Any) -> Any:
    raise ComplexValuesError("holomorphic_grad")


OPERATORS: dict[str, Any] = {
    "checkpoint": optserve.checkpoint,
    "deriv": nary(_deriv),
    "elementwise_grad": nary(_elementwise),
    "grad": nary(lambda function, x: optserve.grad(function)(x)),
    "grad_and_aux": nary(_grad_and_aux),
    "hessian": nary(lambda function, x: optserve.hessian(function)(x)),
    "hessian_tensor_product": _hessian_product,
    "hessian_vector_product": _hessian_product,
    "holomorphic_grad": nary(_holomorphic),
    "jacobian": nary(lambda function, x: optserve.jacobian(function)(x)),
    "make_ggnvp": _ggn_product,
    "make_hvp": nary(lambda function, x: make_vjp(optserve.grad(function), x)),
    "make_jvp": nary(_jvp),
    "make_vjp": nary(make_vjp),
    "tensor_jacobian_product": _jacobian_product,
    "value_and_grad": nary(lambda function, x: optserve.value_and_grad(function)(x)),
    "vector_jacobian_product": _jacobian_product,
}
"""By autograd's names; a gradient by several arguments is a tuple, as there."""
