"""``load``: find the plugins, import those that are needed, settle whose name is whose, seal."""

from __future__ import annotations

import difflib
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any

from optserve.errors import ConfigError, OptserveError, PluginError
from optserve.registry.harvest import Harvest, harvest
from optserve.registry.hookspecs import KINDS, PROJECT, Kind
from optserve.registry.index import NameIndex, PluginRecord
from optserve.registry.plugin_source import PluginSource, canonical, file_source, installed_sources
from optserve.registry.registry import Entry, LoadFailure, Plugin, Registry

__all__ = ["load"]

Claims = Mapping[tuple[Kind, str], Sequence[PluginSource]]


def load(
    needed: Collection[str] | None = None,
    files: Sequence[Path] = (),
    prefer: Mapping[str, str] = MappingProxyType({}),
) -> Registry:
    """The registry of what is installed.

    Parameters
    ----------
    needed:
        The names that a config uses, of whatever kind; only plugins that have one of them are
        imported, and those not yet in the name index. ``None`` imports every plugin.
    files:
        Python files to load as plugins (``--plugin``), always imported.
    prefer:
        For a name that several plugins claim, the distribution to take it from.

    Raises ``ConfigError`` where a file cannot be read, or ``prefer`` names a distribution that is
    not there or has not that name. A plugin that fails to load raises nothing: it becomes one
    of the registry's ``failures``, and ``Registry.find`` raises where it was needed.

    >>> from optserve.registry import load
    >>> registry = load(needed={"exp", "adam"})
    >>> registry.primitives["exp"].distribution, registry.failures
    ('optserve', ())
    """
    unique_files = dict.fromkeys(path.resolve() for path in files)
    sources = [*installed_sources(), *map(file_source, unique_files)]
    loading = _Loading(sources, NameIndex.of_user(), prefer)
    loading.import_unknown()
    if needed is None:
        loading.import_all(sources)
    else:
        loading.import_needed(needed)
    loading.check_preferences()
    return loading.sealed(needed)


class _Loading:
    """The state of one ``load``: what is known of each source so far."""

    def __init__(
        self, sources: Sequence[PluginSource], index: NameIndex, prefer: Mapping[str, str]
    ) -> None:
        self.sources = sources
        self.index = index
        self.prefer = prefer
        self.records: dict[PluginSource, PluginRecord | None] = {s: index.read(s) for s in sources}
        self.harvests: dict[PluginSource, Harvest | LoadFailure] = {}

    def import_all(self, sources: Collection[PluginSource]) -> None:
        """Import those of ``sources`` that are not imported yet, and remember their names."""
        for source in sources:
            if source not in self.harvests:
                outcome = self.harvests[source] = harvest(source)
                if isinstance(outcome, Harvest):
                    self.remember(source, PluginRecord(outcome.names))
                elif self.records[source] is None:
                    self.remember(source, PluginRecord(None))

    def remember(self, source: PluginSource, record: PluginRecord) -> None:
        """Keep what was learnt of a source, here and for the next process."""
        if record != self.records[source]:
            self.records[source] = record
            self.index.write(source, record)

    def import_unknown(self) -> None:
        """Import the sources that the index knows nothing of."""
        self.import_all([source for source in self.sources if self.records[source] is None])

    def import_needed(self, needed: Collection[str]) -> None:
        """Import whoever has one of the names.

        What failed before is tried again where a name has no home without it: it may have been
        mended since, and if not, the user has to be told.
        """
        claims = self.claims()
        chosen = [self.choice(key, claims[key]) for key in claims if key[1] in needed]
        self.import_all([source for source in chosen if source is not None])
        preferred = {canonical(self.prefer[name]) for name in needed if name in self.prefer}
        homeless = not set(needed) <= {name for _, name in claims}
        self.import_all(
            [
                source
                for source, record in self.records.items()
                if record is not None and record.names is None
                if homeless or canonical(source.distribution) in preferred
            ]
        )

    def claims(self) -> Claims:
        """Who claims which name."""
        claims: dict[tuple[Kind, str], list[PluginSource]] = {}
        for source, record in self.records.items():
            for kind, names in (record.names if record and record.names else {}).items():
                for name in names:
                    claims.setdefault((kind, name), []).append(source)
        return claims

    def choice(
        self, key: tuple[Kind, str], claimants: Sequence[PluginSource]
    ) -> PluginSource | None:
        """Whose the name is; ``None`` where that is not settled."""
        preferred = self.prefer.get(key[1])
        if preferred is not None and len(claimants) > 1:
            claimants = [s for s in claimants if _is(s, preferred)]
        return claimants[0] if len(claimants) == 1 else None

    def check_preferences(self) -> None:
        """Refuse a preference that cannot be met."""
        claims = self.claims()
        for name, distribution in self.prefer.items():
            claimants = [s for key, found in claims.items() if key[1] == name for s in found]
            if not any(_is(source, distribution) for source in claimants):
                raise self.unmet(name, distribution)
            if any(source.builtin for source in claimants) and canonical(distribution) != PROJECT:
                raise ConfigError(
                    f"plugins.prefer: {name!r} is built in and cannot be replaced",
                    remedy=f"ask {distribution} to rename theirs; prefer: {{{name}: {PROJECT}}} "
                    "uses what is built in",
                    code="name-clash",
                )

    def unmet(self, name: str, distribution: str) -> OptserveError:
        """Why ``distribution`` cannot provide ``name``."""
        theirs = [source for source in self.sources if _is(source, distribution)]
        if not theirs:
            installed = sorted({source.distribution for source in self.sources})
            close = difflib.get_close_matches(distribution, installed, n=1)
            return ConfigError(
                f"plugins.prefer: no plugin {distribution!r} is installed",
                expected="one of " + ", ".join(installed),
                remedy=f"did you mean {close[0]!r}?" if close else f"pip install {distribution}",
                code="not-installed",
            )
        for source in theirs:
            outcome = self.harvests.get(source)
            if isinstance(outcome, LoadFailure):
                return PluginError(f"plugins.prefer: {name!r} is not available: {outcome}")
        has = [has for (_, has), found in self.claims().items() if set(found) & set(theirs)]
        close = difflib.get_close_matches(name, has, n=1)
        return ConfigError(
            f"plugins.prefer: {distribution} has nothing called {name!r}",
            remedy=f"did you mean {close[0]!r}?" if close else "",
            code="not-installed",
        )

    def sealed(self, needed: Collection[str] | None) -> Registry:
        """The registry of what is known and imported, where these names are ``needed``."""
        plugins = {source: self.plugin(source, needed) for source in self.sources}
        shelves: dict[Kind, dict[str, Entry[Any]]] = {kind: {} for kind in KINDS}
        collisions: dict[tuple[Kind, str], tuple[Plugin, ...]] = {}
        for (kind, name), claimants in self.claims().items():
            owner = self.choice((kind, name), claimants)
            if owner is None:
                collisions[kind, name] = tuple(plugins[source] for source in claimants)
                owner = next((source for source in claimants if source.builtin), None)
            outcome = self.harvests.get(owner) if owner is not None else None
            if owner is not None and isinstance(outcome, Harvest):
                shelves[kind][name] = Entry(
                    outcome.values[kind][name], owner.distribution, owner.version, owner.module
                )
        return Registry(
            **{kind: MappingProxyType(shelf) for kind, shelf in shelves.items()},
            plugins=tuple(plugins.values()),
            collisions=MappingProxyType(collisions),
        )

    def plugin(self, source: PluginSource, needed: Collection[str] | None) -> Plugin:
        """What is known of one source."""
        record, outcome = self.records[source], self.harvests.get(source)
        imported = isinstance(outcome, Harvest)
        return Plugin(
            distribution=source.distribution,
            version=source.version,
            module=source.module,
            names=None if record is None else record.names,
            imported=imported,
            used=imported and (needed is None or _has_part(record, needed)),
            failure=outcome if isinstance(outcome, LoadFailure) else None,
            warnings=outcome.warnings if isinstance(outcome, Harvest) else (),
            pure=isinstance(outcome, Harvest) and outcome.pure,
        )


def _has_part(record: PluginRecord | None, needed: Collection[str]) -> bool:
    """Whether a plugin has one of the names that are needed, or native code for primitives of
    others, which any graph may hold; or nobody knows."""
    names = None if record is None else record.names
    if names is None:
        return True
    lowered = {*names.get("lowerings", ())} - {*names.get("primitives", ())}
    return bool(lowered) or any(not {*one}.isdisjoint(needed) for one in names.values())


def _is(source: PluginSource, distribution: str) -> bool:
    return canonical(source.distribution) == canonical(distribution)
