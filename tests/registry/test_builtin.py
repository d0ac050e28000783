"""What ships with optserve, through the hooks of everyone."""

from __future__ import annotations

import inspect

import pytest

from optserve import optimizers
from optserve.backends.backend_choice import builtin_backends
from optserve.graph.primitive import Primitive
from optserve.jobs import bijections
from optserve.jobs.parameters import ParameterTransform
from optserve.optimizers import Modifier, Optimizer, Schedule
from optserve.primitives.vocabulary import (
    builtin_primitives,
    builtin_vocabulary,
    density_primitives,
)
from optserve.registry import Registry, load
from optserve.registry.hookspecs import KINDS, Kind
from optserve.registry.naming import name_problem


@pytest.fixture(scope="module")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Registry:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("OPTSERVE_CACHE_DIR", str(tmp_path_factory.mktemp("cache")))
        return load()


@pytest.mark.parametrize("primitive", builtin_primitives(), ids=repr)
def test_a_builtin_primitive_comes_from_optserve(registry: Registry, primitive: Primitive) -> None:
    entry = registry.find("primitives", primitive.name)
    assert entry.value is primitive
    part = "densities" if primitive in density_primitives() else "builtin"
    assert (entry.distribution, entry.module) == ("optserve", f"optserve.registry.{part}")
    assert entry.builtin


def test_the_vocabulary_is_the_builtin_one_and_what_plugins_add(registry: Registry) -> None:
    builtin, own = builtin_vocabulary(), registry.vocabulary()
    added = {name for name, entry in registry.primitives.items() if not entry.builtin}
    assert own.primitives.keys() == builtin.primitives.keys() | added
    assert all(own.primitives[name] is value for name, value in builtin.primitives.items())
    assert own.macros == builtin.macros


def test_the_builtins_load_without_complaint(registry: Registry) -> None:
    own = [plugin for plugin in registry.plugins if plugin.distribution == "optserve"]
    assert [plugin.failure for plugin in own if plugin.failure] == []
    assert [warning for plugin in own for warning in plugin.warnings] == []


def test_every_builtin_name_follows_the_convention_and_has_documentation(
    registry: Registry,
) -> None:
    for kind in KINDS:
        for name, entry in registry.entries(kind).items():
            assert not name_problem(name)
            text = entry.value.doc if hasattr(entry.value, "doc") else inspect.getdoc(entry.value)
            assert text, f"{kind} {name} has no documentation"


@pytest.mark.parametrize(
    ("kind", "makes"),
    [
        ("optimizers", (Optimizer, Modifier)),
        ("schedules", (Schedule,)),
        ("transforms", (ParameterTransform,)),
    ],
)
def test_contributions_make_what_their_hooks_promise(
    registry: Registry, kind: Kind, makes: tuple[type, ...]
) -> None:
    given = {
        "start": 1.0,
        "value": 1.0,
        "factor": 0.5,
        "every": 2,
        "low": 0.0,
        "high": 1.0,
    }
    for name, entry in registry.entries(kind).items():
        options = inspect.signature(entry.value).parameters.values()
        required = {option.name: given[option.name] for option in options if _required(option)}
        assert isinstance(entry.value(**required), makes), name


def test_every_method_modifier_and_schedule_is_contributed(registry: Registry) -> None:
    made = {"Optimizer": "optimizers", "Modifier": "optimizers", "Schedule": "schedules"}
    combinators = {"chain"}
    for name in set(optimizers.__all__) - combinators:
        value = getattr(optimizers, name)
        if inspect.isfunction(value) and (kind := made.get(value.__annotations__["return"])):
            assert registry.find(kind, name).value is value  # type: ignore[arg-type]


def test_transforms_of_parameters_and_backends_are_contributed(registry: Registry) -> None:
    assert registry.find("transforms", "log").value is bijections.log
    assert registry.backends.keys() >= {backend.name for backend in builtin_backends()}


def _required(option: inspect.Parameter) -> bool:
    return option.default is option.empty
