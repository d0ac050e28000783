"""From a config to a problem: parameters, starts, methods, data, expectations."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import pytest

from optserve.config import load
from optserve.errors import ConfigError, ConfigErrors, PluginError
from optserve.optimizers.base import Evaluation
from tests.config.evaluation import Load, evaluate

ROOT = Path(__file__).parents[2]
EXAMPLES = sorted((ROOT / "configs").glob("*.yaml"))


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_the_examples_load(path: Path) -> None:
    try:
        loaded = load(path)
    except PluginError as error:  # misra1a-robust, where the plugin is not installed
        pytest.skip(error.message)
    assert np.isfinite(evaluate(loaded)[0])
    assert loaded.expectations


def test_the_data_is_known_by_its_digest(problem: Load, tmp_path: Path) -> None:
    text = "data: {read: d.csv}\nparameters: {b: 2}\nloss: sum(x) * b\n"
    data = problem(text).metadata["data"]["data"]
    assert data["file"] == str(tmp_path / "d.csv")
    digest = hashlib.sha256((tmp_path / "d.csv").read_bytes()).hexdigest()
    assert data["sha256"] == digest
    assert problem(text, overrides=[f"data.sha256={digest}"]).rows_used == 3


def test_a_path_of_the_command_line_is_relative_to_the_config(problem: Load) -> None:
    text = "data: {read: none.csv}\nparameters: {b: 2}\nloss: sum(w) * b\n"
    assert evaluate(problem(text, overrides=["data.read=w.csv"])) == (5.0,)


def test_precision_is_that_of_all_that_varies(problem: Load) -> None:
    made = problem(
        "precision: float32\n"
        "data: {read: d.csv, columns: {x: x, k: {take: k, as: integer}}}\n"
        "parameters: {b: 0.1}\nloss: sum(b * x * k)\n"
    )
    assert {name: array.dtype.name for name, array in made.objective.data.items()} == {
        "x": "float32",
        "k": "int64",
    }
    assert made.parameters[0].init.dtype == np.float32
    assert evaluate(made)[0].dtype == np.float32


def test_parameters_have_shapes_bounds_and_starts(problem: Load) -> None:
    made = problem(
        "data: {read: d.csv, columns: {X: [x, y]}}\n"
        "parameters:\n"
        '  net.W: {shape: ["X.shape[1]", 3], init: {normal: {std: 0.1}}}\n'
        "  k: {init: 2, bounds: [0, null], fixed: true, transform: log}\n"
        "  c: {init: [[1, 2]], bounds: [null, 5]}\n"
        "  z: {shape: [2]}\n"
        "  f: {shape: [2], init: 0.5}\n"
        "loss: sum(X @ net.W) * k * sum(c) * sum(z) * sum(f)\n"
    )
    w, k, c, z, f = made.parameters
    assert (w.name, w.shape, c.shape, z.init.tolist()) == ("net.W", (2, 3), (1, 2), [0.0, 0.0])
    assert (k.lower.item(), k.upper.item(), k.fixed.item()) == (0.0, np.inf, True)
    assert k.transform is not None
    assert k.transform.name == "log"
    assert (c.lower == -np.inf).all()
    assert (c.upper == 5).all()
    assert not c.fixed.any()
    assert f.init.tolist() == [0.5, 0.5]
    assert 0 < np.abs(w.init).max() < 1


def test_the_seed_draws_the_starts(problem: Load) -> None:
    text = "parameters: {a: {shape: [3], init: normal}}\nloss: sum(a)\n"
    first, again = (problem(text).parameters[0].init for _ in range(2))
    other = problem(text, seed=1)
    assert (first == again).all()
    assert (first != other.parameters[0].init).all()
    assert other.seed == 1
    longer = text.replace("{a:", "{b: 1, a:")
    assert (problem(longer).parameters[1].init == first).all()
    assert (problem(f"seed: 1\n{text}").parameters[0].init == other.parameters[0].init).all()


def test_starting_points_and_what_stops(problem: Load) -> None:
    made = problem(
        "parameters: {a: 1, b: [1, 2]}\nloss: a * sum(b)\n"
        "starts: {points: [{a: 3}, {b: 4}, {b: [5, 6]}]}\n"
        "stop: {gradient: 1.0e-8, loss: 0, steps: 500, seconds: 60}\n"
    )
    starts = [{name: value.tolist() for name, value in point.items()} for point in made.starts]
    assert starts == [{"a": 3.0}, {"b": [4.0, 4.0]}, {"b": [5.0, 6.0]}]
    stop = made.stop
    assert (stop.gradient, stop.loss, stop.step, stop.steps, stop.seconds) == (
        1e-8,
        0.0,
        None,
        500,
        60.0,
    )


@pytest.mark.parametrize(
    "point", ["{c: 1}", "{a: [1]}", "{a: -1}", "{b: 9}", "{f: 1}", "{a: x}", "[1]"]
)
def test_starting_points_are_checked(problem: Load, point: str) -> None:
    with pytest.raises(ConfigError):
        problem(
            "parameters: {a: {init: 1, transform: log}, b: {init: 1, bounds: [0, 5]},"
            " f: {init: 1, fixed: true}}\n"
            f"loss: a * b * f\nstarts: {{points: [{point}]}}\n"
        )


def test_expectations_keep_their_paths_and_places(problem: Load) -> None:
    made = problem(
        "parameters: {net.W: [1, 2], net: 3}\nloss: sum(net.W) * net\n"
        "expect:\n"
        "  loss: {min: 0, max: 1}\n"
        "  parameters.net.W[1]: {near: 2, rel: 1.0e-3}\n"
        "  parameters.net: {near: 3, abs: 1}\n"
        "  gradient.net.W: {near: [1, 2], abs: 0}\n"
        "  termination: {one_of: [gradient, steps]}\n"
    )
    loss, entry, net, gradient, termination = made.expectations
    assert loss.checks == {"min": 0.0, "max": 1.0}
    assert entry.checks == {"near": 2.0, "rel": 1e-3}
    assert net.path == "parameters.net"
    assert gradient.checks["near"] == [1.0, 2.0]
    assert termination.checks == {"one_of": ("gradient", "steps")}
    assert loss.place is not None
    assert (loss.place.line, loss.place.path) == (5, "expect.loss")


@pytest.mark.parametrize(
    ("optimizer", "kind", "name", "given"),
    [
        ("", "loss", "lbfgs", False),
        ("", "least_squares", "levenberg_marquardt", False),
        ("optimizer: auto\n", "loss", "lbfgs", False),
        ("optimizer: adam\n", "loss", "adam", True),
        ("optimizer: {adam: 0.5}\n", "loss", "adam", True),
        ("optimizer: {clip: 1, adam: {beta1: 0.5}}\n", "loss", "clip, adam", True),
        ("optimizer: none\n", "loss", None, True),
    ],
)
def test_methods(problem: Load, optimizer: str, kind: str, name: str | None, given: bool) -> None:
    made = problem(f"parameters: {{b: 1}}\n{kind}: b**2\n{optimizer}")
    assert (made.optimizer.name if made.optimizer else None) == name
    assert made.optimizer_given is given


def test_a_backend_is_known(problem: Load) -> None:
    text = "parameters: {b: 1}\nloss: b**2\nbackend: "
    assert problem(f"{text}numpy\n").backend == "numpy"
    with pytest.raises(ConfigError, match=r"fit\.yaml:4:10: no backend is called 'nunpy'"):
        problem(f"{text}nunpy\n")


def test_a_schedule_is_an_option(problem: Load) -> None:
    text = "parameters: {b: 1}\nloss: b**2\noptimizer: "
    for written in (
        "{gradient_descent: {learning_rate: {constant: {value: 0.25}}}}",
        "{gradient_descent: {learning_rate: {constant: 0.25}}}",
        "{gradient_descent: {constant: 0.25}}",
        "{gradient_descent: 0.25}",
    ):
        optimizer = problem(f"{text}{written}\n").optimizer
        assert optimizer is not None
        params = np.array([0.0])
        evaluation = Evaluation(0.0, np.array([4.0]))
        updates, _ = optimizer.update(evaluation, optimizer.init(params), params)
        assert updates.tolist() == [-1.0]


def test_overrides_are_applied(problem: Load) -> None:
    made = problem(
        "parameters: {b: 1}\nloss: b**2\n", overrides=["parameters.b=3", "name=other", "seed=4"]
    )
    assert (evaluate(made), made.name, made.seed) == ((9.0,), "other", 4)


def test_the_resolved_config_is_kept(problem: Load) -> None:
    made = problem("parameters: {b: 1}\nloss: b**2\n", overrides=["stop.steps=3"])
    assert made.metadata["config"] == {
        "version": 1,
        "parameters": {"b": 1},
        "loss": "b**2",
        "stop": {"steps": 3},
    }


def test_all_that_is_wrong_with_names_and_shapes_is_told_at_once(problem: Load) -> None:
    text = (
        "data: {read: d.csv}\n"
        "parameters: {b: {init: 5, bounds: [0, 2]}, c: {shape: [2], init: [1, 2, 3]}}\n"
        "define:\n"
        "  broken: xx * b\n"
        "  follows: 2 * broken\n"
        "  f(t): follows + t\n"
        "  other: sun(y)\n"
        "least_squares: {observed: z, predicted: f(x), sigma: y * qq}\n"
        "metrics: {m: x * b, n: mean(f(x))}\n"
        "optimizer: adamm\n"
        "backend: fast\n"
    )
    with pytest.raises(ConfigErrors) as caught:
        problem(text)
    assert [(str(one.place).partition(":")[2], one.message) for one in caught.value.errors] == [
        ("3:24", "'b' starts outside of its bounds"),
        ("3:66", "the values have the shape (3,)"),
        ("5:11", "no value is called 'xx'"),
        ("8:10", "no function is called 'sun'"),
        ("9:27", "no value is called 'z'"),
        ("9:58", "no value is called 'qq'"),
        ("10:14", "the metric m has the shape (data,)"),
        ("11:12", "no optimizer is called 'adamm'"),
        ("12:10", "no backend is called 'fast'"),
    ]


def test_all_that_cannot_be_parsed_is_told_at_once(problem: Load) -> None:
    with pytest.raises(ConfigErrors) as caught:
        problem("parameters: {lambda: 1, b: 1}\ndefine: {f: b +, g(t): t ? 1}\nloss: b **\n")
    assert [one.place.line for one in caught.value.errors if one.place] == [2, 3, 3, 4]
