"""Building: a checked tree becomes traced values, each operation under the place it was written at.

Declared functions are inlined where they are called. Nothing here knows a primitive by name, save
``stack``, which ``[a, b]`` stands for: names are looked up in a scope, options in signatures.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from types import EllipsisType
from typing import Any

from optserve.config.expressions.arguments import (
    bind_nodes,
    check_option,
    counted,
    match_arguments,
    takes_function,
    takes_list,
)
from optserve.config.expressions.complex_calls import calls_back, complex_call, holds_complex
from optserve.config.expressions.complex_numbers import (
    Complex,
    as_complex,
    binary,
    each_part,
    no_complex,
    stacked_parts,
)
from optserve.config.expressions.declared_functions import Function, called_at
from optserve.config.expressions.folding import apply_binary, apply_prefix
from optserve.config.expressions.recording import Recorder, checked, entered
from optserve.config.expressions.scope import Scope
from optserve.config.expressions.tree import (
    Attribute,
    Call,
    Constant,
    Expression,
    ExpressionNode,
    Listing,
    Name,
    Operation,
    Prefix,
    Subscript,
    Tupling,
)
from optserve.config.expressions.undeclared import undeclared
from optserve.config.expressions.values import (
    Callback,
    Number,
    Value,
    as_number,
    attribute_of,
    trace_of,
    with_shapes,
)
from optserve.config.expressions.written_subscripts import indexed
from optserve.errors import ConfigError, OptserveError, Place, ShapeError, together
from optserve.graph.dim import Dim
from optserve.graph.trace import Trace, Tracer
from optserve.primitives.shaping import stack

__all__ = ["build"]


def build(expression: Expression, scope: Scope, trace: Trace) -> Value:
    """The value of ``expression`` in ``scope``, its operations recorded in ``trace``.

    A value that depends on nothing traced is a number (``int``, ``float``, ``bool``), and one that
    only counts rows is a ``Dim``; ``trace.graph`` takes either. Tuples are tuples of values.

    Raises ``ConfigError`` for names that mean nothing, all of them, and for calls that do not fit;
    ``ShapeError`` for operands that do not. Each has the place of its sub-expression.

    >>> from optserve.config.expressions.parse import parse_expression
    >>> from optserve.config.expressions.expression_text import Text
    >>> from optserve.graph.aval import Aval
    >>> from optserve.primitives.tracing import new_trace
    >>> from optserve.primitives.vocabulary import builtin_vocabulary
    >>> import numpy as np
    >>> trace = new_trace()
    >>> x = trace.input(Aval((3,), np.dtype("float64")), "x")
    >>> scope = Scope(vocabulary=builtin_vocabulary(), columns={"x": x})
    >>> text = Text.at("sum(exp(x) * 2)", Place("fit.yaml", 4, 7))
    >>> build(parse_expression(text), scope, trace)
    Tracer(float64[])
    """
    frame = _Frame({}, trace, ())
    try:
        value = _Builder(scope, Recorder(trace, scope.pairs)).value(expression.root, frame)
    except RecursionError:
        raise ConfigError(
            "functions are nested too deeply in one another",
            place=expression.place,
            remedy="name the inner parts in define",
            code="too-large",
        ) from None
    except OptserveError as error:
        raise together([error, *undeclared(expression, scope)]) from error.__cause__
    return value


@dataclass(frozen=True)
class _Frame:
    """Where a body is being built: its locals, the trace it runs in, the functions under way."""

    locals: Mapping[str, Value]
    trace: Trace
    chain: tuple[str, ...]


@dataclass(frozen=True)
class _Builder:
    """Walks a tree; one for each expression that is built."""

    scope: Scope
    recorder: Recorder

    def value(self, node: ExpressionNode, frame: _Frame) -> Value:
        match node:
            case Constant(value=constant):
                assert not isinstance(constant, EllipsisType)  # it stands in subscripts only
                return as_complex(constant) if isinstance(constant, complex) else constant
            case Name():
                return self.name(node, frame)
            case Attribute(value=inner, attribute=attribute):
                return self.attribute(self.value(inner, frame), attribute, node.place, frame)
            case Prefix(symbol=symbol, operand=inner):
                operand = self.operand(inner, frame)
                with self.recorder.at(node.place, frame.trace):
                    if isinstance(operand, Complex):
                        if symbol == "~":
                            raise no_complex(symbol)
                        return binary("-", 0.0, operand) if symbol == "-" else operand
                    return apply_prefix(symbol, operand, frame.trace)
            case Operation():
                return self.operation(node, frame)
            case Tupling(entries=entries):
                return tuple(self.value(entry, frame) for entry in entries)
            case Listing():
                return self.listing(node, frame)
            case Subscript():
                value, pairs = self.value(node.value, frame), self.scope.pairs

                def picked(whole: Value) -> Any:
                    return indexed(whole, node, lambda index: self.value(index, frame), pairs)

                with self.recorder.at(node.place, frame.trace):
                    if isinstance(value, Complex):
                        return each_part(value, picked)
                    return checked(picked(value), node.place)
            case Call():
                return self.call(node, frame)

    def name(self, node: Name, frame: _Frame) -> Value:
        """The longest declared beginning of a dotted name; the rest are attributes of it."""
        parts = node.dotted.split(".")
        for count in range(len(parts), 0, -1):
            name = ".".join(parts[:count])
            if name in frame.locals:
                value = frame.locals[name]
            elif self.scope.has_value(name):
                value = self.scope.value(name)
            else:
                continue
            for attribute in parts[count:]:
                value = self.attribute(value, attribute, node.place, frame)
            return value
        raise self.scope.unknown_value(node.dotted, node.place, frame.locals)

    def attribute(self, value: Value, attribute: str, place: Place, frame: _Frame) -> Value:
        with self.recorder.at(place, frame.trace):
            return attribute_of(value, attribute, place)

    def operand(self, node: ExpressionNode, frame: _Frame) -> Number | Complex:
        """What an operator is applied to."""
        value = self.value(node, frame)
        return value if isinstance(value, Complex) else as_number(value, node.place)

    def operation(self, node: Operation, frame: _Frame) -> Value:
        value: Value = self.operand(node.first, frame)
        written = node.first.place
        for step in node.steps:
            left = value if isinstance(value, Complex) else as_number(value, written)
            right = self.operand(step.operand, frame)
            try:
                with self.recorder.at(step.place, frame.trace):
                    if isinstance(left, Complex) or isinstance(right, Complex):
                        value = binary(step.symbol, *self.counted((left, right), frame))
                    else:
                        value = apply_binary(step.symbol, left, right, frame.trace)
            except ShapeError as error:
                raise with_shapes(error, [(written, left), (step.operand.place, right)]) from None
            value, written = checked(value, step.place), step.place
        return value

    def listing(self, node: Listing, frame: _Frame) -> Value:
        """``[a, b]`` is ``stack((a, b))``."""
        if not node.entries:
            raise ConfigError(
                "the list is empty",
                place=node.place,
                expected="at least one entry, such as [a, b]",
                code="wrong-operand",
            )
        values = [self.operand(entry, frame) for entry in node.entries]

        def stacked(entries: Sequence[Any]) -> Value:
            return self.recorder.primitive(stack, [entries], {}, frame.trace, node.place)

        try:
            if any(isinstance(value, Complex) for value in values):
                return stacked_parts(self.counted(values, frame), stacked)
            return stacked(values)
        except ShapeError as error:
            places = (entry.place for entry in node.entries)
            raise with_shapes(error, zip(places, values, strict=True)) from None

    def counted(self, values: Sequence[Number | Complex], frame: _Frame) -> list[Any]:
        """Row counts among values as numbers of the trace."""
        return [frame.trace.lift(one) if isinstance(one, Dim) else one for one in values]

    def call(self, node: Call, frame: _Frame) -> Value:
        """A call: of a function that was passed in, a declared one, a primitive or a macro."""
        name, vocabulary = node.function, self.scope.vocabulary
        passed = frame.locals.get(name)
        if isinstance(passed, Callback):
            if node.keywords:
                place = node.keywords[0][1].place
                raise ConfigError(
                    "a function passed by name takes no named arguments",
                    place=place,
                    code="wrong-call",
                )
            arguments = [self.argument(written, None, frame) for written in node.arguments]
            with self.recorder.at(node.place, frame.trace):
                return entered(passed(*arguments), frame.trace)
        if name in self.scope.functions:
            function = self.scope.functions[name]
            written = match_arguments(function.parameters, node, str(function), function.place)
            arguments = [self.argument(argument, None, frame) for argument in written]
            return self.inline(function, arguments, frame, node.place)
        if self.scope.asks(name):
            return self.asked(node)
        if name in vocabulary.macros:
            macro = vocabulary.macros[name]
            bound = self.arguments(inspect.signature(macro), node, frame)
            return self.macro(name, macro, bound, frame, node.place)
        primitive = self.scope.primitive(name)
        if primitive is not None:
            bound = self.arguments(primitive.call.signature, node, frame)
            if holds_complex(bound):
                with self.recorder.at(node.place, frame.trace):
                    return complex_call(name, primitive, bound)
            try:
                return self.recorder.primitive(
                    primitive, bound.args, bound.kwargs, frame.trace, node.place
                )
            except ShapeError as error:
                places = (argument.place for argument in node.arguments)
                raise with_shapes(error, zip(places, bound.args, strict=False)) from None
        raise self.scope.unknown_function(name, node.name_place, frame.locals)

    def asked(self, node: Call) -> Value:
        """What ``rows(data)`` and the like ask of a table or a column, which they name."""
        [written, *more] = [*node.arguments, None]
        if not isinstance(written, Name) or len(more) != 1 or node.keywords:
            what = "a column of categories" if node.function == "levels" else "a table"
            raise ConfigError(
                f"{node.function}(...) is called with something else than a name",
                place=node.place,
                expected=f"{node.function}(NAME), the name of {what}",
                code="wrong-call",
            )
        assert self.scope.sizes is not None
        return self.scope.sizes(node.function, written.dotted, written.place)

    def arguments(
        self, signature: inspect.Signature, node: Call, frame: _Frame
    ) -> inspect.BoundArguments:
        """The arguments of a call of a primitive, each as its parameter takes it."""
        bound = bind_nodes(signature, node)
        for name, written in bound.arguments.items():
            parameter = signature.parameters[name]
            if parameter.kind is inspect.Parameter.VAR_POSITIONAL:
                entries = (self.argument(entry, parameter, frame) for entry in written)
                bound.arguments[name] = tuple(entries)
            elif parameter.kind is inspect.Parameter.VAR_KEYWORD:
                named = {
                    key: self.argument(entry, parameter, frame) for key, entry in written.items()
                }
                bound.arguments[name] = named
            else:
                bound.arguments[name] = self.argument(written, parameter, frame)
        return bound

    def argument(
        self, node: ExpressionNode, parameter: inspect.Parameter | None, frame: _Frame
    ) -> Value:
        """One argument; without a ``parameter`` it is one of a declared function, which takes
        values and functions."""
        if isinstance(node, Name) and (parameter is None or takes_function(parameter)):
            function = self.passed(node, parameter, frame)
            if function is not None:
                return function
        if parameter is not None and takes_list(parameter) and isinstance(node, Listing):
            return tuple(self.value(entry, frame) for entry in node.entries)
        if isinstance(node, Constant):
            check_option(node.value, parameter, node.place)
        return self.value(node, frame)

    def passed(
        self, node: Name, parameter: inspect.Parameter | None, frame: _Frame
    ) -> Callback | None:
        """The function that ``node`` names; where values are taken too, only if it names none."""
        name = node.dotted
        value = frame.locals.get(name)
        if isinstance(value, Callback):
            return value
        if parameter is None and (value is not None or self.scope.has_value(name)):
            return None
        if not self.scope.has_function(name):
            if parameter is not None:
                raise self.scope.unknown_function(name, node.place, frame.locals)
            return None

        def call(*arguments: Any) -> Any:
            inner = [trace for trace in map(trace_of, arguments) if trace is not None]
            trace = max([frame.trace, *inner], key=lambda trace: trace.serial)
            values = [entered(argument, trace) for argument in arguments]
            return self.apply(name, values, replace(frame, trace=trace), node.place)

        return Callback(name, call)

    def apply(self, name: str, values: Sequence[Value], frame: _Frame, place: Place) -> Value:
        """Call a function that was passed by name."""
        if name in self.scope.functions:
            return self.inline(self.scope.functions[name], values, frame, place)
        macro = self.scope.vocabulary.macros.get(name)
        primitive = self.scope.vocabulary.primitives.get(name)
        if primitive is not None and any(isinstance(value, Complex) for value in values):
            with self.recorder.at(place, frame.trace):
                return complex_call(name, primitive, primitive.call.signature.bind(*values))
        if macro is not None:
            bound = inspect.signature(macro).bind(*values)
            return self.macro(name, macro, bound, frame, place)
        assert primitive is not None
        return self.recorder.primitive(primitive, values, {}, frame.trace, place)

    def macro(
        self,
        name: str,
        macro: Callable[..., Any],
        bound: inspect.BoundArguments,
        frame: _Frame,
        place: Place,
    ) -> Value:
        """A function over primitives, which takes complex numbers or none."""
        if holds_complex(bound) and not calls_back(bound):
            with self.recorder.at(place, frame.trace):
                return complex_call(name, None, bound)
        return self.recorder.macro(macro, bound, frame.trace, place)

    def inline(
        self, function: Function, values: Sequence[Value], frame: _Frame, place: Place
    ) -> Value:
        """The body of ``function`` in a frame of its own, which sees nothing of the caller's."""
        chain = (*frame.chain, function.name)
        if function.name in frame.chain:
            cycle = chain[frame.chain.index(function.name) :]
            raise ConfigError(
                f"'{function.name}' calls itself: {' -> '.join(cycle)}",
                place=place,
                expected="functions that come to an end without calling themselves",
                remedy="scan repeats a function",
                code="wrong-definition",
            )
        if len(values) != len(function.parameters):  # a primitive called it
            raise ConfigError(
                f"{function.name} is called with {counted(len(values))}",
                place=place,
                expected=f"{function}, defined at {function.place}",
                code="wrong-call",
            )
        self.recorder.count(place)
        locals_: dict[str, Value] = dict(zip(function.parameters, values, strict=True))
        inner = _Frame(locals_, frame.trace, chain)
        try:
            for name, part in function.body:
                locals_[name] = value = self.value(part.root, inner)
                if function.composed and isinstance(value, Tracer):
                    value.trace.seal(value)
        except OptserveError as error:
            raise called_at(error, function, place) from None
        return locals_["return"]
