"""``RandomCalls``: the functions by which one expression draws random numbers."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from inspect import Parameter, Signature
from itertools import count
from typing import Any

from optserve.config.expressions import Complex, Value, described
from optserve.errors import ConfigError, ShapeError
from optserve.graph.aval import Shape
from optserve.graph.primitive import Primitive
from optserve.graph.trace import Trace, Tracer
from optserve.primitives.random_terms import parameters_of, random_densities, random_term
from optserve.primitives.shaping import checked_shape
from optserve.primitives.sums import broadcast_to
from optserve.primitives.vocabulary import Vocabulary, density_primitives

__all__ = ["RandomCalls"]

_SIZE = Parameter("size", Parameter.KEYWORD_ONLY, default=None, annotation="Shape")
_WITHIN = Parameter("_within", Parameter.KEYWORD_ONLY, default=0.0, annotation="Value")
"""A number of the trace that the call is recorded in: where it is not that of the expression, the
call stands in a function that another one repeats."""


class RandomCalls:
    """Random terms in ``trace``, numbered in the order in which they are called.

    A call draws a number for each entry of ``shape``, or of its ``size``; without either it must
    say which. ``vocabulary`` has these functions beside those of the one that is given.
    """

    def __init__(self, trace: Trace, shape: Shape | None, vocabulary: Vocabulary) -> None:
        self.trace = trace
        self.shape = shape
        self._numbers = count()
        known = (*density_primitives(), *vocabulary.primitives.values())
        calls = {name: self._call(name, one) for name, one in random_densities(known).items()}
        self.vocabulary = replace(vocabulary, macros={**vocabulary.macros, **calls})

    def _call(self, name: str, density: Primitive) -> Callable[..., Value]:
        own = [one.replace(annotation="Value") for one in parameters_of(density)]
        signature = Signature([*own, _SIZE, _WITHIN])

        def call(*arguments: Value, **keywords: Any) -> Value:
            given: Mapping[str, Any] = signature.bind(*arguments, **keywords).arguments
            if given["_within"].trace is not self.trace:
                raise ConfigError(
                    f"{name} stands in a function that is repeated, and would be drawn once",
                    expected="random terms outside of loops, derivatives and searches",
                    remedy=f"draw before: hand the numbers of {name}(..., size=...) over",
                    code="wrong-call",
                )
            return self._drawn(name, density, [given[one.name] for one in own], given["size"])

        call.__name__ = name
        call.__signature__ = signature  # type: ignore[attr-defined]
        return call

    def _drawn(
        self, name: str, density: Primitive, parameters: Sequence[Value], size: Any
    ) -> Value:
        shape = self.shape
        if size is not None:
            shape = checked_shape(size if isinstance(size, tuple | list) else (size,))
        if shape is None:
            raise ShapeError(
                f"how many numbers of {name} are drawn is not known: there are several tables",
                expected=f"{name}(..., size=rows(TABLE))",
            )
        operands = [self._spread(name, one, shape) for one in parameters]
        attributes = {"density": density, "number": next(self._numbers)}
        drawn: Tracer = self.trace.bind(random_term, operands, attributes)
        return drawn

    def _spread(self, name: str, parameter: Value, shape: Shape) -> Tracer:
        """A parameter as one number for each draw."""
        if isinstance(parameter, Complex | str | tuple) or parameter is None:
            raise ShapeError(f"{name} is given {described(parameter)}", expected="real numbers")
        value = self.trace.lift(parameter)
        try:
            spread: Tracer = broadcast_to(value, shape)
        except ShapeError:
            raise ShapeError(
                f"{name} draws an array of shape {shape}, and is given one of shape {value.shape}",
                expected="parameters that broadcast to what is drawn",
                remedy="g being a column of whole numbers, m[g] has an entry a row; "
                "size= says how many numbers are drawn",
            ) from None
        return spread
