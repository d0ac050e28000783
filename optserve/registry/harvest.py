"""Importing one plugin and gathering what it contributes; whatever it does wrong stays its own."""

from __future__ import annotations

import contextlib
import difflib
import functools
import importlib
import inspect
import sys
import traceback
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pluggy

from optserve.errors import OptserveError, Place, PluginError
from optserve.registry.hookspecs import API, KINDS, PROJECT, Kind, new_manager, singular
from optserve.registry.naming import name_problem, style_warning
from optserve.registry.plugin_source import PluginSource
from optserve.registry.registry import LoadFailure, Names

__all__ = ["Harvest", "harvest"]

_MACHINERY = (
    str(Path(__file__).parents[1]),
    str(Path(pluggy.__file__).parent),
    str(Path(importlib.__file__).parent),
    "<frozen importlib",
)


@dataclass(frozen=True)
class Harvest:
    """What a plugin contributes, by kind and name, and what to tell its author; ``pure`` is what
    it declares of itself."""

    values: Mapping[Kind, Mapping[str, Any]] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()
    pure: bool = False

    @property
    def names(self) -> Names:
        """The names alone."""
        return {kind: tuple(values) for kind, values in self.values.items()}


def harvest(source: PluginSource) -> Harvest | LoadFailure:
    """Import the plugin and call its hooks; one that raises, or exits, becomes a ``LoadFailure``.

    Each plugin gets a plugin manager of its own, so that a contribution is attributed, and an
    error blamed, without doubt.
    """
    try:
        # What a plugin prints must not end up in the JSON that a command prints.
        with contextlib.redirect_stdout(sys.stderr):
            collect = _own_contributions if source.builtin else _contributions
            return collect(source.load())
    except (Exception, SystemExit) as error:
        message = _message(error)
        return LoadFailure(source.distribution, source.version, message, _place(error))


def _contributions(plugin: object) -> Harvest:
    _check_api(plugin)
    manager = new_manager()
    _check_spelling(plugin, manager)
    manager.register(plugin)
    manager.check_pending()
    values = {}
    for kind in KINDS:
        caller = getattr(manager.hook, f"{PROJECT}_{kind}")
        implementations = caller.get_hookimpls()
        if implementations:
            results = caller()
            # pluggy leaves out a result of None: most likely a forgotten return.
            results += [None] * (len(implementations) - len(results))
            values[kind] = _by_name(kind, results)
    _check_macros(values.get("primitives", ()))
    warnings = [style_warning(kind, name) for kind, found in values.items() for name in found]
    pure = getattr(plugin, "OPTSERVE_PURE", False) is True
    return Harvest(values, tuple(filter(None, warnings)), pure)


_own_contributions = functools.cache(_contributions)
"""What ships with optserve is the same for every config of a process."""


def _check_api(plugin: object) -> None:
    """Refuse a plugin that is written for another ``optserve.plugin``, before any of it is used."""
    wanted = getattr(plugin, "OPTSERVE_API", API)
    if wanted != API:
        raise PluginError(
            f"it is written for API {wanted} of optserve.plugin, and this is API {API}: "
            f"install a version of the plugin for API {API}, or an optserve with API {wanted}"
        )


def _check_spelling(plugin: object, manager: pluggy.PluginManager) -> None:
    """Refuse what looks like a hook and is none: pluggy itself would pass it over in silence."""
    hooks = [f"{PROJECT}_{kind}" for kind in KINDS]
    for attribute in dir(plugin):
        options = manager.parse_hookimpl_opts(plugin, attribute)
        if options is not None:
            hook = options.get("specname") or attribute
        elif attribute.startswith(f"{PROJECT}_") and inspect.isroutine(getattr(plugin, attribute)):
            hook = attribute
        else:
            continue
        if hook not in hooks:
            close = difflib.get_close_matches(hook, hooks, n=1, cutoff=0.0)
            raise PluginError(f"there is no hook {hook!r}; did you mean {close[0]!r}?")
        if options is None:
            raise PluginError(f"{hook} is not marked with @hookimpl, so it is never called")


def _check_macros(primitives: Iterable[str]) -> None:
    """Refuse the names of built-in functions that are no primitives, so that no hook has them."""
    from optserve.primitives.vocabulary import builtin_macros

    for name in primitives:
        if name in builtin_macros():
            raise PluginError(f"{name!r} is built in and cannot be replaced", code="name-clash")


def _by_name(kind: Kind, results: Iterable[object]) -> dict[str, Any]:
    """The contributions of one hook by their names, each checked."""
    found: dict[str, Any] = {}
    for contributions in results:
        if not isinstance(contributions, Sequence) or isinstance(contributions, str):
            raise PluginError(
                f"{PROJECT}_{kind} returned {_described(contributions)}; "
                f"expected a list, of {singular(kind)}s"
            )
        for contribution in contributions:
            problem = _problem(kind, contribution)
            if problem:
                raise PluginError(f"{PROJECT}_{kind}: {problem}")
            name = _name(contribution)
            if name in found:
                raise PluginError(f"{PROJECT}_{kind} contributes {name!r} twice")
            found[name] = contribution
    return found


def _name(contribution: Any) -> str:
    name: str = contribution.__name__ if inspect.isfunction(contribution) else contribution.name
    return name


def _problem(kind: Kind, contribution: Any) -> str:
    """Why this is no contribution of its kind, "" where it is one."""
    value_type = _value_type(kind)
    if value_type is None:
        return _function_problem(contribution)
    if not isinstance(contribution, value_type):
        return f"{_described(contribution)} is not a {value_type.__name__}"
    return name_problem(contribution.name)


def _value_type(kind: Kind) -> Any:
    """The class of contributions that are values; ``None`` where they are functions of options.

    Imported here, so that importing the registry imports no NumPy.
    """
    if kind == "primitives":
        from optserve.graph.primitive import Primitive

        return Primitive
    if kind == "backends":
        from optserve.backends.backend import Backend

        return Backend
    if kind == "lowerings":
        from optserve.backends.lowering import Lowering

        return Lowering
    return None


def _function_problem(contribution: object) -> str:
    if not inspect.isfunction(contribution):
        return f"{_described(contribution)} is not a function of options"
    for option in inspect.signature(contribution).parameters.values():
        if option.kind not in (option.POSITIONAL_OR_KEYWORD, option.KEYWORD_ONLY):
            return f"{contribution.__name__}: the option {str(option)!r} has no name of its own"
        if option.annotation is option.empty:
            return f"{contribution.__name__}: the option {option.name!r} has no annotation"
    return name_problem(contribution.__name__)


def _described(value: object) -> str:
    return "None" if value is None else f"{value!r} (a {type(value).__name__})"


def _message(error: BaseException) -> str:
    if isinstance(error, OptserveError):
        return "; ".join(filter(None, [error.message, error.expected, error.remedy]))
    return f"{type(error).__name__}: {error}".rstrip(": ")


def _place(error: BaseException) -> Place | None:
    """The line to blame: the last one outside of optserve, pluggy and the import machinery."""
    if isinstance(error, SyntaxError) and error.filename is not None:
        excerpt = (error.text or "").rstrip("\n")
        return Place(error.filename, error.lineno or 0, error.offset or 0, excerpt)
    frames = traceback.extract_tb(error.__traceback__)
    foreign = [frame for frame in frames if not frame.filename.startswith(_MACHINERY)]
    if not foreign:
        return None
    last = foreign[-1]
    return Place(last.filename, last.lineno or 0, excerpt=last.line or "")
