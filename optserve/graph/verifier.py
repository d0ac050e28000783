"""The rules that every graph obeys; tests verify after every transform."""

from __future__ import annotations

from typing import Any

import numpy as np

from optserve.errors import GraphError, OptserveError
from optserve.graph.dim import Dim
from optserve.graph.graph import Atom, Equation, Graph, Literal, Var
from optserve.graph.meaning import Meaning
from optserve.graph.trace import result_avals

__all__ = ["verify"]


_ATTRIBUTES = (bool, int, float, str, bytes, np.dtype, Dim, Graph)


def verify(graph: Graph, meaning: Meaning) -> Graph:
    """``graph`` itself, or a ``GraphError`` that names the equation and the broken rule.

    Rules: a variable is assigned once and before it is read; an equation's results have the avals
    that the primitive's shape rule gives for its operands; attributes are hashable and literals
    are scalars; the graphs in attributes obey the same rules.
    """
    defined: set[Var] = set()
    for variable in graph.inputs:
        _define(variable, defined, "an input")
    for equation in graph.equations:
        for atom in equation.operands:
            _check_read(atom, defined, equation.primitive.name)
        _check_attributes(equation)
        _check_avals(equation, meaning)
        for variable in equation.results:
            _define(variable, defined, equation.primitive.name)
    for atom in graph.outputs:
        _check_read(atom, defined, "an output")
    for _, subgraph in graph.subgraphs():
        verify(subgraph, meaning)
    return graph


def _define(variable: Var, defined: set[Var], what: str) -> None:
    if variable in defined:
        raise GraphError(f"{what} assigns {variable} a second time")
    defined.add(variable)


def _check_read(atom: Atom, defined: set[Var], what: str) -> None:
    if isinstance(atom, Literal):
        if np.ndim(atom.value):
            raise GraphError(
                f"{what} reads a literal of shape {np.shape(atom.value)}, not a scalar"
            )
    elif atom not in defined:
        raise GraphError(f"{what} reads {atom}, which nothing before it provides")


def _check_attributes(equation: Equation) -> None:
    for key, value in equation.attributes.items():
        if not _is_attribute(value):
            raise GraphError(
                f"{equation.primitive.name} has the attribute {key}={value!r}",
                place=equation.place,
                expected="a hashable value: number, text, bytes, dtype, Dim, graph or a tuple",
            )


def _is_attribute(value: Any) -> bool:
    if isinstance(value, tuple):
        return all(map(_is_attribute, value))
    return value is None or isinstance(value, _ATTRIBUTES)


def _check_avals(equation: Equation, meaning: Meaning) -> None:
    avals = [atom.aval for atom in equation.operands]
    try:
        expected = result_avals(equation.primitive, avals, equation.attributes, meaning)
    except OptserveError as error:
        raise GraphError(
            f"{equation.primitive.name} does not accept {avals}: {error.message}",
            place=equation.place,
        ) from error
    found = tuple(variable.aval for variable in equation.results)
    if found != expected:
        raise GraphError(
            f"{equation.primitive.name} gives {found}", place=equation.place, expected=f"{expected}"
        )
