"""The expression language: a subset of Python's expressions, read into a tree, built into a graph.

Nothing is ever evaluated as Python. The public face, in the order of use:

- ``Text``: a text and where each of its characters stands in the file;
- ``parse_expression(text) -> Expression``: a checked tree, a value that lists the names it calls
  and uses (``.calls``, ``.names``) before anything is built;
- ``parse_signature(text) -> Signature``: what a key of ``define`` declares, ``mu`` or ``f(s, t)``;
- ``declare(signature, body) -> Function`` and ``compose(signature, steps) -> Function``: functions,
  which list their names too;
- ``Scope``: the columns, parameters, values and functions that are declared, and the vocabulary;
- ``build(expression, scope, trace) -> Value``: the traced value of an expression.

>>> import numpy as np
>>> from optserve.errors import Place
>>> from optserve.graph.aval import Aval
>>> from optserve.graph.interpret import interpret
>>> from optserve.primitives.tracing import new_trace
>>> from optserve.primitives.vocabulary import builtin_vocabulary
>>> trace = new_trace()
>>> x = trace.input(Aval((2,), np.dtype("float64")), "x")
>>> expression = parse_expression(Text.at("sum(x ** 2)", Place("fit.yaml", 7, 7)))
>>> loss = build(expression, Scope(vocabulary=builtin_vocabulary(), columns={"x": x}), trace)
>>> [float(value) for value in interpret(trace.graph([loss]), np.array([3.0, 4.0]))]
[25.0]
"""

from optserve.config.expressions.build import build
from optserve.config.expressions.complex_numbers import Complex
from optserve.config.expressions.declared_functions import (
    AppliedFunction,
    Function,
    Signature,
    compose,
    declare,
    parse_signature,
)
from optserve.config.expressions.expression_text import Text
from optserve.config.expressions.parse import parse_expression
from optserve.config.expressions.scope import OF_TABLES, Asked, Scope
from optserve.config.expressions.tree import Expression
from optserve.config.expressions.undeclared import undeclared
from optserve.config.expressions.values import Value, described

__all__ = [
    "OF_TABLES",
    "AppliedFunction",
    "Asked",
    "Complex",
    "Expression",
    "Function",
    "Scope",
    "Signature",
    "Text",
    "Value",
    "build",
    "compose",
    "declare",
    "described",
    "parse_expression",
    "parse_signature",
    "undeclared",
]
