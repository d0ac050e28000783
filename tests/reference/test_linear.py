"""NIST's linear regressions as configs: right, or an honest refusal where no digits are left."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.cases.case import inline, run_config
from tests.reference.judged import digits
from tests.reference.published import REFERENCE

SETS: dict[str, dict[str, Any]] = {
    entry["name"]: entry
    for entry in json.loads((REFERENCE / "nist_linear.json").read_text())["problems"]
}
WAYS = {
    "default": "least_squares: {{observed: y, predicted: '{model}'}}",
    "lbfgs": "least_squares: {{observed: y, predicted: '{model}'}}\noptimizer: lbfgs",
    "loss": "loss: mean((y - ({model}))**2)",
}

LEAST = {"Filip": 5.0, **dict.fromkeys((f"Wampler{k}" for k in (3, 4, 5)), 5.0)}
"""Fewer digits than six: a condition number of 1e15, or residuals that dwarf the estimates."""


def config(entry: dict[str, Any], way: str) -> str:
    zeros = ", ".join(f"{name}: 0" for name in entry["param_names"])
    objective = WAYS[way].format(model=entry["model"])
    return f"{inline(**entry['data'])}\nparameters: {{{zeros}}}\n{objective}\n"


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("name", SETS)
def test_right_or_not_converged(name: str, way: str, tmp_path: Path) -> None:
    entry = SETS[name]
    ended = run_config(config(entry, way), tmp_path)
    assert ended.code in ((0, 3) if name in ("Filip", "Longley") or way != "default" else (0,))
    if ended.code == 3:
        return
    found = np.array([ended.at(f"parameters.{one}") for one in entry["param_names"]])
    certified, errors = np.array(entry["certified"]), np.array(entry["certified_std"])
    if way == "default":
        least = LEAST.get(name, 6.0)
        assert digits(found, certified) >= least
        if entry["certified_rss"] > 0:
            reported = [ended.at(f"standard_errors.{one}") for one in entry["param_names"]]
            assert digits(reported, errors) >= least
    else:  # as near as the data tell, which is all that another method promises
        assert np.all(np.abs(found - certified) <= 1e-6 * np.abs(certified) + 1e-4 * errors)
