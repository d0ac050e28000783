"""``weights``: how much each row counts, and what that means for error bars.

The numbers are those of statsmodels 0.14.5: ``WLS``, its HC1, ``GLM`` with ``freq_weights``.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from optserve.errors import OptserveError
from optserve.jobs.record.result import Result
from optserve.jobs.run import run
from tests.config.evaluation import Load

X = [1, 2, 3, 4, 5, 6, 7]
W = [1, 2, 1, 4, 2, 1, 0]
DATA = f"""
data:
  inline: {{x: {X}, y: [1.2, 1.9, 3.3, 3.8, 5.4, 5.7, 7.5], k: [0, 1, 1, 2, 3, 3, 5], w: {W}}}
parameters: {{a: 0, b: 0}}
"""
LINE = DATA + "least_squares: {observed: y, predicted: a + b * x}\n"
COUNTS = DATA + "log_likelihood: poisson_logpmf(k, exp(a + b * x))\n"


def errors(result: Result) -> list[float]:
    return [float(result.standard_errors[name]) for name in "ab"]


@pytest.mark.parametrize(
    ("kind", "expected", "rows", "dof"),
    [
        ("precision", [0.34822325, 0.08910446], 6, 4),
        ("counts", [0.23214883, 0.05940298], 11, 9),
        ("sampling", [0.2331996, 0.07995471], 6, 4),
    ],
)
def test_a_line(problem: Load, kind: str, expected: list[float], rows: int, dof: int) -> None:
    result = run(problem(f"{LINE}weights: {{{kind}: w}}\n"))
    assert [result.parameters[name] for name in "ab"] == pytest.approx([0.0483871, 0.98669355])
    assert errors(result) == pytest.approx(expected, rel=1e-6)
    assert result.fit is not None
    assert result.fit.r_squared == pytest.approx(0.9684097195985985, rel=1e-12)
    assert (result.fit.observations, result.fit.degrees_of_freedom) == (rows, dof)
    assert "residuals of weight 0 do not count: 1" in result.notes
    assert (result.aic is None) == (kind == "sampling")


@pytest.mark.parametrize(
    ("kind", "expected"),
    [("counts", [0.80497622, 0.17776921]), ("sampling", [0.36821365, 0.08347616])],
)
def test_a_regression_of_counts(problem: Load, kind: str, expected: list[float]) -> None:
    result = run(problem(f"{COUNTS}weights: {{{kind}: w}}\n"))
    assert [result.parameters[n] for n in "ab"] == pytest.approx([-0.9629625, 0.38935632])
    assert errors(result) == pytest.approx(expected, rel=1e-5)
    if kind == "counts":
        assert (result.aic, result.bic) == pytest.approx((31.06623505587609, 31.86202560147283))


def test_counts_are_rows_written_out_with_sigma_and_a_prior_too(problem: Load) -> None:
    prior = "{init: 0, prior: {laplace: {location: 0, scale: 2}}}"
    loss = "least_squares: {observed: y, predicted: a + b * x, sigma: 0.3}\n"
    weighted = run(problem(DATA.replace("a: 0", f"a: {prior}") + loss + "weights: {counts: w}\n"))
    index = np.repeat(np.arange(7), W)
    y = np.array([1.2, 1.9, 3.3, 3.8, 5.4, 5.7, 7.5])[index].tolist()
    data = f"data: {{inline: {{x: {np.array(X)[index].tolist()}, y: {y}}}}}\n"
    written = run(problem(f"{data}parameters: {{a: {prior}, b: 0}}\n{loss}"))
    assert weighted.loss == pytest.approx(written.loss, rel=1e-12)
    assert errors(weighted) == pytest.approx(errors(written), rel=1e-9)


def test_the_table_of_the_fit_is_in_the_units_of_the_data(problem: Load) -> None:
    result = run(problem(f"{LINE}weights: {{precision: w}}\n"))
    fitted = result.fitted
    line = 0.0483871 + 0.98669355 * np.array(X, float)
    np.testing.assert_allclose(fitted["predicted"][:-1], line[:-1], rtol=1e-6)
    np.testing.assert_array_equal(fitted["weight"], W)
    assert np.isnan(fitted["predicted"][-1])


@pytest.mark.parametrize(
    ("text", "message", "remedy"),
    [
        (LINE + "weights: {precision: w - 1}", "the weight is -1 in row 7", ""),
        (LINE + "weights: {counts: w / 2}", "the weight is 0.5 in row 1", ""),
        (LINE + "weights: {precision: w / 0}", "the weight is inf in row 1", ""),
        (LINE + "weights: {precision: 0 * w}", "all weights are 0, and nothing counts", ""),
        (LINE + "weights: {precision: b}", "depend on the parameter 'b'", "normal_logpdf"),
        (LINE + "weights: {precision: w, counts: w}", "weighted in one way, and here are 2", ""),
        (LINE + "weights: {}", "weighted in one way, and here are 0", ""),
        (LINE + "weights: w", "`weights` is the text 'w'", ""),
        (COUNTS + "weights: {precision: w}", "knows the precision of each row", "sigma / sqrt(w)"),
        (DATA + "loss: a**2 + b**2\nweights: {counts: w}", "has no rows to weight", "sum(w"),
        (
            DATA + "least_squares: {r: y - a, s: y - b}\nweights: {counts: w}",
            "there are 2 residuals",
            "sqrt(w)",
        ),
        (
            DATA + "least_squares: {observed: y, predicted: a, sigma: 1}\nweights: {precision: w}",
            "`sigma` says how precise each row is",
            "",
        ),
        (
            DATA + "log_likelihood: sum(poisson_logpmf(k, exp(a + b * x)))\nweights: {counts: w}",
            "the log likelihood has the shape ()",
            "not their sum",
        ),
        (
            LINE + "weights: {counts: w}\nuncertainty: sandwich",
            "each stands for several observations",
            "",
        ),
        (
            LINE + "weights: {sampling: w}\nuncertainty: hessian",
            "do not say how precise a row is",
            "sandwich",
        ),
        (
            LINE + "weights: {sampling: w}\nuncertainty: {profile: [a]}",
            "a weighted sample has no likelihood",
            "sandwich",
        ),
    ],
)
def test_what_cannot_be_weighted_is_refused(
    problem: Load, text: str, message: str, remedy: str
) -> None:
    with pytest.raises(OptserveError) as caught:
        problem(f"{text}\n")
    error = caught.value
    assert message in str(error)
    assert remedy in str(error)


def test_streamed_weights_are_those_of_the_rows(problem: Load, tmp_path: Path) -> None:
    columns = np.array([X, [1.2, 1.9, 3.3, 3.8, 5.4, 5.7, 7.5], W], float).T
    np.savetxt(tmp_path / "d.csv", columns, delimiter=",", header="x,y,w", comments="")
    text = (
        "data: {read: d.csv, in_memory: MEMORY}\nparameters: {a: 0, b: 0}\n"
        "least_squares: {observed: y, predicted: a + b * x}\nweights: {precision: w}\n"
    )
    streamed, held = (run(problem(text.replace("MEMORY", one))) for one in ("false", "true"))
    assert streamed.loss == held.loss
    assert errors(streamed) == errors(held)


def test_a_row_whose_sigma_is_infinite_is_none_of_those_that_weights_count(problem: Load) -> None:
    text = LINE.replace("predicted", "sigma: 'where(x == 2, inf, 0.3)', predicted")
    result = run(problem(f"{text}weights: {{counts: w}}\n"))
    assert result.fit is not None
    assert result.fit.observations == sum(W) - 2
    assert "residuals of weight 0 do not count: 2" in result.notes


def test_weights_of_streamed_rows_that_depend_on_others_are_counted(
    problem: Load, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    np.savetxt(
        tmp_path / "d.csv", np.array([X, W]).T, fmt="%d", delimiter=",", header="k,w", comments=""
    )
    text = (
        "data: {read: d.csv, in_memory: false, columns: {k: {take: k, as: integer}, w: w}}\n"
        "parameters: {m: 1}\nlog_likelihood: 'poisson_logpmf(k, exp(m))'\nweights: {counts: '%s'}\n"
    )
    assert problem(text % "w * max(w) / 2").objective.counted == 2 * sum(W)
    with pytest.raises(OptserveError, match="the weight is -4 in row 7"):
        problem(text % "where(w > 0, w, -max(w))")
    monkeypatch.setattr("optserve.config.row_scales.HELD", 6)
    with pytest.raises(OptserveError, match="depends on other rows"):
        problem(text % "w * max(w) / 2")


@pytest.mark.parametrize("scale", [1e-40, 1e40])
def test_what_a_perfect_fit_is_does_not_depend_on_the_scale_of_weights(
    problem: Load, scale: float
) -> None:
    result = run(problem(f"{LINE}weights: {{precision: {scale} * w}}\n"))
    assert not [one for one in result.notes if "perfect" in one]
    line = LINE.replace("[1.2, 1.9, 3.3, 3.8, 5.4, 5.7, 7.5]", str([0.3 * x + 0.1 for x in X]))
    result = run(problem(f"{line}weights: {{precision: {scale} * w}}\n"))
    assert [one for one in result.notes if "perfect" in one]


def test_the_leverage_of_rows_that_are_counted_is_that_of_rows_written_out(problem: Load) -> None:
    result = run(problem(f"{LINE}weights: {{counts: w}}\n"))
    x = np.repeat(X, W)
    jacobian = np.stack([np.ones(len(x)), x], axis=1)
    leverage = np.diagonal(jacobian @ np.linalg.inv(jacobian.T @ jacobian) @ jacobian.T)
    assert result.fit is not None
    assert result.fit.largest_leverage == pytest.approx(leverage.max(), rel=1e-10)
    assert result.fitted["leverage"].max() == pytest.approx(leverage.max(), rel=1e-10)


def test_rows_that_are_counted_have_no_order(problem: Load) -> None:
    """A row stands for several observations, so that their runs cannot be counted."""
    result = run(problem(f"{LONG}weights: {{counts: w}}\n"))
    assert result.fit is not None
    assert (result.fit.runs, result.fit.runs_p, result.fit.durbin_watson) == (None, None, None)
    assert any("a row stands for several observations" in one for one in result.notes)
    plain = run(problem(LONG))
    assert plain.fit is not None
    assert plain.fit.runs is not None


LONG = """\
data:
  inline:
    x: [0, 1, 2, 3, 4, 5, 6, 7, 8]
    y: [0.1, 1.2, 1.9, 3.2, 3.9, 5.1, 6.2, 6.8, 8.1]
    w: [2, 1, 3, 1, 1, 2, 4, 1, 1]
parameters: {a: 0, b: 1}
least_squares: {observed: y, predicted: a + b * x}
"""
