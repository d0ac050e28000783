"""Of two mistakes both are told, and nothing that only follows, unless one hides the other."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from optserve.config import load
from optserve.errors import ConfigErrors, OptserveError
from optserve.registry import Registry

RIGHT: Mapping[str, str] = {
    "data": "data: {read: d.csv}",
    "parameters": "parameters: {a: 1, b: 2, c: 3}",
    "define": "define: {mu: a * x, nu: b * x}",
    "loss": "loss: sum((y - mu - nu)**2) + c**2",
    "optimizer": "optimizer: adam",
    "metrics": "metrics: {m: mean(x) * a}",
    "expect": "expect: {loss: {max: 1}}",
    "starts": "starts: {points: [{a: 2}]}",
    "stop": "stop: {steps: 3}",
    "backend": "backend: numpy",
}

WRONG: Mapping[tuple[str, str], str] = {
    ("data", "column"): "data: {read: d.csv, columns: {x: X, y: y, site: site}}",
    ("data", "file"): "data: {read: e.csv}",
    ("data", "where"): "data: {read: d.csv, where: z > 1}",
    ("data", "derive"): "data: {read: d.csv, derive: {w: sort(x)}}",
    ("data", "split"): "data: {read: d.csv, split: {test: 0.9}}",
    ("parameters", "bounds"): "parameters: {a: {init: 1, bounds: [2, 3]}, b: 2, c: 3}",
    ("parameters", "transform"): "parameters: {a: {init: -1, transform: log}, b: 2, c: 3}",
    ("parameters", "shape"): "parameters: {a: 1, b: {shape: [zz]}, c: 3}",
    ("define", "name"): "define: {mu: a * x, nu: b * xx}",
    ("define", "function"): "define: {mu: a * x, nu: sun(x)}",
    ("define", "syntax"): "define: {mu: a * x +, nu: b * x}",
    ("define", "order"): "define: {mu: nu, nu: b * x}",
    ("loss", "name"): "loss: sum((y - mu - nu)**2) + zz",
    ("loss", "shape"): "loss: (y - mu - nu)**2",
    ("loss", "cell"): "loss: sum(site) + mu[0] + nu[0]",
    ("loss", "syntax"): "loss: sum((y - mu - nu)**2",
    ("optimizer", "name"): "optimizer: adamm",
    ("optimizer", "option"): "optimizer: {adam: {rate: 1}}",
    ("optimizer", "value"): "optimizer: {adam: {beta1: 2}}",
    ("optimizer", "modifier"): "optimizer: {clip: 1}",
    ("metrics", "name"): "metrics: {m: mean(x) * qq}",
    ("metrics", "shape"): "metrics: {m: x}",
    ("metrics", "syntax"): "metrics: {m: 'mean(x'}",
    ("metrics", "loss"): "metrics: {loss: 1.0 * a}",
    ("expect", "path"): "expect: {los: {max: 1}}",
    ("expect", "near"): "expect: {loss: {near: 1}}",
    ("expect", "parameter"): "expect: {parameters.zz: {max: 1}}",
    ("expect", "metric"): "expect: {metrics.train.q: {max: 1}}",
    ("starts", "name"): "starts: {points: [{q: 2}]}",
    ("starts", "shape"): "starts: {points: [{c: [1, 2]}]}",
    ("stop", "epochs"): "stop: {epochs: 3}",
    ("stop", "plateau"): "stop: {plateau: {metric: loss}}",
    ("backend", "name"): "backend: nimpy",
}

HIDDEN: Mapping[tuple[str, str], set[tuple[str, str]]] = {
    # any name may be that of a column of a file that is missing
    ("data", "file"): {
        *itertools.product(["loss"], ["name", "shape", "cell"]),
        *itertools.product(["metrics"], ["name", "shape"]),
        ("define", "name"),
    },
    ("data", "column"): {("loss", "shape"), ("metrics", "shape")},
    ("data", "where"): {("loss", "cell")},
    # what is computed of a value that is wrong has no shape yet
    ("parameters", "shape"): {("loss", "shape")},
    ("define", "name"): {("loss", "shape")},
    ("define", "function"): {("loss", "shape")},
    ("define", "syntax"): {("loss", "shape")},
    ("define", "order"): {("loss", "shape")},
}
"""What cannot be known of the second while the first is wrong."""


@pytest.fixture
def messages(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, registry: Registry
) -> Callable[[Mapping[str, str]], set[str]]:
    """What is told of a config of these parts."""
    monkeypatch.chdir(tmp_path)
    Path("d.csv").write_text("x,y,site\n1,2,u\n2,4.5,v\n3,7,u\n4,9,v\n")

    def told(parts: Mapping[str, str]) -> set[str]:
        Path("fit.yaml").write_text("\n".join(["version: 1", *parts.values(), ""]))
        try:
            load("fit.yaml", registry=registry)
        except ConfigErrors as errors:
            return {error.message for error in errors.errors}
        except OptserveError as error:
            return {error.message}
        return set()

    return told


def test_both_are_told(messages: Callable[[Mapping[str, str]], set[str]]) -> None:
    assert messages(RIGHT) == set()
    alone = {wrong: messages({**RIGHT, wrong[0]: text}) for wrong, text in WRONG.items()}
    assert {len(told) for told in alone.values()} == {1}
    for one, other in itertools.combinations(WRONG, 2):
        if one[0] == other[0]:
            continue
        told = messages({**RIGHT, one[0]: WRONG[one], other[0]: WRONG[other]})
        expected = alone[one] | alone[other]
        for first, second in ((one, other), (other, one)):
            if second in HIDDEN.get(first, ()):
                expected = alone[first]
        assert told == expected, (one, other)
