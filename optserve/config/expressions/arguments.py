"""What a parameter of a primitive takes: values, or options such as ``axis`` and ``keepdims``.

Read from the primitive's signature: an option is keyword-only or has a default; what is annotated
as a sequence takes a list as it stands, as a callable a function by its name.
"""

from __future__ import annotations

import re
from inspect import BoundArguments, Parameter, Signature
from typing import Any

from optserve.config.expressions.tree import Call, ExpressionNode
from optserve.config.suggest import did_you_mean
from optserve.errors import ConfigError, Place

__all__ = [
    "bind_nodes",
    "check_option",
    "counted",
    "match_arguments",
    "shown_signature",
    "takes_function",
    "takes_list",
]

_LISTS = frozenset(
    {"Sequence", "Iterable", "Collection", "list", "tuple", "Axis", "ReducedAxes", "Shape"}
)
_LIST_NAMES = frozenset({"shape", "axis", "axes"})


def bind_nodes(signature: Signature, call: Call) -> BoundArguments:
    """What was written for each parameter; ``ConfigError`` where the call does not fit."""
    given: dict[str, ExpressionNode] = dict(call.keywords)
    known = [name for name in signature.parameters if not name.startswith("_")]
    unknown = next((name for name in given if name not in known), None)
    try:
        if unknown is not None and unknown in signature.parameters:
            raise TypeError(f"got an unexpected keyword argument '{unknown}'")
        return signature.bind(*call.arguments, **given)
    except TypeError as error:
        raise ConfigError(
            f"{call.function}: {error}",
            place=given[unknown].place if unknown else call.place,
            expected=shown_signature(call.function, signature),
            remedy=did_you_mean(unknown, known) if unknown else "",
            code="wrong-call",
        ) from None


def match_arguments(
    parameters: tuple[str, ...], call: Call, shown: str, defined: Place
) -> tuple[ExpressionNode, ...]:
    """What was written for each parameter of a declared function, in order."""
    given = dict(zip(parameters, call.arguments, strict=False))
    expected = f"{shown}, defined at {defined}"
    for name, node in call.keywords:
        if name in given:
            what = f"{call.function} is given '{name}' twice"
            raise ConfigError(what, place=node.place, expected=expected, code="wrong-call")
        if name not in parameters:
            raise ConfigError(
                f"{call.function} has no parameter '{name}'",
                place=node.place,
                expected=expected,
                remedy=did_you_mean(name, parameters),
                code="wrong-call",
            )
        given[name] = node
    if len(given) < len(parameters) or len(call.arguments) > len(parameters):
        given_count = len(call.arguments) + len(call.keywords)
        raise ConfigError(
            f"{call.function} takes {counted(len(parameters))} and is given {given_count}",
            place=call.place,
            expected=expected,
            code="wrong-call",
        )
    return tuple(given[name] for name in parameters)


def counted(arguments: int) -> str:
    """``1 argument``, ``2 arguments``."""
    return f"{arguments} argument{'s' if arguments != 1 else ''}"


def shown_signature(name: str, signature: Signature) -> str:
    """The call as a person writes it; ``_inner`` parameters are nobody's to give.

    >>> from optserve.primitives.sums import sum_
    >>> shown_signature("sum", sum_.call.signature)
    'sum(x, axis=None, keepdims=False)'
    >>> import inspect
    >>> shown_signature("f", inspect.signature(lambda x, *, rate, _inner=0: x))
    'f(x, rate=...)'
    """
    parameters = [
        parameter.replace(annotation=Parameter.empty, default=_default(parameter))
        for parameter in signature.parameters.values()
        if not parameter.name.startswith("_")
    ]
    return f"{name}{Signature(parameters)}".replace("*, ", "").replace(", /", "")


class _Given:
    """The value of a parameter that must be named."""

    def __repr__(self) -> str:
        return "..."


def _default(parameter: Parameter) -> Any:
    named = parameter.kind is Parameter.KEYWORD_ONLY
    return _Given() if named and parameter.default is parameter.empty else parameter.default


def takes_list(parameter: Parameter) -> bool:
    """Whether ``[a, b]`` reaches the primitive as a list; elsewhere it is stacked to an array."""
    if parameter.annotation is Parameter.empty:
        return parameter.name in _LIST_NAMES
    return not _words(parameter).isdisjoint(_LISTS)


def takes_function(parameter: Parameter) -> bool:
    """Whether the parameter is a function, which is then passed by its name."""
    return not _words(parameter).isdisjoint({"ArrayFunction", "Callable", "Function"})


def check_option(value: object, parameter: Parameter | None, place: Place) -> None:
    """Refuse a string, a truth value or ``None`` that was written where no option takes it.

    Declared functions, whose arguments have no ``parameter``, take none of them.
    """
    if isinstance(value, int | float | complex) and not isinstance(value, bool):
        return
    if parameter is not None:
        words = _words(parameter)
        optional = parameter.kind is Parameter.KEYWORD_ONLY
        optional = optional or parameter.default is not Parameter.empty
        fitting = {str: {"str", "Literal"}, bool: {"bool"}}.get(type(value), {"None"})
        if optional or not words.isdisjoint(fitting):
            return
    what = {str: "a string", bool: "a truth value"}.get(type(value), "None")
    raise ConfigError(
        f"{what} stands where a value is expected",
        place=place,
        expected="a number or an array; only options take strings, truth values and None",
        remedy="a name is written without quotes" if isinstance(value, str) else "",
        code="wrong-operand",
    )


def _words(parameter: Parameter) -> frozenset[str]:
    return frozenset(re.findall(r"\w+", str(parameter.annotation)))
