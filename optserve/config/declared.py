"""``Declared``: what a config declares, parsed, and who provides what it names."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from optserve.config.declarations import Declarations, declarations
from optserve.config.expressions import OF_TABLES
from optserve.config.mistakes import Mistakes
from optserve.config.needed import check_requirements, registry_for
from optserve.config.overrides import Option
from optserve.config.schema.config import Config
from optserve.config.written import Given, Written, content_of, written
from optserve.memo import Memo
from optserve.registry import Registry, default_session, installation

__all__ = ["Declared", "declared"]

LAYOUTS = 8
"""Of how many layouts of data what is traced is kept for one config."""


class Declared(NamedTuple):
    """A config, the expressions in it, and what is installed; nothing is known of its data.

    ``asked`` are the words that are asked of tables, ``traced`` keeps what is made of it, for each
    layout of the data.
    """

    written: Written
    declarations: Declarations
    registry: Registry
    asked: frozenset[str]
    traced: Memo


def declared(
    config: Given,
    found: Mistakes,
    *,
    overrides: Sequence[str | Option],
    allow_path: bool,
    with_data: bool,
    registry: Registry | None,
    plugin_files: Sequence[Path],
) -> Declared:
    """What ``config`` declares; what was declared before by one of the same content is kept."""

    def make() -> Declared:
        read = written(config, overrides=overrides, allow_path=allow_path, with_data=with_data)
        return _declared(read, found, registry, plugin_files)

    content = content_of(config)
    if content is None:
        return make()
    memo = default_session().declared
    key = content, (*overrides,), with_data, allow_path, installation(plugin_files)
    made = memo.of(key, make, registry)
    if found.errors or made.registry.failures:  # which may be mended meanwhile
        memo.drop(key, registry)
    return made


def _declared(
    written: Written, found: Mistakes, registry: Registry | None, plugin_files: Sequence[Path]
) -> Declared:
    """Raises what is wrong at once where a plugin is missing: any name may be its."""
    names = declarations(written.config, found)
    before = len(found.errors)
    check_requirements(written.config, found)
    if registry is None:
        with found:
            registry = registry_for(written.config, names, plugin_files)
    if registry is None or len(found.errors) > before:
        found.hold()
    assert registry is not None
    asked = names.asked | _asked_by_shapes(written.config)
    return Declared(written, names, registry, asked, Memo(LAYOUTS))


def _asked_by_shapes(config: Config) -> frozenset[str]:
    """The words that the shapes of parameters ask of tables."""
    shapes = (one.shape or () for one in config.parameters_in_full.values())
    texts = [size for shape in shapes for size in shape if isinstance(size, str)]
    return frozenset(word for word in OF_TABLES if any(word in text for text in texts))
