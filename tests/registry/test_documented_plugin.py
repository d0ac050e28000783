"""The plugin of docs/plugins.md, taken from the page as it is printed there."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import numpy as np

from optserve.registry import load
from tests.registry.conftest import Site

PAGE = Path(__file__).resolve().parents[2] / "docs" / "plugins.md"


def block(language: str) -> str:
    """The first block of the page in a language."""
    found = re.search(rf"^```{language}\n(.*?)^```", PAGE.read_text(encoding="utf-8"), re.M | re.S)
    assert found is not None
    return found[1]


def test_the_printed_package_contributes_its_primitive(site: Site) -> None:
    project = tomllib.loads(block("toml"))
    name, version = project["project"]["name"], project["project"]["version"]
    entry_points = project["project"]["entry-points"]["optserve"]
    assert project["tool"]["hatch"]["build"]["targets"]["wheel"]["only-include"] == ["growth.py"]
    site.install(
        name,
        "",
        version=version,
        entry_points="\n".join(f"{key} = {value}" for key, value in entry_points.items()),
    )
    (site.folder / "growth.py").write_text(block("python"), encoding="utf-8")
    entry = load(needed={"gompertz"}).find("primitives", "gompertz")
    assert (entry.distribution, entry.version, entry.module) == (name, version, "growth")
    assert entry.value(0.0) == np.exp(-1.0)
    assert not [plugin.warnings for plugin in load().plugins if plugin.warnings]
