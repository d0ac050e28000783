"""What follows one after another: a variance in time, a differential equation, by ``scan``."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from benchmarks.jobs.job import Job

__all__ = ["JOBS"]


def _returns(folder: Path, size: int) -> None:
    """A series drawn from GARCH(1, 1), as returns in percent."""
    rng = np.random.default_rng(0)
    y, variance, error = np.empty(size), 1.0, 0.0
    for i in range(size):
        variance = 0.05 + 0.1 * error**2 + 0.85 * variance
        error = np.sqrt(variance) * rng.standard_normal()
        y[i] = 0.05 + error
    np.savetxt(folder / "returns.csv", y, header="y", comments="")


def _populations(folder: Path, size: int) -> None:
    """Hares and lynxes by Lotka and Volterra, seen ten times a year, with noise."""
    from scipy.integrate import solve_ivp

    rng = np.random.default_rng(0)
    years = size // 10
    t = np.arange(1, size + 1) / 10

    def rate(_: float, s: np.ndarray) -> list[float]:
        return [(0.55 - 0.028 * s[1]) * s[0], (0.025 * s[0] - 0.8) * s[1]]

    path = solve_ivp(rate, (0, years), [33.0, 6.0], t_eval=t, rtol=1e-9, atol=1e-9).y.T
    seen = path * np.exp(0.1 * rng.standard_normal(path.shape))
    table = np.column_stack([np.arange(1, size + 1), seen])
    header = "tenth,hare,lynx"
    np.savetxt(folder / "seen.csv", table, delimiter=",", header=header, comments="", fmt="%.8g")


GARCH = """
version: 1
data: {read: returns.csv}
parameters:
  mu: mean(y)
  omega: {init: var(y) / 10, bounds: [1.0e-6, null]}
  alpha: {init: 0.1, bounds: [0, 1]}
  beta: {init: 0.8, bounds: [0, 1]}
define:
  following(h, error): (omega + alpha * error**2 + beta * h, h)
  variance: scan(following, var(y), y - mu)[1]
log_likelihood: normal_logpdf(y, mu, sqrt(variance))
"""

GARCH_PEER = """
import json
import jax
import jax.numpy as jnp
import numpy as np
from scipy.optimize import minimize

jax.config.update("jax_enable_x64", True)
y = np.loadtxt("returns.csv", skiprows=1)

def loss(at):
    mu, omega, alpha, beta = at

    def following(h, error):
        return omega + alpha * error**2 + beta * h, h

    _, variance = jax.lax.scan(following, jnp.var(y), y - mu)
    return 0.5 * jnp.sum(jnp.log(2 * jnp.pi * variance) + (y - mu) ** 2 / variance)

start = np.array([y.mean(), y.var() / 10, 0.1, 0.8])
bounds = [(None, None), (1e-6, None), (0, 1), (0, 1)]
value_and_grad = jax.jit(jax.value_and_grad(loss))
fit = minimize(value_and_grad, start, jac=True, method="L-BFGS-B", bounds=bounds)
errors = np.sqrt(np.diag(np.linalg.inv(jax.jit(jax.hessian(loss))(fit.x))))
answer = {"loss": fit.fun}
for name, value, error in zip(("mu", "omega", "alpha", "beta"), fit.x, errors):
    answer[f"parameters.{name}"], answer[f"standard_errors.{name}"] = value, error
json.dump(answer, open("answer.json", "w"))
"""

ODE = """
version: 1
data:
  read: seen.csv
  columns: {tenth: {take: tenth, as: integer}, hare: hare, lynx: lynx}
parameters:
  alpha: {init: 0.5, transform: log}
  beta: {init: 0.03, transform: log}
  gamma: {init: 0.75, transform: log}
  delta: {init: 0.025, transform: log}
  start: {init: [30, 5], transform: log}
define:
  dt: 0.02
  rate(s): "[(alpha - beta * s[1]) * s[0], (delta * s[0] - gamma) * s[1]]"
  step(s, i):
    k1: rate(s)
    k2: rate(s + dt / 2 * k1)
    k3: rate(s + dt / 2 * k2)
    k4: rate(s + dt * k3)
    return: (s + dt / 6 * (k1 + 2 * k2 + 2 * k3 + k4), s)
  path: scan(step, start, arange(5 * rows(data) + 1))[1]
  at: path[5 * tenth]
least_squares:
  hare: log(hare) - log(at[:, 0])
  lynx: log(lynx) - log(at[:, 1])
"""

ODE_PEER = """
import json
import jax
import jax.numpy as jnp
import numpy as np
from scipy.optimize import least_squares

jax.config.update("jax_enable_x64", True)
data = np.loadtxt("seen.csv", delimiter=",", skiprows=1)
tenth, seen = data[:, 0].astype(int), np.log(data[:, 1:])
dt = 0.02

@jax.jit
def residual(at):
    alpha, beta, gamma, delta = jnp.exp(at[:4])

    def rate(s):
        return jnp.stack([(alpha - beta * s[1]) * s[0], (delta * s[0] - gamma) * s[1]])

    def step(s, _):
        k1 = rate(s)
        k2 = rate(s + dt / 2 * k1)
        k3 = rate(s + dt / 2 * k2)
        k4 = rate(s + dt * k3)
        return s + dt / 6 * (k1 + 2 * k2 + 2 * k3 + k4), s

    _, path = jax.lax.scan(step, jnp.exp(at[4:]), length=5 * len(tenth) + 1)
    return (seen - jnp.log(path[5 * tenth])).ravel()

start = np.log([0.5, 0.03, 0.75, 0.025, 30, 5])
fit = least_squares(residual, start, jac=jax.jit(jax.jacfwd(residual)), method="lm")
J = fit.jac
variance = 2 * fit.cost / (J.shape[0] - J.shape[1])
errors = np.exp(fit.x) * np.sqrt(variance * np.diag(np.linalg.inv(J.T @ J)))
answer = {"loss": 2 * fit.cost, "parameters.start": np.exp(fit.x[4:]).tolist()}
for name, value, error in zip(("alpha", "beta", "gamma", "delta"), np.exp(fit.x), errors):
    answer[f"parameters.{name}"], answer[f"standard_errors.{name}"] = value, error
json.dump(answer, open("answer.json", "w"))
"""

JOBS = (
    Job(
        name="garch",
        title="GARCH(1, 1) with standard errors, 5,000 returns.",
        data=_returns,
        size=5_000,
        small=800,
        config=GARCH,
        peer="jax and SciPy",
        needs=("jax", "scipy"),
        script=GARCH_PEER,
        same={
            "loss": 1e-7,
            "parameters.alpha": 1e-2,
            "parameters.beta": 1e-2,
            "standard_errors.beta": 2e-2,
        },
    ),
    Job(
        name="ode",
        title="Lotka and Volterra by 1,000 Runge-Kutta steps, least squares with standard errors.",
        data=_populations,
        size=200,
        small=30,
        config=ODE,
        peer="jax and SciPy",
        needs=("jax", "scipy"),
        script=ODE_PEER,
        same={
            "loss": 1e-7,
            "parameters.alpha": 1e-5,
            "parameters.start": 1e-5,
            "standard_errors.alpha": 1e-4,
        },
    ),
)
