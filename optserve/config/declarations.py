"""What a config declares, parsed and before anything is built: names, functions, expressions."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from optserve.config.expressions import (
    Expression,
    Function,
    Step,
    Text,
    compose,
    declare,
    parse_expression,
    parse_signature,
)
from optserve.config.nodes import Scalar
from optserve.config.schema import expression as written
from optserve.config.schema.config import Config, ObjectiveKind
from optserve.config.schema.define import Body, Composition, Definition
from optserve.config.schema.loss import Comparison, LeastSquares
from optserve.config.schema.table import Table
from optserve.errors import ConfigError, Place

__all__ = ["Declarations", "Loss", "RowExpressions", "Value", "declarations", "name_of", "parsed"]


class Value(NamedTuple):
    """A value of ``define``."""

    name: str
    expression: Expression
    place: Place


class Loss(NamedTuple):
    """The loss: its terms by name, and what they are.

    ``loss`` and ``log_likelihood`` have one term of that name; ``least_squares`` has residuals by
    name, or ``observed``, ``predicted`` and perhaps ``sigma`` where it is a ``comparison``.
    """

    kind: ObjectiveKind
    terms: Mapping[str, Expression]
    comparison: bool
    place: Place


class RowExpressions(NamedTuple):
    """What a table says of its rows: which of them count, and what is derived of them."""

    where: Expression | None
    derived: tuple[Value, ...]


class Declarations(NamedTuple):
    """Parameters and values with their places, functions by name, the loss, the metrics, and the
    expressions of each table."""

    parameters: Mapping[str, Place]
    values: tuple[Value, ...]
    functions: Mapping[str, Function]
    loss: Loss
    metrics: Mapping[str, Expression]
    tables: Mapping[str, RowExpressions]

    @property
    def called(self) -> frozenset[str]:
        """The names that are called and not declared here: primitives."""
        calls = [part.calls for part in self._expressions()]
        calls += [function.calls for function in self.functions.values()]
        return frozenset[str]().union(*calls) - set(self.functions)

    @property
    def mentioned(self) -> frozenset[str]:
        """All other names in expressions; some may be primitives passed by name."""
        names = [part.names for part in self._expressions()]
        names += [function.names for function in self.functions.values()]
        return frozenset[str]().union(*names)

    def _expressions(self) -> Iterable[Expression]:
        yield from (value.expression for value in self.values)
        yield from self.loss.terms.values()
        yield from self.metrics.values()
        for table in self.tables.values():
            yield from (column.expression for column in table.derived)
            yield from () if table.where is None else (table.where,)


def declarations(config: Config) -> Declarations:
    """Everything that ``config`` declares; raises ``ConfigError`` where it cannot be parsed."""
    keys = config.keys_in("parameters")
    parameters = {name_of(keys[name]): keys[name].place for name in config.parameters}
    values: list[Value] = []
    functions: dict[str, Function] = {}
    for definition in config.define.definitions:
        defined = _defined(definition)
        if isinstance(defined, Value):
            values.append(defined)
        elif defined.name in functions:
            raise ConfigError(
                f"the function '{defined.name}' is defined twice",
                place=defined.place,
                expected=f"one definition; the first is at {functions[defined.name].place}",
            )
        else:
            functions[defined.name] = defined
    names = config.keys_in("metrics")
    metrics = {
        name_of(names[name], dotted=False): parsed(one) for name, one in config.metrics.items()
    }
    tables = config.data.tables if config.data is not None else {}
    return Declarations(
        parameters,
        tuple(values),
        functions,
        _loss(config),
        metrics,
        {name: _row_expressions(table) for name, table in tables.items()},
    )


def parsed(expression: written.Expression) -> Expression:
    """The checked tree of an expression of the config."""
    return parse_expression(_text(expression.written))


def name_of(key: Scalar, *, dotted: bool = True) -> str:
    """The name that ``key`` declares, where names of values stand."""
    signature = parse_signature(_text(key))
    if signature.parameters is not None:
        raise ConfigError(f"{signature} is no name of a value", place=key.place, expected="a name")
    if not dotted and "." in signature.name:
        raise ConfigError(
            f"'{signature.name}' has a dot", place=key.place, expected="a name without dots"
        )
    return signature.name


def _row_expressions(table: Table) -> RowExpressions:
    keys = table.keys_in("derive")
    derived = [
        Value(name_of(keys[name], dotted=False), parsed(one), keys[name].place)
        for name, one in table.derive.items()
    ]
    return RowExpressions(None if table.where is None else parsed(table.where), tuple(derived))


def _text(scalar: Scalar) -> Text:
    return Text(scalar.text, scalar.pieces())


def _defined(definition: Definition) -> Value | Function:
    signature = parse_signature(_text(definition.key))
    body = definition.body
    if isinstance(body, Composition):
        steps = [
            Step(_text(stage.name), tuple(parsed(argument) for argument in stage.arguments))
            for stage in body.stages
        ]
        return compose(signature, steps, innermost_first=body.innermost_first)
    if signature.parameters is None:
        if isinstance(body, Body):
            raise ConfigError(
                f"'{signature.name}' is a value, and only functions have locals",
                place=signature.place,
                remedy="make each local a value of define, before this one",
            )
        return Value(signature.name, parsed(body), signature.place)
    if isinstance(body, Body):
        return declare(signature, [(_text(key), parsed(part)) for key, part in body.locals])
    return declare(signature, parsed(body))


def _loss(config: Config) -> Loss:
    kind, given = config.objective
    place = config.place_of(kind) or Place("")
    if not isinstance(given, LeastSquares):
        return Loss(kind, {kind: parsed(given)}, False, place)
    terms = given.terms
    if isinstance(terms, Comparison):
        parts = {"observed": terms.observed, "predicted": terms.predicted, "sigma": terms.sigma}
        expressions = {name: parsed(part) for name, part in parts.items() if part is not None}
        return Loss(kind, expressions, True, place)
    return Loss(kind, {name: parsed(part) for name, part in terms.items()}, False, place)
