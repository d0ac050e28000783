"""What a config costs grows with its length, and no faster."""

from __future__ import annotations

import gc
from typing import Any

import numpy as np
import pytest

import optserve
from optserve.config import config_scope, traced_problem
from optserve.config.expressions import Scope
from optserve.errors import ConfigError

COLUMNS = {"x": np.linspace(0.0, 1.0, 10), "y": np.ones(10)}


def chain(length: int) -> dict[str, Any]:
    """Definitions each of which uses the one before."""
    values = {f"d{number}": f"d{number - 1} * 0.999 + b" for number in range(1, length)}
    return {
        "version": 1,
        "parameters": {"a": 1.0, "b": 0.001},
        "define": {"d0": "a * x", **values},
        "loss": f"sum((y - d{length - 1})**2)",
        "optimizer": "none",
    }


def test_one_scope_serves_all_definitions(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[Scope] = []

    def counting(**given: Any) -> Scope:
        made.append(Scope(**given))
        return made[-1]

    monkeypatch.setattr(config_scope, "Scope", counting)
    optserve.load(chain(200), data=COLUMNS)
    assert len(made) == 1
    assert len(made[0].values) == 200


def test_a_long_chain_is_evaluated() -> None:
    result = optserve.run(optserve.load(chain(1000), data=COLUMNS))
    value = COLUMNS["x"]
    for _ in range(999):
        value = value * 0.999 + 0.001
    assert result.loss == pytest.approx(float(np.sum((1.0 - value) ** 2)), rel=1e-12)


def test_a_loss_of_many_terms_is_descended() -> None:
    names = [f"p{number}" for number in range(300)]
    terms = {f"t{number}": f"({name} - {number})**2" for number, name in enumerate(names)}
    config = {
        "version": 1,
        "parameters": dict.fromkeys(names, 0.5),
        "define": terms,
        "loss": " + ".join(terms),
        "optimizer": "lbfgs",
    }
    result = optserve.run(optserve.load(config))
    assert result.exit_code == 0
    assert result.parameters["p299"] == pytest.approx(299.0)


def test_nothing_is_collected_while_graphs_are_made(monkeypatch: pytest.MonkeyPatch) -> None:
    running: list[bool] = []
    before = traced_problem.build_objective  # type: ignore[attr-defined]

    def noting(*given: Any) -> Any:
        running.append(gc.isenabled())
        return before(*given)

    monkeypatch.setattr(traced_problem, "build_objective", noting)
    optserve.load(chain(7), data=COLUMNS)
    assert running == [False]
    assert gc.isenabled()


def test_a_sum_of_a_thousand_names_is_an_expression() -> None:
    names = [f"p{number}" for number in range(1000)]
    config = {
        "version": 1,
        "parameters": dict.fromkeys(names, 0.5),
        "loss": f"({' + '.join(names)})**2",
        "optimizer": "none",
    }
    assert optserve.run(optserve.load(config)).loss == 500.0**2


@pytest.mark.parametrize(
    ("written", "message"),
    [
        ("x" + " + x" * 2048, "more than 4096 parts"),
        ("exp(" * 65 + "x" + ")" * 65, "more than 64 levels"),
        ("x" + " " * 65_535 + "+ 1", "65539 bytes long"),
    ],
)
def test_the_limits_of_an_expression(written: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        optserve.load(chain(2) | {"loss": written}, data=COLUMNS)
