"""Where contributions come from."""

from __future__ import annotations

import importlib.metadata
import tomllib
from pathlib import Path

import pytest

from optserve.registry import load
from optserve.registry.plugin_source import BUILTIN_MODULES, installed_sources
from tests.registry.conftest import Site, losses

ROOT = Path(__file__).resolve().parents[2]


def test_a_source_tree_without_metadata_has_what_is_built_in(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(importlib.metadata, "distributions", lambda: iter(()))
    registry = load()
    assert {source.distribution for source in installed_sources()} == {"optserve"}
    assert registry.primitives["exp"].builtin
    assert registry.optimizers["adam"].version == "(not installed)"


def test_the_modules_of_a_source_tree_are_the_entry_points_of_the_package() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    assert list(BUILTIN_MODULES) == list(project["project"]["entry-points"]["optserve"].values())


def test_of_two_distributions_of_one_name_the_first_on_the_path_counts(
    site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    site.install("twice", losses("a_loss"), version="1.0")
    other = tmp_path / "earlier"
    other.mkdir()
    monkeypatch.syspath_prepend(other)
    Site(other).install("twice", losses("b_loss"), version="2.0")
    registry = load()
    assert [p.version for p in registry.plugins if p.distribution == "twice"] == ["2.0"]
    assert "b_loss" in registry.primitives


@pytest.mark.parametrize(
    ("entry_points", "metadata"),
    [
        ("this is no entry point", None),
        ("plugin = fake_damaged", ""),
        ("plugin = not a module at all!", None),
        ("plugin = fake_damaged:absent", None),
    ],
)
def test_damaged_metadata_is_a_failure_like_any_other(
    site: Site, entry_points: str, metadata: str | None
) -> None:
    site.install("damaged", losses("a_loss"), entry_points=entry_points, metadata=metadata)
    site.install("good", losses("wavy_loss"))
    registry = load()
    assert {"wavy_loss", "exp"} <= registry.primitives.keys()
    known = [p for p in registry.plugins if p.distribution not in ("optserve", "good")]
    assert known[0].failure or known[0].imported


def test_a_distribution_with_an_empty_group_is_passed_over(site: Site) -> None:
    site.install("empty", "", entry_points="\n")
    assert "empty" not in {plugin.distribution for plugin in load().plugins}


def test_a_distribution_whose_entry_points_are_no_text_is_passed_over(site: Site) -> None:
    site.install("binary", losses("a_loss"))
    (site.folder / "binary-1.0.dist-info" / "entry_points.txt").write_bytes(b"[optserve]\n\xff\xfe")
    assert "exp" in load().primitives


def test_sources_come_in_an_order_of_their_own_with_the_builtins_first(site: Site) -> None:
    for name in ("zebra", "antelope"):
        site.install(name, losses(f"{name}_loss"))
    names = list(dict.fromkeys(source.distribution for source in installed_sources()))
    assert names[0] == "optserve"
    assert names[1:] == sorted(names[1:])
