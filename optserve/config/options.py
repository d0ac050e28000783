"""Contributions and their options: ``{adam: {learning_rate: 0.1}}`` is what ``adam`` returns."""

from __future__ import annotations

import inspect
from collections.abc import Iterable
from collections.abc import Mapping as MappingOf
from typing import Any

from optserve.config import nodes
from optserve.config.nodes import Entry, Scalar
from optserve.config.schema.annotations import Decoders, alternatives, describe
from optserve.config.schema.decode import decode, unknown_key
from optserve.config.schema.expression import Named
from optserve.errors import ConfigError, OptserveError, Place, PluginError
from optserve.optimizers.schedules import Schedule
from optserve.registry import Registry
from optserve.registry.hookspecs import Kind

__all__ = ["instantiate", "options_of", "with_options"]


def instantiate(kind: Kind, named: Named, registry: Registry) -> Any:
    """What the contribution that ``named`` names returns for its options.

    Options are a mapping; anything else is the value of the first option. Raises ``ConfigError``
    for a name or an option that is not known, or a value that does not fit.
    """
    function = registry.find(kind, named.name, named.place).value
    node = named.options
    if node is None or (isinstance(node, Scalar) and node.value is None):
        return with_options(function, {}, named.place, registry)
    first = next(iter(options_of(function)), None)
    if isinstance(node, nodes.Mapping) and not _is_first(node, function, registry):
        return with_options(function, node.entries, named.place, registry)
    if first is None:
        raise ConfigError(f"{named.name} has no options", place=node.place)
    key = Scalar(node.source, node.start, node.end, node.path, first, first)
    return with_options(function, {first: Entry(key, node)}, named.place, registry)


def with_options(
    function: Any,
    entries: MappingOf[str, Entry],
    place: Place,
    registry: Registry,
    beside: Iterable[str] = (),
) -> Any:
    """``function`` called with the options in ``entries``, each decoded by its annotation.

    ``beside`` are the keys that may stand beside the options, for the error.
    """
    known = options_of(function)
    decoders = _decoders(registry)
    options: dict[str, Any] = {}
    for name, entry in entries.items():
        if name not in known:
            raise unknown_key(entry.key, (*known, *beside))
        options[name] = decode(entry.value, known[name].annotation, decoders)
    for name, parameter in known.items():
        if parameter.default is parameter.empty and name not in options:
            raise ConfigError(
                f"{function.__name__} needs `{name}`",
                place=place,
                expected=f"`{name}: {describe(parameter.annotation)}`",
            )
    try:
        return function(**options)
    except OptserveError as error:
        raise error.at(_blamed(error, entries) or place) from None
    except Exception as error:
        raise PluginError(
            f"{function.__name__} failed: {type(error).__name__}: {error}", place=place
        ) from error


def options_of(function: Any) -> MappingOf[str, inspect.Parameter]:
    """The options of a contribution, their annotations evaluated."""
    try:
        return inspect.signature(function, eval_str=True).parameters
    except NameError as error:
        raise PluginError(
            f"the options of {function.__name__} cannot be read: {error}",
            expected="annotations whose names are imported when the module runs",
        ) from error


def _is_first(node: nodes.Mapping, function: Any, registry: Registry) -> bool:
    """Whether a mapping is itself the first option: ``weight_decay: {cosine: {...}}``."""
    known = options_of(function)
    first = next(iter(known.values()), None)
    if first is None or len(node) != 1 or set(node.entries) <= set(known):
        return False
    named = Schedule in alternatives(first.annotation)
    return named and next(iter(node.entries)) in registry.names("schedules")


def _decoders(registry: Registry) -> Decoders:
    return {Schedule: lambda node: instantiate("schedules", Named.from_node(node), registry)}


def _blamed(error: OptserveError, entries: MappingOf[str, Entry]) -> Place | None:
    """The option that a contribution's own check names ("adam: epsilon is -1.0")."""
    words = error.message.replace(":", " ").split()
    return next((e.value.place for name, e in entries.items() if name in words), None)
