"""What a config declares, parsed and before anything is built: names, functions, expressions."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from types import MappingProxyType
from typing import NamedTuple

from optserve.config.expressions import (
    OF_TABLES,
    AppliedFunction,
    Expression,
    Function,
    compose,
    declare,
    parse_signature,
)
from optserve.config.mistakes import Mistakes
from optserve.config.nodes import MappingEntry, MappingNode, Node, ScalarNode, SequenceNode, is_null
from optserve.config.options import Named, named_in, one_named
from optserve.config.parsing import before_brackets, name_of, parsed, text_of
from optserve.config.schema.config import Config
from optserve.config.schema.define import Composition, Definition, Pipe
from optserve.config.schema.loss import Comparison
from optserve.config.schema.output import Output
from optserve.config.schema.table import Table
from optserve.config.schema.uncertainty import Simulate
from optserve.config.schema.validation import wrong_kind
from optserve.config.used_names import mentions, uses
from optserve.errors import ConfigError, Place
from optserve.jobs.problem import ObjectiveKind, WeightKind
from optserve.primitives.random_terms import densities_of

__all__ = [
    "WEIGHTS",
    "Declarations",
    "DeclaredValue",
    "Loss",
    "OutputDeclared",
    "Prior",
    "RowExpressions",
    "SimulatedDeclared",
    "declarations",
]

WEIGHTS = "weights of rows"
"""The term of a loss that has them; no residual can be called so."""


class DeclaredValue(NamedTuple):
    """A value of ``define``."""

    name: str
    expression: Expression
    place: Place


class Loss(NamedTuple):
    """The loss: its terms by name, and what they are.

    ``loss`` and ``log_likelihood`` have one term of that name; ``least_squares`` has residuals by
    name, or ``observed``, ``predicted`` and perhaps ``sigma`` where it is a ``comparison``. Where
    one cannot be parsed it is missing, and the loss is not ``whole``. ``squares`` tells of a log
    likelihood that it was written as least squares, of which priors make it one. Where rows have
    ``weights`` of a kind, these are the term of that name.
    """

    kind: ObjectiveKind
    terms: Mapping[str, Expression]
    comparison: bool
    place: Place
    whole: bool = True
    squares: bool = False
    weights: WeightKind | None = None


class Prior(NamedTuple):
    """The density that a parameter has beforehand: ``named`` is its name without ``_logpdf``,
    and ``hyperparameters`` are its parameters by their keywords."""

    named: Named
    hyperparameters: Mapping[str, Expression]

    @property
    def function(self) -> str:
        """The name of the primitive."""
        return f"{self.named.name}_logpdf"

    @property
    def place(self) -> Place:
        return self.named.place


class OutputDeclared(NamedTuple):
    """An output: its value, what it is computed at, by name, and the level of its interval."""

    value: Expression
    at: Mapping[str, Expression]
    level: float
    place: Place


class RowExpressions(NamedTuple):
    """What a table says of its rows: which of them count, and what is derived of them."""

    where: Expression | None
    derived: tuple[DeclaredValue, ...]


class SimulatedDeclared(NamedTuple):
    """What data sets of a simulation are drawn from, if not from the model of the loss: a
    ``density``, or ``columns`` in order, by expressions that may have random terms."""

    density: Expression | None = None
    columns: Mapping[str, Expression] = MappingProxyType({})

    @property
    def expressions(self) -> Iterable[Expression]:
        """All of them."""
        return [*self.columns.values(), *([self.density] if self.density else [])]


class Declarations(NamedTuple):
    """Parameters and values with their places, functions by name, the loss, metrics and outputs,
    the expressions of each table, and of each parameter its prior and its start, where that is a
    text: an expression of data, or the name of an initializer; and what a simulation draws."""

    parameters: Mapping[str, Place]
    values: tuple[DeclaredValue, ...]
    functions: Mapping[str, Function]
    loss: Loss
    metrics: Mapping[str, Expression]
    tables: Mapping[str, RowExpressions]
    priors: Mapping[str, Prior]
    starts: Mapping[str, Expression]
    outputs: Mapping[str, OutputDeclared]
    simulated: SimulatedDeclared = SimulatedDeclared()

    @property
    def called(self) -> frozenset[str]:
        """The names that are called and not declared here: primitives."""
        return self._calls - OF_TABLES

    @property
    def asked(self) -> frozenset[str]:
        """The words that ask something of tables."""
        return self._calls & OF_TABLES

    @property
    def _calls(self) -> frozenset[str]:
        calls = [part.calls for part in self._expressions()]
        calls += [function.calls for function in self.functions.values()]
        calls += [frozenset({prior.function}) for prior in self.priors.values()]
        random = [name for one in self.simulated.columns.values() for name in one.calls]
        calls += [frozenset(densities_of(random))]
        return frozenset[str]().union(*calls) - set(self.functions)

    def needed(self, expression: Expression) -> tuple[DeclaredValue, ...]:
        """The values of ``define``, in order, that an expression is made of."""
        needed: list[DeclaredValue] = []
        for value in reversed(self.values):
            used = [expression, *(one.expression for one in needed)]
            if any(self.uses(one, [value.name]) for one in used):
                needed.append(value)
        return (*reversed(needed),)

    def free(self, expression: Expression) -> tuple[DeclaredValue, ...]:
        """Those that depend on no parameter."""
        free: list[DeclaredValue] = []
        varying = {*self.parameters}
        for value in self.needed(expression):
            if self.uses(value.expression, varying):
                varying.add(value.name)
            else:
                free.append(value)
        return tuple(free)

    @property
    def mentioned(self) -> frozenset[str]:
        """All other names in expressions; some may be primitives passed by name."""
        names = [part.names for part in self._expressions()]
        names += [function.names for function in self.functions.values()]
        return frozenset[str]().union(*names)

    def uses(self, expression: Expression, names: Collection[str]) -> bool:
        """Whether an expression uses a value of one of ``names``, also in a function it calls."""
        return uses(expression, names, self.functions)

    def mentions(self, expression: Expression, names: Collection[str]) -> bool:
        """Whether an expression uses a value or calls a function of one of ``names``."""
        return mentions(expression, names, self.functions)

    def _expressions(self) -> Iterable[Expression]:
        yield from (value.expression for value in self.values)
        yield from self.loss.terms.values()
        yield from self.metrics.values()
        yield from self.starts.values()
        for output in self.outputs.values():
            yield from (output.value, *output.at.values())
        yield from self.simulated.expressions
        for prior in self.priors.values():
            yield from prior.hyperparameters.values()
        for table in self.tables.values():
            yield from (column.expression for column in table.derived)
            yield from () if table.where is None else (table.where,)


def declarations(config: Config, found: Mistakes) -> Declarations:
    """Everything that ``config`` declares, but for what cannot be parsed."""
    parameters: dict[str, Place] = {}
    for name, entry in config.entries_of("parameters").items():
        with found.declaring(before_brackets(name)):
            parameters[name_of(entry.key)] = entry.key.place
    values: list[DeclaredValue] = []
    functions: dict[str, Function] = {}
    for name, entry in config.entries_of("define").items():
        with found.declaring(before_brackets(name)):
            defined = _defined(config.define[name], entry)
            if isinstance(defined, DeclaredValue):
                values.append(defined)
            elif functions.setdefault(defined.name, defined) is not defined:
                raise ConfigError(
                    f"the function '{defined.name}' is defined twice",
                    place=defined.place,
                    expected=f"one definition; the first is at {functions[defined.name].place}",
                    code="declared-twice",
                )
    metrics: dict[str, Expression] = {}
    for entry in config.entries_of("metrics").values():
        with found:
            metrics[name_of(entry.key, dotted=False)] = parsed(entry.value)
    outputs: dict[str, OutputDeclared] = {}
    for name, entry in config.entries_of("outputs").items():
        with found:
            outputs[name_of(entry.key, dotted=False)] = _output(config.outputs[name], entry)
    tables = {
        name: _row_expressions(table, name, config.prefix_of(name), found)
        for name, table in config.tables.items()
    }
    priors: dict[str, Prior] = {}
    starts: dict[str, Expression] = {}
    for name, parameter in config.parameters_in_full.items():
        if isinstance(parameter.init, str):
            with found.declaring(name):
                starts[name] = parsed(parameter.node_of("init"))
        if parameter.prior is not None:
            with found.declaring(name):
                priors[name] = _prior(parameter.node_of("prior"))
    loss = _loss(config, found)
    made = Declarations(
        parameters=parameters,
        values=tuple(values),
        functions=functions,
        loss=loss,
        metrics=metrics,
        tables=tables,
        priors=priors,
        starts=starts,
        outputs=outputs,
        simulated=_simulated(config.simulate, found),
    )
    return made._replace(loss=_with_priors(made))


def _simulated(asked: Simulate | None, found: Mistakes) -> SimulatedDeclared:
    density, columns = None, dict[str, Expression]()
    if asked is not None:
        for entry in asked.drawn.values():
            with found:
                columns[name_of(entry.key)] = parsed(entry.value)
        if asked.density is not None:
            with found:
                density = parsed(asked.node_of("density"))
    return SimulatedDeclared(density, columns)


def _row_expressions(table: Table, name: str, prefix: str, found: Mistakes) -> RowExpressions:
    derived = []
    for key, entry in table.entries_of("derive").items():
        with found.declaring(prefix + key):
            name_here = name_of(entry.key, dotted=False)
            derived.append(DeclaredValue(name_here, parsed(entry.value), entry.key.place))
    where = None
    if table.where is not None:
        with found.declaring(keys=[f"data.{name}"]):
            where = parsed(table.node_of("where"), texts=True)
    return RowExpressions(where, tuple(derived))


def _defined(definition: Definition, entry: MappingEntry) -> DeclaredValue | Function:
    signature = parse_signature(text_of(entry.key))
    if isinstance(definition, Composition | Pipe):
        innermost_first = isinstance(definition, Pipe)
        stages = definition.node_of("pipe" if innermost_first else "compose")
        assert isinstance(stages, SequenceNode)
        return compose(signature, [*map(_step, stages)], innermost_first=innermost_first)
    body = entry.value
    if not isinstance(body, MappingNode):
        if signature.parameters is None:
            return DeclaredValue(signature.name, parsed(body), signature.place)
        return declare(signature, parsed(body))
    if signature.parameters is None:
        raise ConfigError(
            f"'{signature.name}' is a value, and only functions have locals",
            place=signature.place,
            remedy="make each local a value of define, before this one",
            code="wrong-definition",
        )
    return declare(
        signature, [(text_of(one.key), parsed(one.value)) for one in body.entries.values()]
    )


def _output(written: str | float | Output, entry: MappingEntry) -> OutputDeclared:
    whole = Output.in_full(written, entry.value)
    at = {name_of(one.key): parsed(one.value) for one in whole.entries_of("at").values()}
    return OutputDeclared(parsed(whole.node_of("value")), at, whole.band, entry.key.place)


def _step(stage: Node) -> AppliedFunction:
    """One function of a composition, with what else it is called with."""
    [named] = named_in(stage)
    if named.options is None:
        return AppliedFunction(text_of(named.key), ())
    operands = named.options
    several = operands.items if isinstance(operands, SequenceNode) else (operands,)
    return AppliedFunction(text_of(named.key), tuple(map(parsed, several)))


def _prior(node: Node) -> Prior:
    """The density that is written, and its parameters."""
    if isinstance(node, MappingNode) and len(node) != 1:
        raise wrong_kind(node, "one density: a parameter has one", got=f"a mapping of {len(node)}")
    named = one_named(node)
    options = named.options
    if options is not None and not isinstance(options, MappingNode):
        raise wrong_kind(options, "the parameters of the density by name, {mean: 0, std: 1}")
    written = {} if options is None else options.entries
    for entry in written.values():
        if not isinstance(entry.value, ScalarNode):
            remedy = 'an expression in quotes: "[0, 1]" is an array'
            raise wrong_kind(entry.value, f"a number or an expression; {remedy}")
    return Prior(named, {name: parsed(entry.value) for name, entry in written.items()})


def _with_priors(declared: Declarations) -> Loss:
    """The loss: of least squares that priors leave no sum of squares, as a likelihood.

    A normal prior is one more residual where nothing that varies scales it.
    """
    loss = declared.loss
    varying = {*declared.parameters, *(value.name for value in declared.values)}

    def is_square(prior: Prior) -> bool:
        expressions = prior.hyperparameters.values()
        return prior.named.name == "normal" and not any(
            declared.uses(one, varying) for one in expressions
        )

    squares = all(map(is_square, declared.priors.values()))
    if squares or loss.kind != "least_squares" or "sigma" not in loss.terms:
        return loss
    return loss._replace(kind="log_likelihood", squares=True)


def _loss(config: Config, found: Mistakes) -> Loss:
    kind = config.objective
    node = config.node_of(kind)
    comparison = isinstance(config.least_squares, Comparison)
    if not isinstance(node, MappingNode):
        written: dict[str, Node] = {"residual" if kind == "least_squares" else kind: node}
    else:
        written = {name: entry.value for name, entry in node.entries.items()}
    if comparison:
        order = [name for name in ("observed", "predicted", "sigma") if name in written]
        written = {name: written[name] for name in order if not is_null(written[name])}
    if config.weights is not None:
        written[WEIGHTS] = config.weights.node_of(config.weights.kind)
    terms: dict[str, Expression] = {}
    for name, one in written.items():
        with found:
            terms[name] = parsed(one)
    whole = len(terms) == len(written)
    weights = config.weights.kind if config.weights is not None else None
    return Loss(kind, terms, comparison, node.place, whole, weights=weights)
