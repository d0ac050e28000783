"""``prior``: what it adds to the objective, what the result says of it, and what is refused."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import scipy.stats

import optserve
from optserve.errors import OptserveError
from optserve.graph.dim import Dim
from optserve.graph.interpret import interpret
from optserve.transforms.minibatch import minibatch

X = np.array([0.0, 1.0, 2.0, 3.0])
Y = np.array([1.1, 2.9, 5.2, 7.1])
A: dict[str, Any] = {"normal": {"mean": 0, "std": 1}}
B: dict[str, Any] = {"normal": {"mean": 1, "std": 0.5}}
SQUARES = {"observed": "y", "predicted": "a + b * x", "sigma": 0.2}
LIKELIHOOD = "normal_logpdf(y, a + b * x, 0.2)"


def line(a: Any, b: Any, **objective: Any) -> Any:
    """The result of a line with these priors of its two parameters."""
    config = {
        "version": 1,
        "parameters": {"a": {"init": 0, "prior": a}, "b": {"init": 0, "prior": b}},
        **(objective or {"least_squares": SQUARES}),
    }
    return optserve.run(optserve.load(config, data={"x": X, "y": Y}))


def refusal(parameter: Any, **objective: Any) -> OptserveError:
    config = {"version": 1, "parameters": {"a": {"init": 0.5, "prior": parameter}, "b": 1}}
    config |= objective or {"log_likelihood": LIKELIHOOD}
    with pytest.raises(OptserveError) as caught:
        optserve.load(config, data={"x": X, "y": Y})
    return caught.value


def test_least_squares_with_normal_priors_stay_least_squares() -> None:
    result = line(A, B)
    design = np.stack([np.ones(4), X], axis=1) / 0.2
    precision = design.T @ design + np.diag([1.0, 4.0])
    mode = np.linalg.solve(precision, design.T @ Y / 0.2 + np.array([0.0, 4.0]))
    assert (result.objective, result.estimate) == ("least_squares", "posterior mode")
    assert [result.parameters["a"], result.parameters["b"]] == pytest.approx(mode, rel=1e-9)
    errors = np.sqrt(np.diag(np.linalg.inv(precision)))
    found = [float(result.standard_errors["a"]), float(result.standard_errors["b"])]
    assert found == pytest.approx(errors, rel=1e-9)
    assert result.uncertainty == "curvature of the posterior"
    residual = Y - mode[0] - mode[1] * X
    assert result.fit.sum_of_squares == pytest.approx(np.sum((residual / 0.2) ** 2))
    expected = scipy.stats.norm.logpdf(mode[0]) + scipy.stats.norm.logpdf(mode[1], 1, 0.5)
    assert result.log_prior == pytest.approx(expected)


def test_a_likelihood_and_priors_are_told_apart() -> None:
    result, squares = line(A, B, log_likelihood=LIKELIHOOD), line(A, B)
    mode = float(squares.parameters["a"]), float(squares.parameters["b"])
    assert [result.parameters["a"], result.parameters["b"]] == pytest.approx(mode, rel=1e-7)
    likelihood = np.sum(scipy.stats.norm.logpdf(Y, mode[0] + mode[1] * X, 0.2))
    assert result.log_likelihood == pytest.approx(likelihood)
    assert result.log_prior == pytest.approx(squares.log_prior)
    assert result.loss == pytest.approx(-result.log_likelihood - result.log_prior)
    for name in "ab":
        error = float(squares.standard_errors[name])
        assert float(result.standard_errors[name]) == pytest.approx(error, rel=1e-6)


def test_least_squares_with_other_priors_become_a_likelihood() -> None:
    cauchy = {"cauchy": {"location": 1, "scale": 0.5}}
    squares, likelihood = line(A, cauchy), line(A, cauchy, log_likelihood=LIKELIHOOD)
    assert squares.objective == "log_likelihood"
    assert "maximized as a likelihood" in squares.notes[0]
    assert squares.loss == pytest.approx(likelihood.loss, rel=1e-12)
    assert float(squares.parameters["b"]) == pytest.approx(float(likelihood.parameters["b"]))


def test_rows_of_infinite_sigma_do_not_count_in_that_likelihood() -> None:
    config = {
        "version": 1,
        "parameters": {"a": {"init": 0, "prior": {"cauchy": {"location": 0, "scale": 1}}}},
        "least_squares": {"observed": "y", "predicted": "a", "sigma": "where(s > 0, s, inf)"},
    }
    some, all_ = (
        optserve.run(optserve.load(config, data={"y": Y[:count], "s": sigma}))
        for count, sigma in ((2, np.ones(2)), (4, np.array([1.0, 1.0, 0.0, 0.0])))
    )
    assert float(all_.parameters["a"]) == pytest.approx(float(some.parameters["a"]), rel=1e-12)


def test_hyperparameters_are_expressions_and_entries_are_independent() -> None:
    config = {
        "version": 1,
        "parameters": {
            "tau": {"init": 1.5, "bounds": [0.1, None], "prior": {"half_normal": {"std": 2}}},
            "u": {"init": [0.3, -0.2, 0.1, 2], "prior": {"normal": {"mean": "m", "std": "tau"}}},
        },
        "define": {"m": "mean(x) - 1"},
        "log_likelihood": "normal_logpdf(mean(y), sum(u), 1)",
        "optimizer": "none",
    }
    result = optserve.run(optserve.load(config, data={"x": X, "y": Y}))
    u = np.array([0.3, -0.2, 0.1, 2])
    expected = np.sum(scipy.stats.norm.logpdf(u, 0.5, 1.5)) + scipy.stats.halfnorm.logpdf(1.5, 0, 2)
    assert result.log_prior == pytest.approx(expected)


def test_a_prior_of_vectors_takes_them_whole() -> None:
    config = {
        "version": 1,
        "data": {"rows": False, "inline": {"counts": [3, 5, 2, 10]}},
        "parameters": {
            "p": {
                "shape": [4],
                "transform": "simplex",
                "prior": {"dirichlet": {"concentration": "[2, 2, 2, 2]"}},
            }
        },
        "log_likelihood": "multinomial_logpmf(counts, p)",
    }
    result = optserve.run(optserve.load(config))
    shares = (np.array([3, 5, 2, 10]) + 1) / 24
    assert np.asarray(result.parameters["p"]) == pytest.approx(shares, rel=1e-6)


def test_on_the_natural_scale_without_a_term_of_the_transform() -> None:
    def scale(**more: Any) -> Any:
        gamma = {"gamma": {"shape": 3, "rate": 2}}
        config = {
            "version": 1,
            "parameters": {"s": {"init": 2, "prior": gamma, **more}},
            "log_likelihood": "normal_logpdf(y, 0, s)",
        }
        return optserve.run(optserve.load(config, data={"y": Y}))

    plain, transformed = scale(bounds=[0.01, None]), scale(transform="log")
    assert float(transformed.parameters["s"]) == pytest.approx(
        float(plain.parameters["s"]), rel=1e-6
    )


def test_a_prior_counts_once_beside_batches_of_rows() -> None:
    config = {
        "version": 1,
        "parameters": {"a": {"init": 0.7, "prior": A}, "b": {"init": 1.1, "prior": B}},
        "log_likelihood": LIKELIHOOD,
    }
    graph = optserve.load(config, data={"x": X, "y": Y}).objective.graph
    batched = minibatch(graph, Dim.rows("data"))
    names = [variable.name for variable in graph.inputs[2:]]
    columns = {"x": X, "y": Y}

    def at(of: Any, rows: slice, *more: float) -> float:
        own = [columns[name][rows] for name in names]
        return float(interpret(of, 0.7, 1.1, *own, *more)[0])

    halves = [at(batched, rows, 4.0) for rows in (slice(0, 2), slice(2, 4))]
    assert math.fsum(halves) / 2 == pytest.approx(at(graph, slice(0, 4)), rel=1e-13)


def test_single_precision() -> None:
    result = line(A, B, log_likelihood=LIKELIHOOD, precision="float32")
    assert result.log_prior == pytest.approx(line(A, B).log_prior, rel=1e-4)


def test_the_report_names_the_mode_and_both_parts(tmp_path: Path) -> None:
    from optserve.reports.text import text_report

    shown = text_report(line(A, B, log_likelihood=LIKELIHOOD))
    assert "posterior mode" in shown
    assert "log posterior" in shown
    assert "log likelihood" in shown
    assert "log prior" in shown
    assert "curvature of the posterior" in shown


@pytest.mark.parametrize(
    ("prior", "message", "remedy"),
    [
        ({"norml": {"mean": 0, "std": 1}}, "no density is called 'norml'", "normal"),
        ({"normal_logpdf": {"mean": 0, "std": 1}}, "no density is called", "normal"),
        ({"poisson": {"mean": 3}}, "whole numbers", ""),
        ({"normal": {"mean": 0}}, "needs `std`", ""),
        ({"normal": {"mean": 0, "sdt": 1}}, "no parameter `sdt`", "std"),
        ({"normal": {"mean": "x", "std": 1}}, r"has the shape \(data,\)", "mean"),
        ({"normal": {"mean": "[0, 1]", "std": 1}}, r"has the shape \(2,\)", ""),
        ({"normal": 3}, "is the number 3", ""),
        ("normal", "is the text 'normal'", ""),
        ({"normal": {"mean": [0, 1], "std": 1}}, "is a list", ""),
        ({**A, "cauchy": {"location": 0, "scale": 1}}, "is a mapping of 2", ""),
        ({"normal": {"mean": "nobody", "std": 1}}, "no value is called 'nobody'", ""),
        ({"normal": {"mean": 0, "std": "exp(a)"}}, "`std` of the prior of 'a' depends on 'a'", ""),
    ],
)
def test_a_wrong_prior_is_refused(prior: Any, message: str, remedy: str) -> None:
    with pytest.raises(OptserveError, match=message):
        raise refusal(prior)
    assert remedy in refusal(prior).remedy


def test_priors_of_one_another_are_no_density_and_those_of_former_entries_are() -> None:
    config: dict[str, Any] = {
        "version": 1,
        "parameters": {
            "m": {"init": 0, "prior": {"normal": {"mean": "twice", "std": 1}}},
            "s": {"init": 0, "prior": {"normal": {"mean": "m", "std": 1}}},
        },
        "define": {"twice": "2 * s"},
        "log_likelihood": "-(m - 3)**2 - s**2",
    }
    with pytest.raises(OptserveError, match="prior of 'm' depends on 'm' itself"):
        optserve.load(config)
    walk = {"normal": {"mean": "concatenate((stack([0.0]), z[:-1]))", "std": 1}}
    config["parameters"] = {"z": {"shape": [3], "prior": walk}}
    config["log_likelihood"] = "normal_logpdf(3.0, z[2], 1)"
    del config["define"]
    found = optserve.run(optserve.load(config)).parameters["z"]
    np.testing.assert_allclose(found, [0.75, 1.5, 2.25], 1e-8)


def test_a_prior_needs_a_likelihood() -> None:
    loss = refusal(A, loss="sum((y - a)**2)")
    assert "needs a likelihood" in loss.message
    assert "log_likelihood" in loss.remedy
    bare = refusal(A, least_squares="y - a - b * x")
    assert "no sigma" in bare.message
    assert "sigma" in bare.remedy
    compared = refusal(A, least_squares={"observed": "y", "predicted": "a + b * x"})
    assert "normal_logpdf(y, a + b * x, sigma)" in compared.remedy


def test_a_negative_standard_deviation_is_a_numerical_failure() -> None:
    result = line({"normal": {"mean": 0, "std": -1}}, B)
    assert result.exit_code == 5


def test_hyperparameters_of_another_shape_are_told_at_their_place() -> None:
    prior = {"normal": {"mean": "[0.0, 1.0]", "std": 1}}
    config = {
        "version": 1,
        "parameters": {"p": {"shape": [3], "prior": prior}},
        "log_likelihood": "-p**2",
    }
    with pytest.raises(OptserveError, match=r"\(3,\) and \(2,\)") as caught:
        optserve.load(config)
    assert str(caught.value.place) == "parameters.p.prior.normal"


def test_a_normal_vector_may_be_the_rows_of_a_table() -> None:
    x, y = np.linspace(0, 3, 6), np.sin(np.linspace(0, 3, 6))
    losses = []
    for rows, noise in ((True, "0.1 * (x[:, None] == x)"), (False, "0.1 * eye(rows(data))")):
        config = {
            "version": 1,
            "data": {"inline": {"x": x.tolist(), "y": y.tolist()}, "rows": rows},
            "parameters": {"l": 1.0},
            "log_likelihood": f"multivariate_normal_logpdf(y, 0, rbf(x, x, l) + {noise})",
            "optimizer": "none",
        }
        losses.append(optserve.run(optserve.load(config)).loss)
    assert losses[0] == pytest.approx(losses[1], rel=1e-13)
