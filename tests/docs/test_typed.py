"""Every public name of ``optserve``, used as its documentation says, under strict types.

mypy reads this file like every other; ``test_every_public_name_is_used`` says that none is left
out, and it runs.
"""

from __future__ import annotations

import ast
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

import optserve
from optserve.optimizers import adam

Vector = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Line:
    level: float
    slope: float


def decay(t: Vector, scale: float, rate: float) -> Vector:
    return scale * np.exp(-rate * t)


def rosenbrock(x: Vector) -> np.float64:
    total: np.float64 = np.sum(100.0 * (x[1:] - x[:-1] ** 2) ** 2 + (1.0 - x[:-1]) ** 2)
    return total


@optserve.custom_vjp
def straight(x: float) -> float:
    rounded: float = np.round(x)
    return rounded


straight.defvjp(lambda x: (np.round(x), None), lambda kept, ct: (ct,))


@optserve.compile
def doubled(x: float, *, times: int = 2) -> float:
    return x * times


def test_derivatives() -> None:
    x = np.array([-1.0, 1.0])
    gradient: Vector = optserve.grad(rosenbrock)(x)
    value, same = optserve.value_and_grad(rosenbrock)(x)
    _, pullback = optserve.vjp(rosenbrock, x)
    [pulled] = pullback(1.0)
    _, pushed = optserve.jvp(rosenbrock, [x], [gradient])
    _, push = optserve.linearize(rosenbrock, x)
    matrix: Vector = optserve.hessian(rosenbrock)(x)
    np.testing.assert_allclose(gradient, same)
    np.testing.assert_allclose(gradient, pulled)
    np.testing.assert_allclose(pushed, gradient @ gradient)
    np.testing.assert_allclose(push(gradient), pushed)
    np.testing.assert_allclose(optserve.jacobian(optserve.grad(rosenbrock))(x), matrix)
    np.testing.assert_allclose(optserve.hvp(rosenbrock)(x, x), matrix @ x)
    np.testing.assert_allclose(optserve.gauss_newton_vp(lambda x: 2.0 * x)(x, x), 4.0 * x)
    np.testing.assert_allclose(optserve.vmap(optserve.grad(rosenbrock))(x[None])[0], gradient)
    assert value == rosenbrock(x)
    slopes: Line = optserve.grad(lambda line: line.level * line.slope)(Line(2.0, 3.0))
    assert slopes == Line(3.0, 2.0)


def test_choices() -> None:
    assert optserve.grad(straight)(2.7) == 1.0
    assert optserve.grad(lambda x: optserve.stop_gradient(x) * x)(3.0) == 3.0
    assert optserve.grad(optserve.checkpoint(np.square))(3.0) == 6.0
    assert doubled(2.0) == 4.0
    assert optserve.compose(np.exp, optserve.identity)(0.0) == 1.0
    assert optserve.pipe(np.log, np.exp)(1.0) == 1.0
    assert optserve.cond(True, np.sin, np.cos, 0.0) == 0.0
    assert optserve.fori_loop(0, 3, lambda i, total: total + i, 0.0) == 3.0
    final, _ = optserve.scan(lambda total, x: (total + x, total), 0.0, np.arange(3.0))
    assert final == 3.0


def test_faces() -> None:
    with optserve.Tape() as tape:
        watched = tape.watch(3.0)
        cube = watched**3
    assert tape.gradient(cube, watched) == 27.0
    variable = optserve.Variable(3.0)
    square = variable * variable
    square.backward()
    assert variable.grad == 6.0


def test_fits() -> None:
    t = np.linspace(0.0, 4.0, 20)
    y = decay(t, 2.0, 0.5)
    fit = optserve.curve_fit(decay, t, y)
    popt, pcov = fit
    assert popt.shape == (2,)
    assert pcov.shape == (2, 2)
    answer: dict[str, Any] = fit.to_dict()
    result: optserve.Result = fit.result
    assert answer["name"] == result.name
    line = optserve.least_squares(lambda b: y - b[0] - b[1] * t, [0.0, 0.0])
    assert line.success
    least = optserve.minimize(
        lambda x: optserve.probe(np.sum(x**2), "sum"), [1.0], method=adam(learning_rate=0.1)
    )
    assert "sum" in least.result.probes


def test_configs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "points.csv").write_text("x,y\n" + "".join(f"{i},{2 * i + 1}\n" for i in range(20)))
    plateau = optserve.Plateau(metric="metrics.validation.loss", patience=9)
    config = optserve.Config(
        version=1,
        plugins=optserve.Plugins(),
        data=optserve.Table(
            read="points.csv",
            columns={"x": optserve.Column(take="x"), "y": "y"},
            split=optserve.Split(validation=0.2),
        ),
        parameters={"a": 0.0, "b": optserve.Parameter(init=1.0, penalty=optserve.Penalty(l2=1e-9))},
        define={
            "same": optserve.Composition(compose=["exp", "log"]),
            "again": optserve.Pipe(pipe=["same", "identity"]),
        },
        loss="mean((y - again(a + b * x)) ** 2)",
        optimizer={"adam": {"learning_rate": 0.1}},
        minibatch=optserve.Minibatch(rows=8),
        starts=optserve.Starts(points=({"a": 1.0},)),
        stop=optserve.Stop(epochs=3, plateau=plateau),
        expect={"loss": optserve.Expect(min=0.0)},
    )
    result = optserve.run(optserve.load(config, seed=3, allow_path=True))
    assert result.epochs is not None
    squares = optserve.Config(
        version=1,
        parameters={"a": 0.0, "b": 0.0},
        least_squares=optserve.Comparison(observed="y", predicted="a + b * x"),
        outputs={"at_two": optserve.Output(value="a + 2 * b")},
        uncertainty=optserve.Uncertainty(method=("hessian", "gauss_newton"), level=0.9),
    )
    x = np.array([0.0, 1.0, 2.0])
    found = optserve.run(optserve.load(squares, data={"x": x, "y": 2.0 * x + 1.0}))
    assert round(found.parameters["b"], 6) == 2.0
    assert optserve.plot(found, "fit").svg.startswith("<svg")
    assert optserve.__version__


def test_every_public_name_is_used() -> None:
    tree = ast.parse(Path(__file__).read_text(encoding="utf-8"))
    used = {
        node.attr
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute)
        and isinstance(node.value, ast.Name)
        and node.value.id == "optserve"
    }
    assert set(optserve.__all__) - used == set()
