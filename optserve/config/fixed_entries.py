"""``fixed``: which entries of a parameter are held, as a config says it."""

from __future__ import annotations

from itertools import count
from math import prod

import numpy as np

from optserve.config.expressions import Scope, Text, build, parse_expression
from optserve.config.expressions.tree import Name, Subscript
from optserve.config.nodes import Node, ScalarNode, SequenceNode, kind_of
from optserve.config.schema.parameter import Parameter
from optserve.errors import ConfigError, OptserveError
from optserve.graph.aval import Array, Aval
from optserve.graph.interpret import interpret
from optserve.graph.trace import Tracer
from optserve.primitives.tracing import new_trace
from optserve.primitives.vocabulary import builtin_vocabulary

__all__ = ["fixed_entries"]

_SUCH = 'entries such as "[0, :6]"'


def fixed_entries(written: Parameter, shape: tuple[int, ...]) -> Array:
    """Which entries are held at their start, of a parameter of this shape.

    ``true`` holds all of them; a text such as ``"[0, :6]"``, or a list of these, holds what the
    subscript takes; a nested list of truth values says it of each entry.
    """
    if isinstance(written.fixed, bool):
        return np.full(shape, written.fixed)
    node = written.node_of("fixed")
    if isinstance(node, ScalarNode):
        return _taken(node, shape)
    assert isinstance(node, SequenceNode)
    if all(isinstance(one, ScalarNode) and isinstance(one.value, str) for one in node):
        held = np.zeros(shape, bool)
        for one in node:
            assert isinstance(one, ScalarNode)
            held |= _taken(one, shape)
        return held
    held = _truths(node)
    if held.shape != shape:
        raise ConfigError(
            f"the truth values have the shape {held.shape}",
            place=node.place,
            expected=f"the shape of the parameter, {shape}",
            code="wrong-start",
        )
    return held


def _taken(node: ScalarNode, shape: tuple[int, ...]) -> Array:
    """The entries that a subscript takes."""
    text = node.text.strip()
    if not (text.startswith("[") and text.endswith("]")):
        raise ConfigError(
            f"`{node.path}` is {kind_of(node)}",
            place=node.place,
            expected=f"true, false, or {_SUCH}",
            code="wrong-value",
        )
    whole = next(name for length in count(1) if (name := "x" * length) not in text)
    expression = parse_expression(Text.at(f"{whole}{text}", node.place))
    root = expression.root
    trace = new_trace()
    places = trace.input(Aval(shape, np.dtype(np.int64)), whole)
    try:
        if not (isinstance(root, Subscript) and isinstance(root.value, Name)):
            raise ConfigError("this is no subscript", code="wrong-index")
        value = build(
            expression, Scope(vocabulary=builtin_vocabulary(), columns={whole: places}), trace
        )
        assert isinstance(value, Tracer)
        numbers = np.arange(prod(shape)).reshape(shape)
        [taken] = interpret(trace.graph([value]), numbers, *trace.captured)
        if not taken.size:
            raise ConfigError("it is empty", code="wrong-index")
    except OptserveError as error:
        raise ConfigError(
            f"{text} takes no entries of an array of shape {shape}: {error.message}",
            place=node.place,
            expected=error.expected.replace(f"a column ({whole})", "") or _SUCH,
            code="wrong-index",
        ) from None
    held = np.zeros(prod(shape), bool)
    held[np.ravel(taken)] = True
    return held.reshape(shape)


def _truths(node: Node) -> Array:
    """A nested list of truth values as an array."""
    if isinstance(node, SequenceNode) and len(node):
        rows = [_truths(one) for one in node]
        if all(row.shape == rows[0].shape for row in rows):
            return np.stack(rows)
    elif isinstance(node, ScalarNode) and isinstance(node.value, bool):
        return np.asarray(node.value)
    raise ConfigError(
        f"`{node.path}` is {kind_of(node)}",
        place=node.place,
        expected="truth values, nested as the entries of the parameter are",
        code="wrong-value",
    )
