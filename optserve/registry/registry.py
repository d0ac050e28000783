"""``Registry``: the sealed value in which a name becomes a contribution, with its provenance."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from optserve.errors import ConfigError, OptserveError, Place, PluginError
from optserve.registry.hookspecs import KINDS, PROJECT, Kind, singular

if TYPE_CHECKING:
    from optserve.backends.backend import Backend
    from optserve.backends.lowering import Lowering
    from optserve.graph.primitive import Primitive
    from optserve.primitives.vocabulary import Vocabulary

__all__ = ["Entry", "LoadFailure", "Names", "Plugin", "Registry"]

T = TypeVar("T")

Names = Mapping[Kind, tuple[str, ...]]
"""The names that a plugin contributes, by kind."""


@dataclass(frozen=True)
class Entry(Generic[T]):
    """A contribution, and who provides it: a distribution, its version, and the module of the
    entry point (for ``--plugin``: the file's name, a digest of its text, its path)."""

    value: T
    distribution: str
    version: str
    module: str

    @property
    def builtin(self) -> bool:
        """Whether it ships with optserve."""
        return self.distribution == PROJECT


@dataclass(frozen=True)
class LoadFailure:
    """Why a plugin could not be loaded; ``place`` is the line of it that raised, where known."""

    distribution: str
    version: str
    message: str
    place: Place | None = None

    def __str__(self) -> str:
        plugin = f"{self.distribution} {self.version}".rstrip()
        at = f" ({self.place})" if self.place else ""
        return f"the plugin {plugin} failed to load: {self.message}{at}"


@dataclass(frozen=True, eq=False)
class Plugin:
    """One plugin as it was found.

    ``names`` is what it contributes, by kind: from importing it, or from the name index;
    ``None`` where it has never been imported with success. ``imported`` says whether it is now, be
    it only to be asked for its names, and ``used`` whether it may have a part in what is computed.
    ``pure`` says that it declares ``OPTSERVE_PURE``: what it computes depends on its arguments
    alone.
    """

    distribution: str
    version: str
    module: str
    names: Names | None
    imported: bool
    used: bool = False
    failure: LoadFailure | None = None
    warnings: tuple[str, ...] = ()
    pure: bool = False

    def claims(self, kind: Kind, name: str) -> bool:
        """Whether it contributes ``name``."""
        return self.names is not None and name in self.names.get(kind, ())

    def __str__(self) -> str:
        return f"{self.distribution} {self.version}".rstrip()


@dataclass(frozen=True, eq=False)
class Registry:
    """Everything nameable, by kind and name. Sealed: ``load`` makes it and nothing changes it.

    A name that several plugins claim is in none of the mappings, unless one was preferred or it is
    built in. ``find`` looks a name up and explains its absence.
    """

    primitives: Mapping[str, Entry[Primitive]]
    optimizers: Mapping[str, Entry[Callable[..., Any]]]
    schedules: Mapping[str, Entry[Callable[..., Any]]]
    initializers: Mapping[str, Entry[Callable[..., Any]]]
    transforms: Mapping[str, Entry[Callable[..., Any]]]
    readers: Mapping[str, Entry[Callable[..., Any]]]
    backends: Mapping[str, Entry[Backend]]
    lowerings: Mapping[str, Entry[Lowering]]
    reports: Mapping[str, Entry[Callable[..., Any]]]
    executors: Mapping[str, Entry[Callable[..., Any]]]
    plugins: tuple[Plugin, ...]
    collisions: Mapping[tuple[Kind, str], tuple[Plugin, ...]]

    @property
    def failures(self) -> tuple[LoadFailure, ...]:
        """The plugins that did not load."""
        return tuple(plugin.failure for plugin in self.plugins if plugin.failure is not None)

    def entries(self, kind: Kind) -> Mapping[str, Entry[Any]]:
        """The contributions of one kind, by name.

        >>> from optserve.registry import load
        >>> "exp" in load().entries("primitives")
        True
        """
        entries: Mapping[str, Entry[Any]] = getattr(self, kind)
        return entries

    def names(self, kind: Kind) -> tuple[str, ...]:
        """All names of one kind, those of plugins that are not imported included; sorted."""
        known = (plugin.names.get(kind, ()) for plugin in self.plugins if plugin.names)
        return tuple(sorted({name for names in known for name in names}))

    def find(self, kind: Kind, name: str, place: Place | None = None) -> Entry[Any]:
        """The contribution of that name.

        Raises ``PluginError`` where several plugins claim the name or the plugin that has it (or
        may have it) failed to load, else ``ConfigError`` with the nearest name.

        >>> from optserve.registry import load
        >>> load().find("primitives", "exp").distribution
        'optserve'
        """
        if (kind, name) in self.collisions:
            raise self.collision(kind, name).at(place)
        entry = self.entries(kind).get(name)
        if entry is None:
            raise self._absence(kind, name).at(place)
        return entry

    def vocabulary(self) -> Vocabulary:
        """What a trace understands: NumPy's functions, and every primitive of this registry."""
        from optserve.primitives.vocabulary import everyday_primitives, vocabulary_of

        contributed = [entry.value for entry in self.primitives.values()]
        known = vocabulary_of([*everyday_primitives(), *contributed])
        return replace(known, unavailable=self._unavailable_primitive)

    def _unavailable_primitive(self, name: str) -> OptserveError | None:
        try:
            self.find("primitives", name)
        except PluginError as error:
            return error
        except ConfigError:
            return None
        return None

    def collision(self, kind: Kind, name: str) -> OptserveError:
        """The error for a name that several plugins claim: who they are, and how to choose."""
        claimants = self.collisions[kind, name]
        builtin = [plugin for plugin in claimants if plugin.distribution == PROJECT]
        preferred = builtin[0] if builtin else claimants[0]
        return PluginError(
            f"the {singular(kind)} {name!r} is claimed by "
            + " and by ".join(f"{plugin} ({plugin.module})" for plugin in claimants),
            expected="one home for each name"
            + ("; what is built in cannot be replaced" if builtin else ""),
            remedy=f"choose one in the config: plugins: {{prefer: {{{name}: "
            f"{preferred.distribution}}}}}",
            code="name-clash",
        )

    def _absence(self, kind: Kind, name: str) -> OptserveError:
        message = f"no {singular(kind)} is called {name!r}"
        remedy = "; ".join(self._suggestions(kind, name))
        mend = "mend or update the plugin; `optserve plugin list` shows them all"
        for plugin in self.plugins:
            if plugin.failure is not None and plugin.claims(kind, name):
                message = f"the {singular(kind)} {name!r} is not available: {plugin.failure}"
                return PluginError(message, remedy=mend)
        silent = [plugin for plugin in self.plugins if plugin.names is None]
        if silent:
            reasons = [str(p.failure or f"the plugin {p} failed to load before") for p in silent]
            message = f"{message}, but not every plugin could be asked: {'; '.join(reasons)}"
            return PluginError(message, remedy=remedy or mend)
        names = self.names(kind)
        few = 0 < len(names) <= 20
        listing = "primitives" if names and not few else "plugin list"
        return ConfigError(
            message,
            expected="one of " + ", ".join(names) if few else "",
            remedy=remedy or f"`optserve {listing}` shows what there is",
            code="not-installed",
        )

    def _suggestions(self, kind: Kind, name: str) -> Iterator[str]:
        folded = {known.casefold(): known for known in self.names(kind)}
        close = difflib.get_close_matches(name.casefold(), folded, n=1)
        if close:
            yield f"did you mean {folded[close[0]]!r}?"
        for other in KINDS:
            if other != kind and name in self.names(other):
                yield f"{name!r} is the name of {_article(singular(other))}"


def _article(noun: str) -> str:
    return f"{'an' if noun[0] in 'aeio' else 'a'} {noun}"
