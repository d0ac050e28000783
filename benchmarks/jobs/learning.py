"""Learning: a factorization of ratings, a network on batches, a table read in blocks."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.jobs.job import Job

__all__ = ["JOBS"]

RANK = 16


def _ratings(folder: Path, size: int) -> None:
    """Ratings by users of films; starts that both contenders begin from."""
    rng = np.random.default_rng(0)
    users, films = max(4, size // 100), max(3, size // 200)
    user, film = rng.integers(users, size=size), rng.integers(films, size=size)
    U, V = rng.standard_normal((users, 4)), rng.standard_normal((films, 4)) / 2
    rating = 3.5 + np.sum(U[user] * V[film], axis=1) + rng.standard_normal(size) / 2
    np.savez(folder / "ratings.npz", user=user, film=film, rating=rating.astype(np.float32))
    starts: dict[str, Any] = {"U0": 0.1 * rng.standard_normal((users, RANK))}
    starts["V0"] = 0.1 * rng.standard_normal((films, RANK))
    starts["a0"], starts["b0"] = np.zeros(users), np.zeros(films)
    np.savez(folder / "starts.npz", **{k: v.astype(np.float32) for k, v in starts.items()})


def _images(folder: Path, size: int) -> None:
    """Noisy images of ten shapes; weights that both contenders begin from."""
    rng = np.random.default_rng(0)
    shapes = rng.random((10, 196))
    label = rng.integers(10, size=size)
    pixels = shapes[label] + 0.8 * rng.standard_normal((size, 196))
    fold = np.where(rng.random(size) < 0.2, "validation", "train")
    images = pixels.astype(np.float32)
    np.savez(folder / "images.npz", images=images, label=label, fold=fold)
    starts: dict[str, Any] = {
        "W1": rng.standard_normal((196, 128)) / 14,
        "W2": rng.standard_normal((128, 10)) / 11,
    }
    np.savez(folder / "starts.npz", **{k: v.astype(np.float32) for k, v in starts.items()})


def _many_rows(folder: Path, size: int) -> None:
    """A Parquet file that is written, as it will be read, in groups of rows."""
    import pyarrow as pa
    from pyarrow.parquet import ParquetWriter

    rng = np.random.default_rng(0)
    names = [f"x{i}" for i in range(9)]
    schema = pa.schema([(name, pa.float64()) for name in [*names, "y"]])
    w = rng.standard_normal(9) / 3
    with ParquetWriter(folder / "rows.parquet", schema) as writer:
        for start in range(0, size, 500_000):
            X = rng.standard_normal((min(500_000, size - start), 9))
            y = rng.random(len(X)) < 1 / (1 + np.exp(0.5 - X @ w))
            writer.write_table(pa.table([*X.T, y.astype(np.float64)], schema=schema))


FACTORIZATION = """
version: 1
precision: float32
data:
  ratings:
    read: ratings.npz
    columns:
      user: {take: user, as: integer}
      film: {take: film, as: integer}
      rating: rating
  starts: {rows: false, read: starts.npz}
parameters:
  U: {init: starts.U0}
  V: {init: starts.V0}
  a: {init: starts.a0}
  b: {init: starts.b0}
define:
  user: ratings.user
  film: ratings.film
  predicted: 3.5 + a[user] + b[film] + sum(U[user] * V[film], axis=1)
loss: mean((ratings.rating - predicted)**2) + 1.0e-5 * (sum(U**2) + sum(V**2))
optimizer: {adam: {learning_rate: 0.02}}
stop: {steps: 200}
"""

FACTORIZATION_PEER = """
import json
import numpy as np
import torch

data, starts = np.load("ratings.npz"), np.load("starts.npz")
user, film, rating = (torch.from_numpy(data[name]) for name in ("user", "film", "rating"))
U, V, a, b = (torch.nn.Parameter(torch.from_numpy(starts[n])) for n in ("U0", "V0", "a0", "b0"))

def loss():
    predicted = 3.5 + a[user] + b[film] + (U[user] * V[film]).sum(1)
    return ((rating - predicted) ** 2).mean() + 1e-5 * ((U**2).sum() + (V**2).sum())

optimizer = torch.optim.Adam([U, V, a, b], lr=0.02)
for _ in range(200):
    optimizer.zero_grad()
    loss().backward()
    optimizer.step()
with torch.no_grad():
    json.dump({"loss": loss().item()}, open("answer.json", "w"))
"""

NETWORK = """
version: 1
precision: float32
data:
  samples:
    read: images.npz
    columns: {X: images, label: {take: label, as: integer}}
    split: {column: fold}
  starts: {rows: false, read: starts.npz}
parameters:
  W1: {init: starts.W1}
  b1: {shape: [128], init: 0}
  W2: {init: starts.W2}
  b2: {shape: [10], init: 0}
define:
  logits: relu(samples.X @ W1 + b1) @ W2 + b2
loss: mean(cross_entropy(logits, samples.label))
metrics: {accuracy: "mean(argmax(logits, axis=1) == samples.label)"}
minibatch: {rows: 128, shuffle: false}
optimizer: {adam: {learning_rate: 1.0e-4}}
stop: {epochs: 10}
"""

NETWORK_PEER = """
import json
import numpy as np
import torch

data, starts = np.load("images.npz"), np.load("starts.npz")
train = data["fold"] == "train"
X, label = torch.from_numpy(data["images"]), torch.from_numpy(data["label"])
model = torch.nn.Sequential(torch.nn.Linear(196, 128), torch.nn.ReLU(), torch.nn.Linear(128, 10))
with torch.no_grad():
    for layer, name in ((model[0], "W1"), (model[2], "W2")):
        layer.weight.copy_(torch.from_numpy(starts[name].T))
        layer.bias.zero_()
held, held_label = X[~train], label[~train]
X, label = X[train], label[train]
entropy = torch.nn.CrossEntropyLoss()
optimizer = torch.optim.Adam(model.parameters(), lr=1e-4)
best = {"metrics.validation.loss": float("inf")}
for epoch in range(10):
    for first in range(0, len(X), 128):
        optimizer.zero_grad()
        entropy(model(X[first : first + 128]), label[first : first + 128]).backward()
        optimizer.step()
    with torch.no_grad():
        logits = model(held)
        loss = entropy(logits, held_label).item()
        accuracy = (logits.argmax(1) == held_label).float().mean().item()
    if loss < best["metrics.validation.loss"]:
        best = {"metrics.validation.loss": loss, "metrics.validation.accuracy": accuracy}
json.dump(best, open("answer.json", "w"))
"""

STREAMED = """
version: 1
data: {read: rows.parquet, in_memory: false, columns: {X: {take: "x*"}, y: y}}
parameters:
  w: {shape: ["X.shape[1]"], init: 0}
  c: 0
define:
  z: X @ w + c
loss: mean(softplus(z) - y * z)
"""

STREAMED_PEER = """
import json
import numpy as np
from pyarrow.parquet import ParquetFile
from scipy.optimize import minimize
from scipy.special import expit

file = ParquetFile("rows.parquet")
count, names = file.metadata.num_rows, [f"x{i}" for i in range(9)]

def value_and_gradient(at):
    value, gradient = 0.0, np.zeros(10)
    for batch in file.iter_batches(batch_size=500_000):
        X = np.column_stack([batch[name].to_numpy() for name in names])
        y = batch["y"].to_numpy()
        z = X @ at[:9] + at[9]
        value += np.sum(np.logaddexp(0, z) - y * z)
        error = expit(z) - y
        gradient[:9] += error @ X
        gradient[9] += error.sum()
    return value / count, gradient / count

fit = minimize(value_and_gradient, np.zeros(10), jac=True, method="L-BFGS-B")
answer = {"loss": fit.fun, "parameters.w": fit.x[:9].tolist(), "parameters.c": fit.x[9]}
json.dump(answer, open("answer.json", "w"))
"""

JOBS = (
    Job(
        name="factorization",
        title="Factorization of 200,000 ratings, rank 16, 200 steps of Adam, float32.",
        data=_ratings,
        size=200_000,
        small=400,
        config=FACTORIZATION,
        peer="torch",
        needs=("torch",),
        script=FACTORIZATION_PEER,
        spins=True,
        same={"loss": 1e-3},
    ),
    Job(
        name="mlp",
        title="A network 196-128-10, 30,000 images, 10 epochs of Adam, batches of 128, float32.",
        data=_images,
        size=30_000,
        small=600,
        config=NETWORK,
        peer="torch",
        needs=("torch",),
        script=NETWORK_PEER,
        spins=True,
        same={"metrics.validation.loss": 1e-3, "metrics.validation.accuracy": 5e-3},
    ),
    Job(
        name="streamed",
        title="Logistic regression of 10,000,000 rows x 9 of Parquet, read in blocks.",
        data=_many_rows,
        size=10_000_000,
        small=2_000,
        config=STREAMED,
        peer="SciPy",
        needs=("scipy", "pyarrow"),
        script=STREAMED_PEER,
        same={"loss": 1e-6, "parameters.w": 1e-3, "parameters.c": 1e-3},
        rounds=3,
    ),
)
