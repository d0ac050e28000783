"""What ``pyproject.toml`` declares of a plugin, and what is wrong with it; nothing is imported."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from optserve.errors import ConfigError
from optserve.registry.plugin_source import canonical, entry_module
from optserve.testing.package.findings import PackageFinding, error, warning

__all__ = ["DeclaredPackage", "declared"]

GROUP = "optserve"


@dataclass(frozen=True)
class DeclaredPackage:
    """A package by its ``pyproject.toml``.

    ``modules`` are those of its entry points in the group ``optserve``; ``roots`` are the folders
    from which they are imported; ``requires`` are the names of its dependencies, those of extras
    left out.
    """

    name: str
    version: str
    modules: tuple[str, ...]
    roots: tuple[Path, ...]
    requires: frozenset[str]
    findings: tuple[PackageFinding, ...] = ()


def declared(folder: Path) -> DeclaredPackage:
    """What the package in ``folder`` declares.

    Raises ``ConfigError`` where there is no ``pyproject.toml`` that can be read.
    """
    path = folder / "pyproject.toml"
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as problem:
        raise ConfigError(
            f"cannot read {path}: {problem.strerror}",
            expected="the folder of a package, with a pyproject.toml",
            remedy="`optserve plugin new NAME` writes one",
            code="unreadable-file",
        ) from None
    except ValueError as problem:
        raise ConfigError(
            f"{path} is not TOML: {problem}",
            remedy="correct it: tomllib reads TOML 1.0",
            code="unreadable-file",
        ) from None
    project = table.get("project", {})
    project = project if isinstance(project, Mapping) else {}
    points = _table(_table(project.get("entry-points")).get(GROUP))
    modules = tuple(str(value) for value in points.values())
    roots = tuple(root for root in (folder / "src", folder) if root.is_dir())
    found = [*_metadata(folder, table, project, str(path)), *_entries(roots, modules, str(path))]
    return DeclaredPackage(
        name=str(project.get("name", folder.name)),
        version=str(project.get("version", "")),
        modules=modules,
        roots=roots,
        requires=frozenset(map(_distribution, _texts(project.get("dependencies")))),
        findings=tuple(found),
    )


def _metadata(
    folder: Path, table: Mapping[str, Any], project: Mapping[str, Any], place: str
) -> Iterator[PackageFinding]:
    if "build-system" not in table:
        yield error(
            "build-system",
            "there is no [build-system]",
            'add one: requires = ["hatchling"], build-backend = "hatchling.build"',
            place,
        )
    dynamic = _texts(project.get("dynamic"))
    for key, example in (
        ("name", 'name = "optserve-growth"'),
        ("version", 'version = "0.1.0"'),
        ("description", 'description = "Laws of growth for optserve."'),
        ("readme", 'readme = "README.md"'),
        ("license", 'license = "Apache-2.0"'),
        ("requires-python", 'requires-python = ">=3.11"'),
    ):
        if key in project or key in dynamic:
            continue
        told = error if key in ("name", "version") else warning
        yield told("metadata", f"[project] has no {key}", f"add it, as in {example}", place)
    readme = project.get("readme")
    if isinstance(readme, str) and not (folder / readme).is_file():
        yield error(
            "metadata", f"the readme {readme} is not there", f"write {readme}, or name it", place
        )
    if GROUP not in map(_distribution, _texts(project.get("dependencies"))):
        yield error(
            "dependency",
            "optserve is not among the dependencies",
            'add "optserve>=0.1" to dependencies',
            place,
        )
    if not any((folder / "tests").rglob("test_*.py")):
        yield warning(
            "tests",
            "there are no tests/test_*.py",
            "test each primitive with optserve.testing.checks; see docs/plugins.md",
            str(folder),
        )


def _entries(roots: Sequence[Path], modules: Sequence[str], place: str) -> Iterator[PackageFinding]:
    if not modules:
        yield error(
            "entry-point",
            "there is no entry point in the group optserve, so the package is never found",
            'add [project.entry-points.optserve] with a line growth = "growth"',
            place,
        )
    for module in modules:
        name = entry_module(module)
        parts = Path(*name.split("."))
        if not any(
            (root / parts).with_suffix(".py").is_file() or (root / parts / "__init__.py").is_file()
            for root in roots
        ):
            yield error(
                "entry-point",
                f"the entry point names the module {name!r}, which is not in this package",
                "name the module that has the hooks",
                place,
            )


def _table(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _texts(value: Any) -> list[str]:
    return [one for one in value if isinstance(one, str)] if isinstance(value, list) else []


def _distribution(requirement: str) -> str:
    """The name in a requirement, as packaging tools compare it.

    >>> _distribution("SciPy_Extra>=1.2; python_version > '3'")
    'scipy-extra'
    """
    return canonical(re.split(r"[^A-Za-z0-9._-]", requirement.strip(), maxsplit=1)[0])
