"""What problems of one config and one layout of data have in common is made once; the bits stay."""

from __future__ import annotations

import gc
import re
import weakref
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import optserve
from optserve.backends.backend import Backend
from optserve.backends.numpy import numpy_backend
from optserve.errors import ConfigError
from optserve.graph.aval import Array
from optserve.jobs.record.result import Result
from optserve.registry.session import default_session

CURVE: dict[str, Any] = {
    "version": 1,
    "parameters": {"a": 1.0, "b": 0.5},
    "define": {"model(t)": "a * (1 - exp(-b * t))"},
    "least_squares": {"observed": "y", "predicted": "model(x)"},
}


def data(seed: int, rows: int = 20) -> dict[str, Array]:
    rng = np.random.default_rng(seed)
    x = np.linspace(0.1, 5.0, rows)
    rates = 0.5 + rng.random(2)
    return {"x": x, "y": rates[0] * (1 - np.exp(-rates[1] * x)) + 0.01 * rng.normal(size=rows)}


def bits(result: Result) -> str:
    """All of a result that is not a time."""
    tree = result.model_dump()
    del tree["memory"]
    losses = [[(entry.loss, entry.gradient) for entry in one] for one in result.history]
    state = {name: np.asarray(one).tobytes() for name, one in result.checkpoint.items()}
    return re.sub(r"'seconds': [^,}]*", "", repr((tree, losses, state)))


def afresh(config: Any, **given: Any) -> Result:
    """The result of a session that knows nothing yet."""
    default_session.cache_clear()
    return optserve.run(optserve.load(config, **given))


@pytest.mark.parametrize("objective", ["least_squares", "log_likelihood", "loss"])
def test_many_data_sets_have_the_bits_of_fresh_runs(objective: str) -> None:
    config = dict(CURVE)
    if objective != "least_squares":
        del config["least_squares"]
        sign = "-" if objective == "log_likelihood" else ""
        terms = f"{sign}0.5 * (y - model(x))**2 / 0.0001"
        config[objective] = terms if sign else f"sum({terms})"
    expected = [bits(afresh(config, data=data(seed))) for seed in range(3)]
    default_session.cache_clear()
    found = [bits(optserve.run(optserve.load(config, data=data(seed)))) for seed in range(3)]
    assert found == expected
    again = [bits(optserve.run(optserve.load(config, data=data(seed)))) for seed in (2, 0, 1)]
    assert again == [expected[2], expected[0], expected[1]]


def test_rows_may_differ_from_data_set_to_data_set() -> None:
    expected = [bits(afresh(CURVE, data=data(1, rows))) for rows in (20, 35, 7)]
    found = [bits(optserve.run(optserve.load(CURVE, data=data(1, rows)))) for rows in (20, 35, 7)]
    assert found == expected


def test_nothing_is_traced_or_compiled_for_the_second_data_set() -> None:
    compiled: list[str] = []
    plain = numpy_backend(1)

    def counting(graph: Any) -> Any:
        compiled.append(graph.digest)
        return plain.compile(graph)

    backends = {"numpy": Backend("numpy", counting)}
    first = optserve.load(CURVE | {"backend": "numpy"}, data=data(0))
    optserve.run(first, backends=backends)
    count = len(compiled)
    assert count == len(set(compiled)) > 0
    for seed in range(1, 5):
        problem = optserve.load(CURVE | {"backend": "numpy"}, data=data(seed))
        assert problem.objective.graph is first.objective.graph
        assert problem.shared is first.shared
        optserve.run(problem, backends=backends)
    assert len(compiled) == count


def test_the_registry_is_sealed_once(monkeypatch: pytest.MonkeyPatch) -> None:
    default_session.cache_clear()
    optserve.load(CURVE, data=data(0))
    monkeypatch.setattr("optserve.registry.loading.installed_sources", None)  # a call would raise
    optserve.load(CURVE, data=data(1))
    optserve.load(CURVE | {"parameters": {"a": 2.0, "b": 0.25}}, data=data(1))


def test_a_config_that_says_something_else_is_not_taken_for_the_one_before() -> None:
    for value in (1, 1.0, True):
        config = CURVE | {"parameters": {"a": {"init": 1.0, "fixed": value}, "b": 0.5}}
        if value is True:
            assert optserve.load(config, data=data(0)).parameters[0].fixed.all()
        else:
            with pytest.raises(ConfigError, match="fixed"):
                optserve.load(config, data=data(0))
    starts = [
        float(
            optserve.load(CURVE | {"parameters": {"a": a, "b": 0.5}}, data=data(0))
            .parameters[0]
            .init
        )
        for a in (0.0, -0.0, 2.0)
    ]
    assert list(map(repr, starts)) == ["0.0", "-0.0", "2.0"]


def test_options_of_load_count() -> None:
    given = data(0)
    plain = optserve.load(CURVE, data=given)
    other = optserve.load(CURVE, data=given, overrides=["parameters.a=3"])
    assert (float(plain.parameters[0].init), float(other.parameters[0].init)) == (1.0, 3.0)
    drawn = CURVE | {"parameters": {"a": {"init": "normal"}, "b": 0.5}}
    values = [
        float(optserve.load(drawn, data=given, seed=seed).parameters[0].init) for seed in (1, 2, 1)
    ]
    assert values[0] == values[2] != values[1]


def test_columns_of_another_dtype_or_width_are_seen() -> None:
    config = {"version": 1, "parameters": {"b": 1.0}, "least_squares": "y - b * sum(X, axis=1)"}
    y = np.arange(1.0, 7.0)
    for width in (2, 3):
        problem = optserve.load(config, data={"X": np.ones((6, width)), "y": y})
        assert problem.objective.graph.inputs[1].aval.shape[1:] == (width,)
    with pytest.raises(ConfigError, match="no value is called 'X'"):
        optserve.load(config, data={"Z": np.ones((6, 2)), "y": y})


def test_an_error_of_values_is_told_of_each_data_set() -> None:
    good, bad = data(0), data(0)
    bad["y"][3] = np.nan
    optserve.run(optserve.load(CURVE, data=good))
    for _ in range(2):
        with pytest.raises(ConfigError, match="y"):
            optserve.load(CURVE, data=bad)
    optserve.run(optserve.load(CURVE, data=good))


def test_a_file_that_is_edited_is_read_again(tmp_path: Path) -> None:
    path = tmp_path / "fit.yaml"
    text = "version: 1\nparameters: {b: 1}\nleast_squares: y - b * x\n"
    path.write_text(text)
    assert [one.name for one in optserve.load(path, data=data(0)).parameters] == ["b"]
    path.write_text(text.replace("b", "c").replace("num_c", ""))
    assert [one.name for one in optserve.load(path, data=data(0)).parameters] == ["c"]
    (tmp_path / "base.yaml").write_text(text)
    path.write_text("extends: base.yaml\n")
    assert float(optserve.load(path, data=data(0)).parameters[0].init) == 1.0
    (tmp_path / "base.yaml").write_text(text.replace("b: 1", "b: 5"))
    assert float(optserve.load(path, data=data(0)).parameters[0].init) == 5.0


def test_a_plugin_file_that_is_edited_is_read_again(tmp_path: Path) -> None:
    plugin = tmp_path / "mine.py"
    text = """import numpy as np
from optserve.plugin import elementwise, hookimpl

@hookimpl
def optserve_primitives():
    return [elementwise("tripled", lambda x: FACTOR * x, doc="x times a number.")]
"""
    config = CURVE | {"least_squares": "y - tripled(a * x) - b"}
    for factor in ("3.0", "4.25"):
        plugin.write_text(text.replace("FACTOR", factor))
        graph = optserve.load(config, data=data(0), plugin_files=[plugin]).objective.graph
        assert any(equation.primitive.name == "tripled" for equation in graph.equations)
        body = optserve.run(optserve.load(config, data=data(0), plugin_files=[plugin]))
        assert body.parameters["a"] == pytest.approx(_slope(data(0)) / float(factor))


def _slope(columns: dict[str, Array]) -> float:
    x, y = columns["x"], columns["y"]
    return float(np.polyfit(x, y, 1)[0])


def test_data_are_not_kept_alive() -> None:
    class Column(np.ndarray[Any, Any]):
        """An array that can be referred to weakly."""

    columns = {name: one.view(Column) for name, one in data(3).items()}
    seen = [weakref.ref(one) for one in columns.values()]
    optserve.run(optserve.load(CURVE, data=columns))
    del columns
    gc.collect()
    assert [one() for one in seen] == [None, None]


def test_shared_parameters_cannot_be_changed() -> None:
    problem = optserve.load(CURVE, data=data(0))
    with pytest.raises(ValueError, match="read-only"):
        problem.parameters[0].init[...] = 7.0
