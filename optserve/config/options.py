"""Contributions and their options: ``{adam: {learning_rate: 0.1}}`` is what ``adam`` returns.

The options are the annotated parameters of a function: pydantic holds them, and the limits that
``annotated_types`` state there.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Mapping
from dataclasses import replace
from functools import cache
from typing import Annotated, Any, NamedTuple, Union, get_args

from pydantic import Tag, create_model

from optserve.config.nodes import MappingEntry, MappingNode, Node, ScalarNode
from optserve.config.schema.section import ByKind, Section, Words, installed
from optserve.config.schema.validation import describe, validated, wrong_kind
from optserve.errors import ConfigError, OptserveError, Place, PluginError
from optserve.optimizers.schedules import Schedule
from optserve.registry import Registry
from optserve.registry.hookspecs import Kind

__all__ = ["Named", "instantiate", "named_in", "one_named", "options_model", "with_options"]


class Named(NamedTuple):
    """Something that a name stands for, with its options: ``adam``, ``{normal: {std: 0.1}}``."""

    name: str
    key: ScalarNode
    options: Node | None = None

    @property
    def place(self) -> Place:
        return self.key.place


def named_in(node: Node) -> tuple[Named, ...]:
    """The names in ``node`` and their options, in order; none in what is no name."""
    if isinstance(node, MappingNode):
        return tuple(Named(name, one.key, one.value) for name, one in node.entries.items())
    if isinstance(node, ScalarNode) and isinstance(node.value, str):
        return (Named(node.text, node),)
    return ()


def one_named(node: Node) -> Named:
    """The one name in ``node``."""
    named = named_in(node)
    if len(named) != 1:
        raise wrong_kind(node, "a name", got=f"a mapping of {len(named)}")
    return named[0]


def instantiate(kind: Kind, named: Named, registry: Registry) -> Any:
    """What the contribution that ``named`` names returns for its options.

    Options are a mapping; anything else is the value of the first option. Raises ``ConfigError``
    for a name or an option that is not known, or a value that does not fit.
    """
    function = registry.find(kind, named.name, named.place).value
    node = named.options
    if node is None or (isinstance(node, ScalarNode) and node.value is None):
        return with_options(function, _empty(named), named.place, registry)
    if isinstance(node, MappingNode) and not _is_first(node, function, registry):
        return with_options(function, node, named.place, registry)
    first = next(iter(options_model(function).model_fields), None)
    if first is None:
        raise ConfigError(f"{named.name} has no options", place=node.place, code="unknown-key")
    key = ScalarNode(node.source, node.start, node.end, node.path, first, first)
    options = replace(_empty(named), path=node.path, entries={first: MappingEntry(key, node)})
    return with_options(function, options, named.place, registry)


def with_options(
    function: Any,
    node: MappingNode,
    place: Place,
    registry: Registry,
    beside: Iterable[str] = (),
) -> Any:
    """``function`` called with the options in ``node``, each held by its annotation.

    ``beside`` are the keys that may stand beside the options, for the error.
    """
    model = options_model(function)
    for name, field in model.model_fields.items():
        if field.is_required() and name not in node:
            raise ConfigError(
                f"{function.__name__} needs `{name}`",
                place=place,
                expected=f"`{name}: {describe(model, name)}`",
                code="missing-key",
            )
    written = validated(model, node, beside)
    options = {name: getattr(written, name) for name in written.model_fields_set}
    for name in _schedules(function) & options.keys():
        if not isinstance(options[name], float):
            named = one_named(node.entries[name].value)
            options[name] = instantiate("schedules", named, registry)
    try:
        return function(**options)
    except OptserveError as error:
        raise error.at(_blamed(error, node.entries) or place) from None
    except Exception as error:
        raise PluginError(
            f"{function.__name__} failed: {type(error).__name__}: {error}", place=place
        ) from error


@cache
def options_model(function: Any) -> type[Section]:
    """The options of a contribution as a model."""
    fields: dict[str, Any] = {
        name: (
            _written(parameter.annotation),
            ... if parameter.default is parameter.empty else parameter.default,
        )
        for name, parameter in _parameters(function).items()
    }
    return create_model(
        function.__name__, __base__=Section, __doc__=inspect.getdoc(function), **fields
    )


def _parameters(function: Any) -> Mapping[str, inspect.Parameter]:
    """The options of a contribution, their annotations evaluated."""
    try:
        return inspect.signature(function, eval_str=True).parameters
    except NameError as error:
        raise PluginError(
            f"the options of {function.__name__} cannot be read: {error}",
            expected="annotations whose names are imported when the module runs",
        ) from error


def _schedules(function: Any) -> frozenset[str]:
    """The options that may be a schedule."""
    parameters = _parameters(function).items()
    return frozenset(name for name, one in parameters if Schedule in get_args(one.annotation))


_Scheduled = (
    Annotated[str, Tag("text"), Words("a schedule"), installed("schedules", "name")]
    | Annotated[dict[str, Any], Tag("mapping"), Words("a schedule"), installed("schedules", "one")]
)


def _written(annotation: Any) -> Any:
    """How what ``annotation`` says is written: a schedule by its name and options."""
    members = get_args(annotation)
    if Schedule not in members:
        return annotation
    numbers = [Annotated[one, Tag("number")] for one in members if one is not Schedule]
    return Annotated[Union[(*numbers, _Scheduled)], ByKind]


def _empty(named: Named) -> MappingNode:
    key = named.key
    return MappingNode(key.source, key.start, key.end, key.path, {})


def _is_first(node: MappingNode, function: Any, registry: Registry) -> bool:
    """Whether a mapping is itself the first option: ``weight_decay: {cosine: {...}}``."""
    known = list(options_model(function).model_fields)
    if not known or len(node) != 1 or set(node.entries) <= set(known):
        return False
    return known[0] in _schedules(function) and next(iter(node.entries)) in registry.names(
        "schedules"
    )


def _blamed(error: OptserveError, entries: Mapping[str, MappingEntry]) -> Place | None:
    """The option that a contribution's own check names ("adam: epsilon is -1.0")."""
    words = error.message.replace(":", " ").split()
    return next((e.value.place for name, e in entries.items() if name in words), None)
