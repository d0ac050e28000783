"""Which plugins a config needs: only those are imported."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from optserve.config.declarations import Declarations
from optserve.config.method import method_names
from optserve.config.nodes import texts
from optserve.config.schema.config import Config
from optserve.config.schema.expression import Named
from optserve.errors import OptserveError
from optserve.registry import Registry, check_files, load
from optserve.registry.hookspecs import KINDS
from optserve.registry.requirements import check_requirement

__all__ = ["check_requirements", "registry_for"]


def registry_for(config: Config, declared: Declarations, files: Sequence[Path] = ()) -> Registry:
    """The registry with all that ``config`` names.

    What it calls and chooses by name must be there. Other words (a value in an expression, an
    option of a method) may be names too, of a primitive that is passed on or of a schedule: whether
    they are is asked of the index of names, which imports nothing.
    """
    needed = _chosen(config, declared)
    prefer = config.plugins.prefer
    try:
        registry = load(needed, files, prefer)
        known = {name for kind in KINDS for name in registry.names(kind)}
        mentioned = (_mentioned(config) | declared.mentioned) & known
        if mentioned - needed:
            registry = load(needed | mentioned, files, prefer)
    except OptserveError as error:
        raise error.at(config.plugins.place_of("prefer")) from None
    check_files(registry, files)
    return registry


def check_requirements(config: Config) -> None:
    """Hold that every distribution of ``plugins.require`` is installed in a version it allows."""
    for requirement in config.plugins.require:
        try:
            check_requirement(requirement)
        except OptserveError as error:
            raise error.at(config.plugins.place_of("require")) from None


def _chosen(config: Config, declared: Declarations) -> frozenset[str]:
    """The names that must be somebody's."""
    parameters = config.parameters.values()
    named = [
        *(one.init for one in parameters if isinstance(one.init, Named)),
        *(one.transform for one in parameters if one.transform is not None),
    ]
    tables = config.data.tables.values() if config.data else ()
    files = [table.read.text for table in tables if table.read is not None]
    backend = {config.backend} - {"auto"}
    return declared.called.union(
        method_names(config.optimizer, declared.loss.kind),
        (one.name for one in named),
        (Path(file).suffix[1:] for file in files),
        backend,
    )


def _mentioned(config: Config) -> frozenset[str]:
    """The words in the options of methods and initializers."""
    method = config.optimizer.named if config.optimizer else ()
    inits: Iterable[Named] = [
        one.init for one in config.parameters.values() if isinstance(one.init, Named)
    ]
    options = [one.options for one in (*method, *inits) if one.options is not None]
    return frozenset[str]().union(*map(texts, options))
