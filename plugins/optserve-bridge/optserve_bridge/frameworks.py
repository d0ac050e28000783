"""Functions of a framework that differentiates them itself, as primitives; to any order."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from optserve.plugin import Primitive
from optserve_bridge.foreign import Call, Shape, foreign, shape_by_trial

__all__ = ["Framework", "differentiated"]


class Framework(NamedTuple):
    """How a framework calls a function of its arrays.

    ``prepare`` makes of it one of NumPy's arrays; ``tried`` gives the shape of its value for those
    of the operands; ``cotangent(function, operand, of_value)`` is that of the only operand.
    """

    prepare: Callable[[Callable[..., Any]], Call]
    tried: Callable[[Callable[..., Any], Sequence[tuple[int, ...]]], Sequence[int]]
    cotangent: Callable[[Callable[[Any], Any], Any, Any], Any]


def differentiated(
    framework: Framework,
    function: Callable[..., Any],
    name: str,
    operands: Sequence[str],
    shape: Callable[..., Shape] | None,
    **options: Any,
) -> Primitive:
    """The primitive ``name`` of ``operands``, whose cotangents are such primitives themselves."""
    pulled: list[Primitive] = []

    def pullback(cotangent: Any, out: Any, *values: Any) -> tuple[Any, ...]:
        if not pulled:
            numbers = range(len(operands))
            pulled.extend(_cotangent(framework, function, name, operands, n) for n in numbers)
        return (*(one(cotangent, *values) for one in pulled),)

    def tried(*shapes: tuple[int, ...]) -> Sequence[int]:
        return framework.tried(function, shapes)

    rule = shape or shape_by_trial(name, tried)
    call = framework.prepare(function)
    return foreign(name, call, operands, shape=rule, pullback=pullback, **options)


def _cotangent(
    framework: Framework,
    function: Callable[..., Any],
    name: str,
    operands: Sequence[str],
    number: int,
) -> Primitive:
    """The cotangent of one operand, a function of that of the value and of the operands."""

    def cotangent(value: Any, *values: Any) -> Any:
        def by_operand(operand: Any) -> Any:
            return function(*values[:number], operand, *values[number + 1 :])

        return framework.cotangent(by_operand, values[number], value)

    def shape(_: Shape, *shapes: Shape) -> Shape:
        return shapes[number]

    return differentiated(
        framework,
        cotangent,
        f"{name}_by_{operands[number]}",
        (f"of_{name}", *operands),
        shape,
        internal=True,
        doc=f"The cotangent of {operands[number]} in {name}.",
    )
