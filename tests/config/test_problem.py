"""From a config to a problem: what the graph computes, what is read, what is imported."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from optserve.config import load
from optserve.errors import ConfigError, OptserveError, PluginError
from optserve.graph.interpret import interpret
from optserve.graph.verifier import verify
from optserve.jobs.problem import Problem
from optserve.optimizers.base import Evaluation
from optserve.registry import Registry
from optserve.registry import load as load_registry

ROOT = Path(__file__).parents[2]
EXAMPLES = sorted((ROOT / "configs").glob("*.yaml"))

Load = Callable[..., Problem]


@pytest.fixture(scope="module")
def registry() -> Registry:
    return load_registry()


@pytest.fixture
def problem(tmp_path: Path, registry: Registry) -> Load:
    """The problem of a config, written without its first lines, beside some data."""
    (tmp_path / "d.csv").write_text("x,y,note,k\n1,2,,0\n2,4,ok,1\n3,7,,0\n")
    (tmp_path / "w.csv").write_text("w\n0.5\n2\n")

    def make(text: str, **options: Any) -> Problem:
        (tmp_path / "fit.yaml").write_text(f"version: 1\n{text}")
        return load(tmp_path / "fit.yaml", **{"registry": registry, **options})

    return make


def evaluate(problem: Problem, *values: Any) -> tuple[Any, ...]:
    """The outputs of the objective, at ``values`` or at the start."""
    verify(problem.objective.graph)
    given = [np.asarray(value, problem.precision) for value in values]
    starts = given or [parameter.init for parameter in problem.parameters]
    return interpret(problem.objective.graph, *starts, *problem.objective.data.values())


def names_of_inputs(problem: Problem) -> list[str]:
    return [variable.name for variable in problem.objective.graph.inputs]


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_the_examples_load(path: Path) -> None:
    try:
        loaded = load(path)
    except PluginError as error:  # misra1a-robust, where the plugin is not installed
        pytest.skip(error.message)
    assert np.isfinite(evaluate(loaded)[0])
    assert loaded.expectations


def test_a_loss_with_data(problem: Load) -> None:
    made = problem("data: {read: d.csv}\nparameters: {b: 2}\nloss: sum((y - b * x)**2)\n")
    assert evaluate(made) == (1.0,)
    assert evaluate(made, 3.0) == ((2 - 3) ** 2 + (4 - 6) ** 2 + (7 - 9) ** 2,)
    assert made.objective.kind == "loss"
    assert (made.rows_read, made.rows_used) == (3, 3)
    assert (made.name, made.precision, made.seed, made.backend) == ("fit", "float64", 0, "auto")


def test_a_loss_without_data(problem: Load) -> None:
    made = problem("parameters: {x: -1.2, y: 1}\nloss: (1 - x)**2 + 100 * (y - x**2)**2\n")
    np.testing.assert_allclose(evaluate(made)[0], 24.2)
    assert made.objective.data == {}
    assert made.rows_read is None


def test_least_squares_of_a_comparison(problem: Load) -> None:
    made = problem(
        "data: {read: d.csv}\nparameters: {b: 2}\n"
        "least_squares: {observed: y, predicted: b * x, sigma: 0.5}\n"
    )
    loss, residual, observed = evaluate(made)
    np.testing.assert_allclose(residual, [0.0, 0.0, 2.0])
    np.testing.assert_allclose(observed, [2.0, 4.0, 7.0])
    assert loss == 4.0
    objective = made.objective
    assert (objective.residuals, objective.sigma, objective.observed) == (("residual",), True, True)


def test_least_squares_of_named_residuals_and_a_penalty(problem: Load) -> None:
    made = problem(
        "data: {read: d.csv}\n"
        "parameters: {b: {init: [2, 1], penalty: {l2: 0.25}}, c: {init: 3, penalty: {l2: 1}}}\n"
        "least_squares:\n  line: y - b[0] * x\n  prior: b[1] - c\n"
    )
    loss, *residuals = evaluate(made)
    assert made.objective.residuals == ("line", "prior", "penalty.b", "penalty.c")
    assert made.objective.penalties == {"penalty.b", "penalty.c"}
    np.testing.assert_allclose(residuals[0], [0.0, 0.0, 1.0])
    np.testing.assert_allclose(residuals[2], [1.0, 0.5])
    np.testing.assert_allclose(loss, sum(np.sum(residual**2) for residual in residuals))
    assert not made.objective.observed


def test_a_log_likelihood_is_maximized(problem: Load) -> None:
    made = problem(
        "data: {read: d.csv}\nparameters: {b: {init: 2, penalty: {l2: 0.5}}}\n"
        "log_likelihood: -(y - b * x)**2\n"
    )
    loss, likelihood = evaluate(made)
    np.testing.assert_allclose(likelihood, [0.0, 0.0, -1.0])
    assert loss == 1.0 + 0.5 * 4.0


def test_penalties_add_to_a_loss(problem: Load) -> None:
    made = problem("parameters: {b: {init: [3, 4], penalty: {l2: 0.5}}}\nloss: sum(b)\n")
    assert evaluate(made) == (7.0 + 12.5,)


def test_only_what_is_used_is_read(problem: Load) -> None:
    made = problem(
        "data: {read: d.csv}\nparameters: {b: 2}\ndefine: {unused: sum(k * y)}\nloss: sum(b * x)\n"
    )
    assert list(made.objective.data) == ["x"]
    assert names_of_inputs(made) == ["b", "x"]
    with pytest.raises(ConfigError, match=r"d\.csv:2:5: the column 'note' has a missing value"):
        problem("data: {read: d.csv}\nparameters: {b: 2}\nloss: sum(b * note)\n")


def test_unused_parameters_stay_and_are_told(problem: Load) -> None:
    made = problem("parameters: {a: 1, b: 2}\nloss: b**2\n")
    assert names_of_inputs(made) == ["a", "b"]
    [warning] = made.warnings
    assert warning.endswith("fit.yaml:2:14: the loss does not depend on the parameter 'a'")


def test_every_form_of_define(problem: Load) -> None:
    made = problem(
        "data: {read: d.csv}\n"
        "parameters: {b: 2}\n"
        "define:\n"
        "  two: 2\n"
        "  line: b * x\n"
        "  square(t): t**two\n"
        "  step(s, t): {half: s / 2, return: half + t}\n"
        "  shifted: {compose: [{subtract: 1}, {multiply: 3}]}\n"
        "  other: {pipe: [{multiply: 3}, {subtract: 1}]}\n"
        "loss: sum(square(line)) + step(4, b) + shifted(b) + 10 * other(b)\n"
    )
    assert evaluate(made) == (4 * (1 + 4 + 9) + 4.0 + 11 * (3 * 2 - 1),)


def test_a_table_without_rows_is_constant(problem: Load) -> None:
    made = problem(
        "data: {d: {read: d.csv}, c: {read: w.csv, rows: false}}\n"
        "parameters: {b: 2}\nloss: sum(d.x) * sum(c.w) * b\n"
    )
    assert evaluate(made) == (6 * 2.5 * 2,)
    assert (made.rows_used, made.rows_read) == (3, 3)
    assert {v.name: str(v.aval) for v in made.objective.graph.inputs} == {
        "b": "float64[]",
        "d.x": "float64[d]",
        "c.w": "float64[2]",
    }


def test_two_tables_keep_their_rows_apart(problem: Load) -> None:
    text = "data: {a: {read: d.csv}, b: {read: d.csv}}\nparameters: {p: 2}\n"
    assert evaluate(problem(f"{text}loss: p * sum(a.x) + sum(b.y)\n")) == (25.0,)
    with pytest.raises(OptserveError, match="broadcast"):
        problem(f"{text}loss: p * sum(a.x + b.y)\n")


def test_a_column_may_be_taken_in_two_kinds(problem: Load) -> None:
    columns = "{k: {take: k, as: integer}, f: k, X: [x, k], g: {take: k, as: category}}"
    made = problem(
        f"data: {{read: d.csv, columns: {columns}}}\nparameters: {{b: [1, 10]}}\n"
        "loss: sum(b[k]) + sum(b[g]) + sum(f) + sum(X)\n"
    )
    assert evaluate(made) == (12 + 12 + 1 + (6 + 1),)
    dtypes = {name: array.dtype.name for name, array in made.objective.data.items()}
    assert dtypes == {"k": "int64", "f": "float64", "X": "float64", "g": "int64"}


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


def test_inline_data(problem: Load) -> None:
    made = problem(
        "data: {inline: {x: [1, 2.5], g: [b, a]}, columns: {x: x, g: {take: g, as: category}}}\n"
        "parameters: {b: [1, 10]}\nloss: sum(x * b[g])\n"
    )
    assert evaluate(made) == (10 * 1 + 1 * 2.5,)


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
    assert gradient.checks["near"].tolist() == [1.0, 2.0]
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


def test_places_of_the_config_are_on_the_graph(problem: Load) -> None:
    made = problem("parameters: {b: 1}\nloss: >-\n  exp(b) +\n  log(b)\n")
    places = {
        equation.primitive.name: equation.place for equation in made.objective.graph.equations
    }
    exp, log = places["exp"], places["log"]
    assert exp is not None
    assert log is not None
    assert (exp.line, exp.column, log.line, log.column) == (4, 3, 5, 3)


PLUGIN = """\
from optserve.plugin import elementwise, hookimpl

@hookimpl
def optserve_primitives():
    return [elementwise("cube", lambda x: x * x * x)]

@hookimpl
def optserve_initializers():
    return [sevens]

@hookimpl
def optserve_readers():
    return [numbers, broken]

def numbers(separator: str = " "):
    from optserve.config.data.frame import TextFrame
    from optserve.errors import Place

    def read(path):
        cells = path.read_text().split(separator)
        place = lambda row, index: Place(str(path), row + 1)
        return TextFrame(("x",), 1, len(cells), lambda index: cells, place)

    return read

def broken():
    def read(path):
        raise KeyError("footer")
    return read

def sevens(times: int = 1):
    import numpy as np
    return lambda rng, shape: np.full(shape, 7.0 * times)
"""


def test_a_plugin_takes_part(problem: Load, tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text(PLUGIN)
    made = problem(
        "parameters: {b: {shape: [2], init: {sevens: {times: 2}}}}\nloss: sum(cube(b))\n",
        registry=None,
        plugin_files=[tmp_path / "mine.py"],
    )
    assert evaluate(made) == (2 * 14.0**3,)
    [provided] = made.third_party
    assert (provided.primitive.name, provided.distribution) == ("cube", "mine.py")


def test_a_reader_of_a_plugin_takes_part(problem: Load, tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text(PLUGIN)
    (tmp_path / "d.numbers").write_text("1;2;3")
    (tmp_path / "d.broken").touch()
    options: dict[str, Any] = {"registry": None, "plugin_files": [tmp_path / "mine.py"]}
    text = "parameters: {b: 2}\nloss: sum(x) * b\ndata: "
    made = problem(f'{text}{{read: d.numbers, separator: ";"}}\n', **options)
    assert evaluate(made) == (12.0,)
    with pytest.raises(ConfigError, match=r"d\.numbers:1: the column 'x' has '1;2;3'"):
        problem(f"{text}{{read: d.numbers}}\n", **options)
    with pytest.raises(ConfigError, match=r"fit\.yaml:4:14: cannot read d\.broken: KeyError"):
        problem(f"{text}{{read: d.broken}}\n", **options)


def test_a_preference_that_cannot_be_met_has_its_place(problem: Load) -> None:
    text = "plugins: {prefer: {exp: optserve-nothing}}\nparameters: {b: 1}\nloss: exp(b)\n"
    with pytest.raises(ConfigError, match=r"fit\.yaml:2:19: .*optserve-nothing"):
        problem(text, registry=None)


def test_a_config_without_data_imports_no_reader(tmp_path: Path) -> None:
    (tmp_path / "fit.yaml").write_text("version: 1\nparameters: {b: 1}\nloss: b**2\n")
    script = (
        "import sys; from pathlib import Path; from optserve.config import load; "
        "load(Path(sys.argv[1])); "
        "print([name for name in sys.modules "
        "if name.startswith(('optserve.config.data', 'pyarrow', 'scipy', 'pydantic'))])"
    )
    command = [sys.executable, "-c", script, str(tmp_path / "fit.yaml")]
    done = subprocess.run(command, check=True, capture_output=True, text=True, cwd=ROOT)
    assert done.stdout.strip() == "[]"
