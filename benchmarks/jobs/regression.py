"""Regressions: logistic and softmax, of counts, and ridge by least squares with many columns."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from benchmarks.jobs.job import Job

__all__ = ["JOBS"]


def _standard(rows: int, columns: int) -> tuple[np.random.Generator, np.ndarray, np.ndarray]:
    """A generator, a matrix of standard normal numbers, and coefficients."""
    rng = np.random.default_rng(0)
    X = rng.standard_normal((rows, columns))
    return rng, X, rng.standard_normal(columns) / np.sqrt(columns)


def _two_classes(folder: Path, size: int) -> None:
    rng, X, w = _standard(size, 30)
    y = rng.random(size) < 1 / (1 + np.exp(-(X @ w - 0.5)))
    np.savez(folder / "data.npz", X=X, y=y.astype(np.int64))


def _ten_classes(folder: Path, size: int) -> None:
    rng, X, _ = _standard(size, 64)
    scores = X @ rng.standard_normal((64, 10)) / 8
    y = np.argmax(scores + rng.gumbel(size=scores.shape), axis=1)
    np.savez(folder / "data.npz", X=X, y=y)


def _counts(folder: Path, size: int, dispersed: bool) -> None:
    rng, X, b = _standard(size, 10)
    mean = np.exp(0.5 + X @ b / 2)
    if dispersed:
        mean *= rng.gamma(2.0, 0.5, size)
    table = np.column_stack([rng.poisson(mean), X])
    names = ",".join(["y", *(f"x{i}" for i in range(10))])
    np.savetxt(folder / "data.csv", table, delimiter=",", header=names, comments="", fmt="%.6g")


def _many_columns(folder: Path, size: int) -> None:
    rng, X, w = _standard(size, max(2, size // 10))
    np.savez(folder / "data.npz", X=X, y=X @ w + rng.standard_normal(size))


LOGISTIC = """
version: 1
data: {read: data.npz}
parameters:
  w: {shape: ["X.shape[1]"], init: 0, penalty: {l2: 0.5}}
  c: 0
define:
  z: X @ w + c
loss: sum(softplus(z) - y * z)
"""

LOGISTIC_PEER = """
import json
import numpy as np
from sklearn.linear_model import LogisticRegression

data = np.load("data.npz")
X, y = data["X"], data["y"]
model = LogisticRegression(C=1.0, tol=1e-6).fit(X, y)
answer = {"parameters.w": model.coef_[0].tolist(), "parameters.c": model.intercept_[0]}
json.dump(answer, open("answer.json", "w"))
"""

SOFTMAX = """
version: 1
data:
  read: data.npz
  columns: {X: X, y: {take: y, as: integer}}
parameters:
  W: {shape: ["X.shape[1]", 10], init: 0, penalty: {l2: 0.5}}
  b: {shape: [10], init: 0}
loss: sum(cross_entropy(X @ W + b, y))
"""

SOFTMAX_PEER = """
import json
import numpy as np
from sklearn.linear_model import LogisticRegression

data = np.load("data.npz")
model = LogisticRegression(C=1.0, tol=1e-6, max_iter=1000).fit(data["X"], data["y"])
json.dump({"parameters.W": model.coef_.T.tolist()}, open("answer.json", "w"))
"""

POISSON = """
version: 1
data:
  read: data.csv
  columns: {X: {take: "x*"}, y: {take: y, as: integer}}
parameters:
  b: {shape: ["X.shape[1]"], init: 0}
  c: 0
log_likelihood: poisson_logpmf(y, exp(c + X @ b))
"""

POISSON_PEER = """
import json
import pandas as pd
import statsmodels.api as sm

data = pd.read_csv("data.csv")
X = sm.add_constant(data.drop(columns="y"))
fit = sm.GLM(data["y"], X, family=sm.families.Poisson()).fit()
answer = {
    "loss": -fit.llf,
    "parameters.b": fit.params[1:].tolist(),
    "parameters.c": fit.params["const"],
    "standard_errors.b": fit.bse[1:].tolist(),
}
json.dump(answer, open("answer.json", "w"))
"""

NEGATIVE_BINOMIAL = """
version: 1
data:
  read: data.csv
  columns: {X: {take: "x*"}, y: {take: y, as: integer}}
parameters:
  b: {shape: ["X.shape[1]"], init: 0}
  c: 0
  alpha: {init: 1, bounds: [0, null]}
log_likelihood: negative_binomial_logpmf(y, exp(c + X @ b), 1 / alpha)
"""

NEGATIVE_BINOMIAL_PEER = """
import json
import pandas as pd
import statsmodels.api as sm

data = pd.read_csv("data.csv")
X = sm.add_constant(data.drop(columns="y"))
fit = sm.NegativeBinomial(data["y"], X).fit(disp=0, maxiter=200)
answer = {
    "loss": -fit.llf,
    "parameters.b": fit.params[1:-1].tolist(),
    "parameters.c": fit.params["const"],
    "parameters.alpha": fit.params["alpha"],
    "standard_errors.b": fit.bse[1:-1].tolist(),
}
json.dump(answer, open("answer.json", "w"))
"""

RIDGE = """
version: 1
data: {read: data.npz}
parameters:
  w: {shape: ["X.shape[1]"], init: 0, penalty: {l2: 1}}
  c: 0
least_squares: y - X @ w - c
uncertainty: none
"""

RIDGE_PEER = """
import json
import numpy as np
from sklearn.linear_model import Ridge

data = np.load("data.npz")
model = Ridge(alpha=1.0).fit(data["X"], data["y"])
answer = {"parameters.w": model.coef_.tolist(), "parameters.c": model.intercept_}
json.dump(answer, open("answer.json", "w"))
"""

JOBS = (
    Job(
        name="logistic",
        title="Logistic regression with an L2 penalty, 200,000 rows x 30.",
        data=_two_classes,
        size=200_000,
        small=500,
        config=LOGISTIC,
        peer="scikit-learn",
        needs=("sklearn",),
        script=LOGISTIC_PEER,
        same={"parameters.w": 1e-4, "parameters.c": 1e-4},
    ),
    Job(
        name="softmax",
        title="Softmax regression with an L2 penalty, 50,000 rows x 64, 10 classes.",
        data=_ten_classes,
        size=50_000,
        small=500,
        config=SOFTMAX,
        peer="scikit-learn",
        needs=("sklearn",),
        script=SOFTMAX_PEER,
        same={"parameters.W": 1e-3},
    ),
    Job(
        name="poisson",
        title="Poisson regression with standard errors, 100,000 rows x 10.",
        data=lambda folder, size: _counts(folder, size, dispersed=False),
        size=100_000,
        small=500,
        config=POISSON,
        peer="statsmodels",
        needs=("statsmodels", "pandas"),
        script=POISSON_PEER,
        same={
            "loss": 1e-8,
            "parameters.b": 1e-6,
            "parameters.c": 1e-6,
            "standard_errors.b": 1e-5,
        },
    ),
    Job(
        name="negative-binomial",
        title="Negative binomial regression with standard errors, 100,000 rows x 10.",
        data=lambda folder, size: _counts(folder, size, dispersed=True),
        size=100_000,
        small=500,
        config=NEGATIVE_BINOMIAL,
        peer="statsmodels",
        needs=("statsmodels", "pandas"),
        script=NEGATIVE_BINOMIAL_PEER,
        same={
            "loss": 1e-8,
            "parameters.b": 1e-4,
            "parameters.c": 1e-4,
            "parameters.alpha": 1e-4,
            "standard_errors.b": 1e-4,
        },
    ),
    Job(
        name="ridge",
        title="Ridge regression by least squares, 10,000 rows x 1,000.",
        data=_many_columns,
        size=10_000,
        small=100,
        config=RIDGE,
        peer="scikit-learn",
        needs=("sklearn",),
        script=RIDGE_PEER,
        same={"parameters.w": 1e-6, "parameters.c": 1e-6},
    ),
)
