"""Recording: primitives applied under the place they were written at, within limits.

A primitive may be anybody's code, called here with whatever a person wrote. Whatever it raises
leaves as an error with that place.
"""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np

from optserve.config.expressions.arguments import shown_signature
from optserve.config.expressions.counting import applied
from optserve.config.expressions.row_pairs import RowPairs
from optserve.config.expressions.values import Callback, Value, as_number
from optserve.errors import ConfigError, OptserveError, Place, PluginFailure, ShapeError, TraceError
from optserve.graph.dim import Dim
from optserve.graph.primitive import Primitive
from optserve.graph.trace import Trace, Tracer
from optserve.primitives.shaping import LARGEST
from optserve.transforms.foreign import told

__all__ = ["LONGEST_RANGE", "MOST_OPERATIONS", "Recorder", "checked", "entered"]

MOST_OPERATIONS = 10_000
"""The most operations that one expression may come to, declared functions written out."""

LONGEST_RANGE = 2**24
"""The most entries of an array that a macro makes while the graph is built."""

MOST_AXES = 64
"""The most axes of a NumPy array."""

LONGEST_MESSAGE = 600
"""Characters of a message, which may quote shapes and texts of any length."""


class Recorder:
    """Applies operations for one expression and counts them.

    ``trace`` is the outermost trace, ``pairs`` what is known of the values that are built in it.
    """

    def __init__(self, trace: Trace, pairs: RowPairs) -> None:
        self.trace = trace
        self.pairs = pairs
        self._traces = [trace]
        self._left = MOST_OPERATIONS

    def count(self, place: Place) -> None:
        """One more operation, or call of a declared function, which may be one too many."""
        self._left -= 1
        if self._left < 0:
            raise ConfigError(
                f"this expression comes to more than {MOST_OPERATIONS} operations",
                place=place,
                expected="fewer; declared functions are written out wherever they are called",
                remedy="name what is computed twice in define, or repeat it with scan",
                code="too-large",
            )

    @contextmanager
    def at(self, place: Place, trace: Trace, *, check_pairs: bool = True) -> Iterator[None]:
        """Equations made inside carry ``place``, and so does every error.

        They belong to ``trace``, or to one around it where they concern nothing inside of it.
        """
        self.count(place)
        outer = self.trace.place
        self.trace.place = place
        self._traces.append(trace)
        try:
            with trace.at(place):
                yield
                for one in dict.fromkeys(self._traces):
                    self.pairs.follow(one, check=check_pairs)
        except TraceError as error:
            raise _known_beforehand(error, place) from None
        except OptserveError as error:
            error.message = _shortened(error.message)
            raise
        except RecursionError:
            raise
        except Exception as error:  # a primitive is anybody's code
            raise _foreign(error, place) from error
        finally:
            self._traces.pop()
            self.trace.place = outer

    def primitive(
        self,
        primitive: Primitive,
        arguments: Sequence[Any],
        keywords: Mapping[str, Any],
        trace: Trace,
        place: Place,
    ) -> Value:
        """The primitive applied to values and options; in ``trace`` where no value is traced."""
        with self.at(place, trace):
            if primitive.call.arguments is None:
                operands, attributes = arguments, dict(keywords)
            else:
                operands, attributes = primitive.call.arguments(*arguments, **keywords)
            for operand in operands:
                if isinstance(operand, tuple | str | Callback) or operand is None:
                    as_number(operand, place)
            _check_options(primitive, attributes, place)
            if not any(isinstance(operand, Tracer) for operand in operands):
                operands = [_settled(operand, trace) for operand in operands]
            try:
                result = applied(primitive, operands, attributes, trace)
            except SystemExit as error:
                raise PluginFailure(primitive, "value", told(error)).at(place) from error
        return checked(entered(result, trace), place)

    def macro(
        self, macro: Callable[..., Any], bound: inspect.BoundArguments, trace: Trace, place: Place
    ) -> Value:
        """A function over primitives, run here; its numbers are values of ``trace``."""
        bound.apply_defaults()
        for name, parameter in bound.signature.parameters.items():
            value = bound.arguments[name]
            annotation = str(parameter.annotation)
            if annotation == "Value":
                bound.arguments[name] = _valued(value, trace)
            if annotation == "int" and isinstance(value, int) and value > LONGEST_RANGE:
                raise ShapeError(
                    f"{value} entries are too many",
                    place=place,
                    expected=f"at most {LONGEST_RANGE}",
                    code="too-large",
                )
        with self.at(place, trace, check_pairs=False):
            result = macro(*bound.args, **bound.kwargs)
        return checked(entered(result, trace), place)


def entered(value: Any, trace: Trace) -> Value:
    """``value`` as expressions know it: arrays as traced values, NumPy's scalars as Python's."""
    if isinstance(value, np.generic):
        number: Value = value.item()
        return number
    if isinstance(value, np.ndarray):
        if value.dtype.kind == "f" and value.dtype != trace.precision:
            value = value.astype(trace.precision)
        return trace.lift(value)
    if isinstance(value, list | tuple):
        return tuple(entered(entry, trace) for entry in value)
    result: Value = value
    return result


def checked(value: Value, place: Place) -> Value:
    """``value`` where it is an array of numbers, and not absurdly large, rows aside."""
    for part in value if isinstance(value, tuple) else (value,):
        if not isinstance(part, Tracer):
            continue
        if not _is_array(part.aval):
            raise ShapeError("this is no array of numbers", place=place)
        if part.ndim > MOST_AXES:
            raise ShapeError(
                f"this value has {part.ndim} axes",
                place=place,
                expected=f"at most {MOST_AXES}",
                code="too-large",
            )
        entries = math.prod(size for size in part.shape if isinstance(size, int))
        if entries > LARGEST:
            raise ShapeError(
                f"a value of shape {part.shape} has {entries} entries",
                place=place,
                expected=f"at most {LARGEST}",
                code="too-large",
            )
    return value


def _is_array(aval: Any) -> bool:
    """Whether a shape rule, which may be anybody's, has answered with the aval of an array."""
    sizes = (isinstance(size, Dim) or (type(size) is int and size >= 0) for size in aval.shape)
    return all(sizes) and isinstance(aval.dtype, np.dtype) and aval.dtype.kind in "biufc"


def _known_beforehand(error: TraceError, place: Place) -> OptserveError:
    """``error`` in the words of a config where Python asked a traced value for its number."""
    if not error.message.startswith("__"):
        return error
    return ShapeError(
        "an option, a shape or a count depends on data or parameters here",
        place=error.place or place,
        expected="numbers that are known when the loss is built",
        code="not-constant",
    )


def _foreign(error: Exception, place: Place) -> ShapeError:
    """What a primitive raised that is none of our errors."""
    if "cannot be interpreted as an integer" in str(error):
        return ShapeError(
            "a whole number is needed here", place=place, remedy="// divides whole numbers"
        )
    reason = _shortened(str(error).strip() or type(error).__name__)
    return ShapeError(f"this cannot be computed: {reason}", place=place)


def _shortened(message: str) -> str:
    """``message`` without the middle of what it quotes, should that be endless."""
    if len(message) <= LONGEST_MESSAGE:
        return message
    return f"{message[: LONGEST_MESSAGE // 2]} ... {message[-LONGEST_MESSAGE // 2 :]}"


def _settled(operand: Any, trace: Trace) -> Any:
    """A number as the precision of the trace has it: no traced operand is there to say so."""
    return trace.precision.type(operand) if isinstance(operand, float) else operand


def _valued(value: Any, trace: Trace) -> Any:
    """Numbers, also those in a tuple, as values of ``trace`` in its precision."""
    if isinstance(value, tuple):
        return tuple(_valued(entry, trace) for entry in value)
    if isinstance(value, int | float) and not isinstance(value, bool):
        return trace.lift(trace.precision.type(value))
    return value


def _check_options(primitive: Primitive, attributes: Mapping[str, Any], place: Place) -> None:
    for name, value in attributes.items():
        parts = value if isinstance(value, tuple) else (value,)
        if any(isinstance(part, Tracer) for part in parts):
            raise ShapeError(
                f"the option '{name}' of {primitive.name} must be known when the loss is built",
                place=place,
                expected=shown_signature(primitive.name, primitive.call.signature),
                code="not-constant",
            )
