"""The lock file catches what changes a derivative."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from optserve.batch.lock.locking import Opening, lock_configs
from optserve.graph.primitive import Primitive
from optserve.primitives import arithmetic, comparisons, elementary, sums
from optserve.primitives.numpy_meaning import MEANING
from optserve.transforms import rules
from tests.batch.locks import CONFIG, OF_PLUGIN, PLUGIN, afresh, config, lock, locked, told

__all__ = ["afresh", "config", "lock", "locked"]


def with_rule(primitive: Primitive, **changed: Any) -> Callable[[pytest.MonkeyPatch], None]:
    """A primitive with another rule, or another part of it."""
    own = {one.name for one in fields(Primitive)}

    def mutate(patch: pytest.MonkeyPatch) -> None:
        for name, value in changed.items():
            if name in own:
                new: Any = value
                name_of = name
            else:
                new, name_of = replace(primitive.derivative, **{name: value}), "derivative"
            before = getattr(primitive, name_of)
            object.__setattr__(primitive, name_of, new)
            patch.callbacks.append(lambda a=name_of, b=before: object.__setattr__(primitive, a, b))  # type: ignore[attr-defined]
        primitive.remembered.clear()  # what was made of the rule before
        patch.callbacks.append(primitive.remembered.clear)  # type: ignore[attr-defined]

    return mutate


def first_of_a_tie(out: Any, x: Any, y: Any) -> Any:
    first = np.where(x >= y, 1.0, 0.0)
    return first, 1.0 - first


def without_rewritings(patch: pytest.MonkeyPatch) -> None:
    before = MEANING.rewritings
    object.__setattr__(MEANING, "rewritings", dict.fromkeys(before, ()))
    patch.callbacks.append(lambda: object.__setattr__(MEANING, "rewritings", before))  # type: ignore[attr-defined]


def unmasked(patch: pytest.MonkeyPatch) -> None:
    def scaled(ct: Any, partial: Any, masked: bool, selects: bool) -> Any:
        return None if partial is None else ct * partial

    patch.setattr(rules, "_scaled", scaled)


sum_impl = sums.sum_.impl
tanh_impl = elementary.tanh.impl

RULES: Mapping[str, tuple[Callable[[pytest.MonkeyPatch], None], str]] = {
    "a factor": (
        with_rule(elementary.exp, partials=lambda out, x: (out * (1.0 + 1e-15),)),
        "derivative in reverse mode and the derivative in forward mode of exp",
    ),
    "a sign": (with_rule(elementary.sin, partials=lambda out, x: (-np.cos(x),)), "of sin"),
    "a guard": (with_rule(elementary.log, partials=lambda out, x: (1 / (x + 1e-12),)), "of log"),
    "the same in other words": (
        with_rule(elementary.sqrt, partials=lambda out, x: (0.5 * x**-0.5,)),
        "of sqrt",
    ),
    "a sum for a product": (
        with_rule(arithmetic.square, partials=lambda out, x: (x + x,)),
        "of square",
    ),
    "an operand forgotten": (
        with_rule(arithmetic.multiply, partials=lambda out, x, y: (y, None)),
        "of multiply",
    ),
    "an operand twice": (
        with_rule(arithmetic.subtract, partials=lambda out, x, y: (1.0, 1.0)),
        "of subtract",
    ),
    "a value in the place of a result": (
        with_rule(elementary.tanh, partials=lambda out, x: (1 - np.square(np.tanh(x)),)),
        "of tanh",
    ),
    "a subgradient": (
        with_rule(arithmetic.absolute, partials=lambda out, x: (np.where(x >= 0, 1.0, -1.0),)),
        "convention for the derivative of abs at 0 has changed: -1 1, not -1 0",
    ),
    "a tie": (
        with_rule(comparisons.maximum, partials=first_of_a_tie),
        "convention for the derivative of maximum at a tie has changed: 1 0, not 0.5 0.5",
    ),
    "a choice that shields nothing": (
        with_rule(comparisons.where, selects=False),
        "where, sqrt not taken at 0",
    ),
    "a logarithm that is one no more": (
        with_rule(arithmetic.power, partials=lambda out, x, y: (y * x ** (y - 1.0), 0.0)),
        "of power",
    ),
    "the body of a stable function": (
        with_rule(
            elementary.softplus,
            body=lambda x: np.log1p(np.exp(x)),
            impl=lambda x: np.log1p(np.exp(x)),
        ),
        "the value of softplus",
    ),
    "a value that is computed otherwise": (
        with_rule(sums.sum_, impl=lambda x, **kw: sum_impl(x, **kw) * (1.0 + 1e-6)),
        "the same graph has other values",
    ),
    "another function of NumPy": (
        with_rule(elementary.tanh, impl=np.arctan),
        "the value of tanh",
    ),
    "tangents alone": (
        with_rule(elementary.exp, jvp=lambda x, t: (np.exp(x[0]), 1.0 * t[0] * np.exp(x[0]))),
        "the derivative in forward mode of exp has changed",
    ),
    "a rewriting": (without_rewritings, "the graph of the loss has changed"),
    "the engine": (unmasked, "derivative"),
}


@pytest.mark.parametrize("name", RULES)
def test_a_rule_that_changes_is_told(name: str, locked: Path) -> None:
    mutate, expected = RULES[name]
    patch = pytest.MonkeyPatch()
    patch.callbacks = []  # type: ignore[attr-defined]
    try:
        mutate(patch)
        found = told(locked)
    finally:
        patch.undo()
        for undo in patch.callbacks:  # type: ignore[attr-defined]
            undo()
    assert any(expected in one for one in found), found


GRAPHS: Mapping[str, tuple[str, str, str]] = {
    "a function": ("tanh(w[0]", "sin(w[0]", "- "),
    "a constant": ("0.1 * abs", "0.1000000001 * abs", "0.1000000001"),
    "a sign": ("- bend", "+ bend", "the graph of the loss"),
    "the precision": ("version: 1", "version: 1\nprecision: float32", "precision has changed"),
    "two parameters": ("exp(-k * t)", "exp(-c * t)", "the graph of the loss"),
    "a penalty": ("l2: 0.02", "l2: 0.03", "the graph of the loss"),
    "a transform": ("transform: log", "transform: softplus", "the transform of 'a'"),
    "a transform less": ("init: 1.5, transform: log", "init: 1.5", "the transform of 'a'"),
    "a column": ("softplus(w[1] * z)", "softplus(w[1] * t)", "the graph of the loss"),
    "an entry": ("softplus(w[1]", "softplus(w[0]", "the graph of the loss"),
    "a reduction": ("mean((y", "sum((y", "mean"),
    "a parameter fixed to a number": ("w[1] * z", "-0.2 * z", "the graph of the loss"),
    "a shape": ("shape: [2], init: [0.5, -0.2]", "shape: [3], init: 0.5", "the graph of the loss"),
    "an exponent": ("**1.5)", "**2)", "the graph of the loss"),
    "a comparison": ("where(z > 0", "where(z >= 0", "greater_equal"),
}


@pytest.mark.parametrize("name", GRAPHS)
def test_a_graph_that_changes_is_told(name: str, locked: Path) -> None:
    before, after, expected = GRAPHS[name]
    assert CONFIG.count(before) == 1
    locked.write_text(CONFIG.replace(before, after))
    found = told(locked)
    assert any(expected in one for one in found), found


def test_what_weights_mean_is_told(tmp_path: Path) -> None:
    config = tmp_path / "line.yaml"
    text = (
        "version: 1\ndata: {inline: {x: [1, 2, 3], y: [1, 2, 4], w: [1, 2, 1]}}\n"
        "parameters: {a: 0, b: 1}\nleast_squares: {observed: y, predicted: a + b * x}\n"
        "weights: {precision: w}\n"
    )
    config.write_text(text)
    [*lock_configs([config], Opening())]
    config.write_text(text.replace("precision", "counts"))
    assert any("weights by counts, not" in one for one in told(config))


def test_thirty_changes_are_seeded() -> None:
    assert len(RULES) + len(GRAPHS) + len(PLUGINS) >= 30


PLUGINS: Mapping[str, tuple[str, str, str]] = {
    "a partial derivative": ("3.0 * x * x", "3.0000001 * x * x", "derivative in reverse mode"),
    "a body": ("x * x * x,", "x * x * x * 1.0000001,", "the value of cube"),
    "code": ("range(3)", "range(4)", "the code of mine.py has changed, which computes steps"),
    "a pullback": ("np.cos(x + 2)", "np.cos(x + 2.5)", "of steps has changed"),
}


@pytest.mark.parametrize("name", PLUGINS)
def test_a_plugin_that_changes_is_told(name: str, tmp_path: Path) -> None:
    before, after, expected = PLUGINS[name]
    plugin, config = tmp_path / "mine.py", tmp_path / "of.yaml"
    plugin.write_text(PLUGIN)
    config.write_text(OF_PLUGIN)
    opening = Opening((plugin,))
    [*lock_configs([config], opening)]
    assert told(config, opening) == []
    assert PLUGIN.count(before) == 1
    plugin.write_text(PLUGIN.replace(before, after))
    found = told(config, opening)
    assert any(expected in one for one in found), found
