"""Which plugins a config needs: only those are imported."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from optserve.config.declarations import Declarations
from optserve.config.mistakes import Mistakes
from optserve.config.nodes import SequenceNode, texts
from optserve.config.optimizer import method_names, method_of
from optserve.config.options import Named, named_in
from optserve.config.schema.config import Config
from optserve.errors import OptserveError
from optserve.registry import Registry, check_files, default_session, installation, load
from optserve.registry.hookspecs import KINDS
from optserve.registry.requirements import check_requirement
from optserve.tables.suffix import suffix_of

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
        registry = _sealed(needed, files, prefer)
        known = {name for kind in KINDS for name in registry.names(kind)}
        mentioned = (_mentioned(config) | declared.mentioned) & known
        if mentioned - needed:
            registry = _sealed(needed | mentioned, files, prefer)
    except OptserveError as error:
        raise error.at(config.plugins.place_of("prefer")) from None
    check_files(registry, files)
    return registry


def _sealed(needed: frozenset[str], files: Sequence[Path], prefer: Mapping[str, str]) -> Registry:
    """The registry with these names; the one that was sealed for them before, where all loaded."""
    memo = default_session().registries
    key = needed, (*files,), (*prefer.items(),), installation(files)
    registry = memo.of(key, lambda: load(needed, files, prefer))
    if registry.failures:  # which may be mended meanwhile
        memo.drop(key)
    return registry


def check_requirements(config: Config, found: Mistakes) -> None:
    """Hold that every distribution of ``plugins.require`` is installed in a version it allows."""
    if not config.plugins.require:
        return
    written = config.plugins.node_of("require")
    assert isinstance(written, SequenceNode)
    for requirement, node in zip(config.plugins.require, written, strict=True):
        with found:
            try:
                check_requirement(requirement)
            except OptserveError as error:
                raise error.at(node.place) from None


def _chosen(config: Config, declared: Declarations) -> frozenset[str]:
    """The names that must be somebody's."""
    parameters = config.parameters_in_full.values()
    transforms = [one for one in parameters if one.transform is not None]
    named = [
        *_initializers(config),
        *(named for one in transforms for named in named_in(one.node_of("transform"))),
    ]
    files = [table.read for table in config.tables.values() if table.read is not None]
    backend = {config.backend} - {"auto"}
    return declared.called.union(
        method_names(method_of(config), declared.loss.kind),
        (one.name for one in named),
        (suffix_of(file) for file in files),
        backend,
    )


def _mentioned(config: Config) -> frozenset[str]:
    """The words in the options of methods and initializers."""
    named = (*method_of(config), *_initializers(config))
    options = [one.options for one in named if one.options is not None]
    return frozenset[str]().union(*map(texts, options))


def _initializers(config: Config) -> Iterable[Named]:
    """What may be one: a mapping, or a word that stands alone."""
    for parameter in config.parameters_in_full.values():
        if isinstance(init := parameter.init, dict) or (isinstance(init, str) and _is_word(init)):
            yield from named_in(parameter.node_of("init"))


def _is_word(text: str) -> bool:
    return text.strip().isidentifier()
