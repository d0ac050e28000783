"""Every hook: specified, documented, and used here by a plugin."""

from __future__ import annotations

import inspect
from dataclasses import fields
from pathlib import Path

import pytest

from optserve.registry import Registry, hookspecs, load
from optserve.registry.hookspecs import KINDS, Kind
from tests.registry.conftest import Site

ROOT = Path(__file__).resolve().parents[2]

HOOKS = [name for name in vars(hookspecs) if name.startswith("optserve_")]

CONTRIBUTIONS: dict[Kind, str] = {
    "primitives": "primitives = [elementwise('mine', lambda x: x * x)]",
    "optimizers": (
        "def mine(learning_rate: float = 0.1) -> Optimizer:\n"
        "    return Optimizer('mine', lambda params: (),\n"
        "                     lambda e, state, params: (-learning_rate * e.gradient, state))\n"
        "optimizers = [mine]"
    ),
    "schedules": (
        "def mine(start: float, half_life: int) -> Schedule:\n"
        "    return Schedule('mine', lambda step, total: start * 0.5 ** (step / half_life))\n"
        "schedules = [mine]"
    ),
    "initializers": (
        "def mine(scale: float = 1.0):\n"
        "    return lambda rng, shape: scale * rng.laplace(size=shape)\n"
        "initializers = [mine]"
    ),
    "transforms": (
        "def mine(scale: float = 1.0) -> ParameterTransform:\n"
        "    return ParameterTransform('mine', lambda u: scale * u, lambda p: p / scale,\n"
        "                              lambda p: True, 'any')\n"
        "transforms = [mine]"
    ),
    "readers": "def mine(sheet: int = 0): ...\nreaders = [mine]",
    "backends": "backends = [Backend('mine', lambda graph: lambda *arrays: ())]",
    "lowerings": ("lowerings = [Lowering(elementwise('mine', lambda x: x * x), lambda x: x * x)]"),
    "reports": "def mine(title: str = ''): ...\nreports = [mine]",
    "executors": "def mine(address: str = '', workers: int = 1): ...\nexecutors = [mine]",
}
"""For each kind, code that makes one contribution called ``mine``."""


def test_kinds_hooks_and_shelves_are_the_same_list() -> None:
    shelves = [field.name for field in fields(Registry)]
    assert [f"optserve_{kind}" for kind in KINDS] == HOOKS
    assert list(KINDS) == shelves[: len(KINDS)]


@pytest.mark.parametrize("hook", HOOKS)
def test_every_hook_is_typed_and_documented(hook: str) -> None:
    specification = getattr(hookspecs, hook)
    assert inspect.getdoc(specification)
    assert inspect.signature(specification).return_annotation.startswith("Sequence[")
    assert f"`{hook}`" in (ROOT / "docs" / "plugins.md").read_text(encoding="utf-8")


def test_every_hook_is_used_by_a_test() -> None:
    assert set(CONTRIBUTIONS) == set(KINDS)


@pytest.mark.parametrize("kind", KINDS)
def test_a_contribution_arrives_through_its_hook(site: Site, kind: Kind) -> None:
    code = f"{CONTRIBUTIONS[kind]}\n@hookimpl\ndef optserve_{kind}():\n    return {kind}\n"
    module = site.install("mine", code, version="0.7")
    registry = load(needed={"mine"})
    assert not [failure for failure in registry.failures if failure.distribution == "mine"]
    entry = registry.find(kind, "mine")
    assert (entry.distribution, entry.version, entry.module) == ("mine", "0.7", module)
    others = [other for other in KINDS if "mine" in registry.entries(other)]
    assert others == [kind]
