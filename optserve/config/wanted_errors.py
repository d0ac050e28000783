"""``uncertainty``: which errors of the estimates a config asks for."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from optserve.config.config_scope import NamedColumn, Tables
from optserve.config.mistakes import Mistakes
from optserve.config.nodes import MappingNode, Node, SequenceNode
from optserve.config.schema.config import Config
from optserve.config.schema.uncertainty import Bootstrap, MethodWritten, Uncertainty
from optserve.config.suggest import choices, did_you_mean
from optserve.errors import ConfigError, Place
from optserve.graph.streamed import Streamed
from optserve.jobs.packing import entry_label
from optserve.jobs.parameters import JobParameter
from optserve.jobs.problem import ErrorMethod, ErrorsAsked, ObjectiveKind

__all__ = ["cluster_columns", "errors_asked", "errors_over"]

_OF_MODEL = frozenset({"gauss_newton", "hessian", "score"})
_OF_ROWS = frozenset({"score", "sandwich", "cluster"})
"""What is made of the scores of a likelihood."""

_REFITS = frozenset({"bootstrap", "jackknife"})


def errors_asked(
    config: Config,
    kind: ObjectiveKind,
    parameters: Sequence[JobParameter],
    words: frozenset[str],
    found: Mistakes,
) -> ErrorsAsked:
    """What is asked for, without the values of columns; what can never be is ``found``.

    ``words`` are those that the config asks of tables: of their rows, their numbers.
    """
    if config.uncertainty is None:
        return ErrorsAsked()
    written = Uncertainty.in_full(config.uncertainty, config.node_of("uncertainty"))
    methods: list[ErrorMethod] = []
    weights = None if config.weights is None else config.weights.kind
    for one, node in _methods(written):
        with found:
            made = _method(one, node)
            _check(made, node, config, kind, words)
            label = made.label_of(kind, weights)
            if label in [other.label_of(kind, weights) for other in methods]:
                raise ConfigError(
                    f"`{label}` is asked for twice",
                    place=node.place,
                    expected="each method once",
                    code="contradiction",
                )
            methods.append(made)
    if written.method == ():
        found.add(
            ConfigError(
                "the list of methods is empty",
                place=written.place_of("method"),
                expected="at least one method",
                remedy="`none` asks for no errors",
                code="wrong-value",
            )
        )
    if len(methods) > 1 and (none := [one for one in methods if one.kind == "none"]):
        found.add(
            ConfigError(
                f"`{none[0].kind}` stands beside other methods",
                place=written.place_of("method"),
                expected="`none` alone, or methods",
                code="contradiction",
            )
        )
    names = {one.name: one for one in parameters}
    for index, name in enumerate(written.profile):
        with found:
            _check_profile(name, written.item_place("profile", index), names, config)
    for number, pair in enumerate(written.contours):
        with found:
            place = written.item_place("contours", number)
            _check_contour(pair, written.contours[:number], place, names, config)
    return ErrorsAsked(
        tuple(methods) or (ErrorMethod(),),
        written.level,
        tuple(written.profile),
        tuple(written.contours),
    )


def cluster_columns(
    asked: ErrorsAsked, config: Config, tables: Tables
) -> Mapping[str, NamedColumn]:
    """The columns whose values are clusters, by name; raises where there is none of a name."""
    columns = {one.name: one for one in tables.columns() if one.table.has_rows}
    made = {}
    for name in dict.fromkeys(one.column for one in asked.methods if one.column):
        if name not in columns:
            raise ConfigError(
                f"there is no column '{name}' of rows",
                place=_place_of(config, name),
                expected=f"one of {choices(columns)}" if columns else "a table of rows",
                remedy=did_you_mean(name, columns),
                code="unknown-column",
            )
        if len(columns[name].aval(np.dtype(config.precision)).shape) != 1:
            raise ConfigError(
                f"'{name}' has several numbers a row",
                place=_place_of(config, name),
                expected="a column with a value for each row",
                code="unknown-column",
            )
        made[name] = columns[name]
    return made


def errors_over(
    asked: ErrorsAsked,
    columns: Mapping[str, NamedColumn],
    arrays: Mapping[str, Any],
    config: Config,
) -> ErrorsAsked:
    """``asked`` with the clusters of the training rows."""
    methods = []
    for one in asked.methods:
        if one.column:
            values = arrays[one.column]
            if isinstance(values, Streamed):
                raise ConfigError(
                    f"the clusters of '{one.column}' are needed at once, and it is streamed",
                    place=_place_of(config, one.column),
                    remedy="`in_memory: true` holds the table in memory",
                    code="needs-memory",
                )
            _, groups = np.unique(values, return_inverse=True)
            table = columns[one.column].table.name
            one = ErrorMethod(one.kind, one.n, one.seed, one.column, table, groups)
        methods.append(one)
    return replace(asked, methods=tuple(methods))


def _methods(written: Uncertainty) -> Iterator[tuple[str | MethodWritten, Node]]:
    node = written.node_of("method")
    if isinstance(written.method, tuple):
        assert isinstance(node, SequenceNode)
        yield from zip(written.method, node.items, strict=True)
    else:
        yield written.method, node


def _method(written: str | MethodWritten, node: Node) -> ErrorMethod:
    if isinstance(written, MethodWritten) and written.cluster is not None:
        return ErrorMethod("cluster", column=written.cluster)
    if isinstance(written, MethodWritten) or written == "bootstrap":
        options = (written.bootstrap if isinstance(written, MethodWritten) else None) or Bootstrap()
        return ErrorMethod("bootstrap", options.n, options.seed, options.by or "")
    return ErrorMethod(written)  # type: ignore[arg-type]


def _check(
    method: ErrorMethod, node: Node, config: Config, kind: ObjectiveKind, words: frozenset[str]
) -> None:
    """Refuse what there can never be, whatever the data."""
    if method.kind in ("auto", "none"):
        return
    why, remedy = "", "`auto` takes what there is"
    parameters = config.parameters_in_full.items()
    penalties = [name for name, one in parameters if one.penalty is not None and one.penalty.l2]
    priors = [name for name, one in parameters if one.prior is not None]
    weights = None if config.weights is None else config.weights.kind
    if config.optimizer == "none":
        why, remedy = "with `optimizer: none` nothing is estimated", "leave it out"
    elif config.minibatch is not None:
        why = "steps that see batches end at no exact minimum"
        remedy = "leave it out, or fit all rows at once"
    elif kind == "loss" and method.kind not in _REFITS:
        why = "a loss is no likelihood"
        remedy = "use least_squares or log_likelihood; `bootstrap` and `jackknife` need neither"
    elif method.kind == "gauss_newton" and kind == "log_likelihood":
        why, remedy = "it is of least squares", "`hessian` is of a likelihood"
    elif method.kind in _OF_ROWS and priors:
        why = f"it is of a likelihood alone, and '{priors[0]}' has a prior"
        remedy = "`hessian` is the curvature of the posterior"
    elif method.kind == "score" and penalties:
        why = f"it is of a likelihood alone, and '{penalties[0]}' has a penalty"
        remedy = "`sandwich` is of penalized estimates too, but for their bias"
    elif method.kind in _REFITS and config.data is None:
        why, remedy = "it draws rows, and there are no data", "`hessian`"
    elif method.kind in _REFITS and (asked := sorted(words & {"rows", "row"})):
        why = f"the loss asks for {asked[0]}(...), and a sample has other rows"
        remedy = "`sandwich` needs no refits"
    elif weights == "counts" and method.kind in _OF_ROWS | _REFITS:
        why, remedy = "it looks at rows, of which each stands for several observations", "`auto`"
    elif weights == "sampling" and method.kind in _OF_MODEL:
        why = "weights of a sample do not say how precise a row is"
        remedy = "`sandwich`, `cluster` and `bootstrap` need not know it"
    if why:
        raise ConfigError(
            f"`{method.kind}` gives no errors here: {why}",
            place=node.place,
            expected="a method that does",
            remedy=remedy,
            code="no-error-bars",
        )


def _check_profile(
    name: str,
    place: Place | None,
    parameters: Mapping[str, JobParameter],
    config: Config,
) -> None:
    if name not in parameters and name in config.parameters:
        return  # it is wrong itself
    why, expected, remedy = "", "a parameter that varies, of a likelihood", ""
    if name not in parameters:
        why, expected = f"there is no parameter '{name}'", f"one of {choices(parameters)}"
        remedy = did_you_mean(name, parameters)
    elif parameters[name].fixed.all():
        why = f"'{name}' is fixed"
    elif (made := parameters[name].transform) is not None and made.mixes:
        why = f"an entry of '{name}' cannot be held by itself: {made.name} mixes them"
        remedy = "bootstrap gives it an interval"
    elif config.loss is not None:
        why, remedy = "a loss is no likelihood", "use least_squares or log_likelihood"
    elif config.minibatch is not None:
        why, remedy = "steps that see batches end at no exact minimum", "fit all rows at once"
    elif config.weights is not None and config.weights.kind == "sampling":
        why, remedy = "a weighted sample has no likelihood", "`sandwich` gives it an interval"
    elif config.optimizer == "none":
        why = "with `optimizer: none` nothing is estimated"
    if why:
        raise ConfigError(
            f"there is no profile of '{name}': {why}" if name in parameters else why,
            place=place,
            expected=expected,
            remedy=remedy,
            code="no-error-bars",
        )


def _check_contour(
    pair: tuple[str, str],
    before: Sequence[tuple[str, str]],
    place: Place | None,
    parameters: Mapping[str, JobParameter],
    config: Config,
) -> None:
    """Refuse what has no profile, and a pair that is no two entries that vary."""
    labels = {
        entry_label(one.name, one.shape, int(position)): one.name
        for one in parameters.values()
        for position in np.flatnonzero(~one.fixed)
    }
    for label in pair:
        name = labels.get(label, label)
        if name in parameters or name not in config.parameters:
            _check_profile(name, place, parameters, config)
        if name in parameters and label not in labels:
            own = [one for one, of in labels.items() if of == name]
            raise ConfigError(
                f"'{label}' has several entries, and a contour is of two",
                place=place,
                expected=f"one of {choices(own)}",
                code="no-error-bars",
            )
    if pair[0] == pair[1] or {*pair} in [{*one} for one in before]:
        raise ConfigError(
            f"a contour of {pair[0]} and itself"
            if pair[0] == pair[1]
            else f"the contour of {pair[0]} and {pair[1]} is asked for twice",
            place=place,
            expected="two entries, and each pair once",
            code="contradiction",
        )


def _place_of(config: Config, column: str) -> Any:
    """Where the name of a column is written in ``uncertainty``."""

    def places(node: Node) -> Iterator[Any]:
        if isinstance(node, MappingNode):
            for entry in node.entries.values():
                yield from places(entry.value)
        elif isinstance(node, SequenceNode):
            for item in node.items:
                yield from places(item)
        elif getattr(node, "text", None) == column:
            yield node.place

    node = config.node_of("uncertainty")
    return next(places(node), node.place)
