"""What is imported is declared in pyproject.toml, and what is declared there is imported."""

from __future__ import annotations

import sys
import tomllib
from importlib.metadata import packages_distributions

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.architecture.house import ROOT, sources

EXTRAS = ("dask", "report")
"""Extras whose libraries the package imports where they are used."""


def declared() -> set[str]:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = project["optional-dependencies"]
    lines = [*project["dependencies"], *(line for extra in EXTRAS for line in extras[extra])]
    return {canonicalize_name(Requirement(line).name) for line in lines}


def imported() -> set[str]:
    """The distributions that the package imports from, wherever it does."""
    packages = {found.name.partition(".")[0] for source in sources() for found in source.imports()}
    foreign = packages - {*sys.stdlib_module_names, "optserve"}
    providers = packages_distributions()
    return {
        canonicalize_name(name) for package in foreign for name in providers.get(package, [package])
    }


def test_every_import_is_declared() -> None:
    assert imported() - declared() == set()


def test_every_dependency_is_imported() -> None:
    assert declared() - imported() == set()
