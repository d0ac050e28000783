"""What the tests of expressions share: a scope of one table and some parameters; evaluation."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from optserve.config.expressions import (
    Expression,
    Function,
    Scope,
    Signature,
    Text,
    Value,
    build,
    declare,
    parse_expression,
    parse_signature,
)
from optserve.errors import OptserveError, Place
from optserve.graph.aval import Aval
from optserve.graph.dim import Dim
from optserve.graph.graph import Graph
from optserve.graph.interpret import interpret
from optserve.primitives.tracing import new_trace
from optserve.primitives.vocabulary import Vocabulary, builtin_vocabulary

ROWS = 5
COLUMNS: Mapping[str, Any] = {
    "x": np.array([0.5, -1.5, 2.0, 0.25, -0.75]),
    "X": np.array([[1.0, 2.0, 0.5], [0.0, -1.0, 2.5], [3.0, 0.5, 1.0], [1.5, 1.0, 0], [2, 2, -1]]),
    "k": np.array([0, 2, 1, 1, 2]),
    "sum": np.array([1.0, 2.0, 3.0, 4.0, 5.0]),
}
PARAMETERS: Mapping[str, Any] = {
    "b": np.array(0.5),
    "w": np.array([0.5, -1.0, 2.0]),
    "layer1.W": np.arange(12.0).reshape(3, 4) / 10,
    "layer1.b": np.array([1.0, 2.0, 3.0, 4.0]),
}


def text(written: str, line: int = 1) -> Text:
    """``written`` as a plain scalar that begins in the first column."""
    excerpt = written if written.isprintable() else ""
    return Text.at(written, Place("fit.yaml", line, 1, excerpt=excerpt))


def parse(written: str, line: int = 1) -> Expression:
    return parse_expression(text(written, line))


def signature(written: str) -> Signature:
    return parse_signature(text(written))


def function(declared: str, body: str | Mapping[str, str], line: int = 1) -> Function:
    head = parse_signature(text(declared, line))
    if isinstance(body, str):
        return declare(head, parse(body, line))
    return declare(head, [(text(name, line), parse(part, line)) for name, part in body.items()])


@dataclass
class Workbench:
    """A trace, and a scope of the columns and parameters above as its inputs."""

    functions: Sequence[Function] = ()
    precision: str = "float64"
    later: Mapping[str, Place] = field(default_factory=dict)
    vocabulary: Vocabulary = field(default_factory=builtin_vocabulary)

    def __post_init__(self) -> None:
        dtype = np.dtype(self.precision)
        self.trace = new_trace(precision=dtype)
        self.arrays = [
            array.astype(dtype) if array.dtype.kind == "f" else array
            for array in (*COLUMNS.values(), *PARAMETERS.values())
        ]
        inputs = {
            name: self.trace.input(Aval(self._shape(name, array), array.dtype), name)
            for name, array in zip((*COLUMNS, *PARAMETERS), self.arrays, strict=True)
        }
        self.scope = Scope(
            vocabulary=self.vocabulary,
            columns={name: inputs[name] for name in COLUMNS},
            parameters={name: inputs[name] for name in PARAMETERS},
            functions={function.name: function for function in self.functions},
            later=self.later,
        )

    @staticmethod
    def _shape(name: str, array: Any) -> Any:
        return (Dim.rows("data"), *array.shape[1:]) if name in COLUMNS else array.shape

    def build(self, written: str) -> Value:
        return build(parse(written), self.scope, self.trace)

    def graph(self, written: str) -> Graph:
        value = self.build(written)
        return self.trace.graph(value if isinstance(value, tuple) else [value])

    def evaluate(self, written: str) -> Any:
        """What the expression comes to: an array, or a tuple of arrays."""
        graph = self.graph(written)
        with np.errstate(all="ignore"):
            values = interpret(graph, *self.arrays, *self.trace.captured)
        return values if len(values) > 1 else values[0]


def message(written: str, *functions: Function, **scope: Any) -> str:
    """The error block that building ``written`` ends with."""
    try:
        Workbench(functions, **scope).build(written)
    except OptserveError as error:
        return error.block()
    raise AssertionError(f"{written!r} was accepted")
