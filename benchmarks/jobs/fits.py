"""Many small fits, one after another in one process: no job of the command line."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from benchmarks.jobs.job import Job

__all__ = ["JOBS"]


def _sets(folder: Path, size: int) -> None:
    rng = np.random.default_rng(0)
    x = np.linspace(0.0, 4.0, 20)
    a, k = rng.uniform(1.0, 5.0, (size, 1)), rng.uniform(0.5, 1.5, (size, 1))
    sets = a * np.exp(-k * x) + 0.5 + 0.05 * rng.standard_normal((size, 20))
    np.savez(folder / "sets.npz", x=x, sets=sets)


CONFIG = """
version: 1
parameters: {a: 2, k: 1, c: 0}
least_squares: {observed: y, predicted: a * exp(-k * x) + c}
"""

OWN = """
import json
import numpy as np
import optserve

data, found = np.load("sets.npz"), []
for y in data["sets"]:
    result = optserve.run(optserve.load("job.yaml", data={"x": data["x"], "y": y}))
    errors = result.standard_errors
    found.append([result.parameters["k"], errors["k"]])
json.dump({"rates": found}, open("answer.json", "w"))
"""

PEER = """
import json
import numpy as np
from scipy.optimize import curve_fit

def model(x, a, k, c):
    return a * np.exp(-k * x) + c

data, found = np.load("sets.npz"), []
for y in data["sets"]:
    estimates, covariance = curve_fit(model, data["x"], y, p0=[2, 1, 0])
    found.append([estimates[1], covariance[1, 1] ** 0.5])
json.dump({"rates": found}, open("answer.json", "w"))
"""

JOBS = (
    Job(
        name="fits",
        title="1,000 fits of three parameters to 20 points, with standard errors, from Python.",
        data=_sets,
        size=1_000,
        small=3,
        config=CONFIG,
        peer="SciPy",
        needs=("scipy",),
        script=PEER,
        same={"rates": 1e-4},
        own=OWN,
        limit=None,
    ),
)
