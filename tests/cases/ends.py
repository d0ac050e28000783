"""Ends that look alike and are not, with few parameters and with many."""

from __future__ import annotations

from tests.cases.case import case, inline

__all__ = ["ENDS", "MANY"]

ENDS = [
    case(
        "a balanced logistic regression begins at its minimum",
        f"""
{inline(y=[0, 1, 0, 1])}
parameters: {{a: 0}}
log_likelihood: y * a - softplus(a)
""",
        0,
        near={"parameters.a": 0.0, "standard_errors.a": 1.0},
        says="log likelihood",
    ),
    case(
        "a bound far off holds nothing, however small the gradient",
        """
parameters: {x: 1, y: {init: 1.0e-18, bounds: [-10, 10]}}
loss: 1 + x**2 - y**2 + y**4 / 50
""",
        0,
        3,
        near={"parameters.x": 0.0, "parameters.y": (5.0, -5.0)},
    ),
    case(
        "a mean that begins at the mean",
        f"""
{inline(y=[1, 2, 3])}
parameters: {{m: 2}}
least_squares: {{observed: y, predicted: m + 0 * y}}
""",
        0,
        near={"parameters.m": 2.0, "standard_errors.m": 3**-0.5},
    ),
    case(
        "a difference of terms that cancel at its minimum",
        "parameters: {x: 0.1}\nloss: 1 - cos(x)\noptimizer: lbfgs\n",
        0,
        near={"parameters.x": [0.0, 1e-7]},
    ),
    case(
        "a jump at the lowest point of what is smooth",
        "parameters: {x: 3.2}\nloss: (x - 1)**2 + floor(x)\noptimizer: lbfgs\n",
        3,
        says="the loss jumps here",
    ),
    case(
        "a dispersion without end, whose terms cancel far out",
        f"""
{inline(y=[3, 4, 3, 4, 3, 4, 4, 3, 3, 4])}
parameters: {{mu: {{init: 1, transform: log}}, r: {{init: 1, transform: log}}}}
log_likelihood: >
  gammaln(y + r) - gammaln(r) - gammaln(y + 1) + r * log(r / (r + mu)) + y * log(mu / (r + mu))
""",
        3,
        says="r runs away|its terms cancel",  # which of them, rounding decides
    ),
    case(
        "a loss without a lower bound, whose last terms are rounding",
        f"""
{inline(y=[2, 2, 2])}
parameters: {{m: 0, s: 1}}
loss: sum(log(s) + 0.5 * ((y - m) / s)**2)
optimizer: lbfgs
""",
        3,
        says="lower bound|no step was found",
    ),
    case(
        "a loss without a lower bound, whose last terms are rounding, above 0",
        f"""
{inline(y=[2, 2, 2])}
parameters: {{m: 0, s: {{init: 1, bounds: [0, null]}}}}
loss: sum(log(s) + 0.5 * ((y - m) / s)**2)
optimizer: lbfgs
""",
        3,
        says="lower bound|no step was found",
    ),
    case(
        "separated classes beside a penalty of 1e-12",
        f"""
{inline(x=[-2, -1, -0.5, 0.5, 1, 2], y=[0, 0, 0, 1, 1, 1])}
parameters: {{a: 0, b: 0}}
log_likelihood: bernoulli_logit_logpmf(y, a + b * x) - 1e-12 / 6 * (a**2 + b**2)
""",
        0,
        near={"parameters.a": [0.0, 1e-6], "parameters.b": [46.20938, 1e-4]},
    ),
    case(
        "an even power",
        "parameters: {x: 1}\nloss: x**4\noptimizer: lbfgs\n",
        0,
        3,
        near={"parameters.x": [0.0, 0.02]},
    ),
    case(
        "an even power that begins at its minimum",
        "parameters: {x: 0}\nloss: x**4\noptimizer: lbfgs\n",
        0,
        3,
        near={"parameters.x": 0.0},
    ),
    case(
        "least squares of a square that is zero",
        f"""
{inline(y=[0, 0])}
parameters: {{x: 1}}
least_squares: {{observed: y, predicted: x**2}}
""",
        0,
        near={"parameters.x": [0.0, 1e-2]},
    ),
    case(
        "least squares of a square that cannot be zero",
        f"""
{inline(y=[-1, -1])}
parameters: {{x: 1}}
least_squares: {{observed: y, predicted: x**2}}
""",
        0,
        near={"parameters.x": [0.0, 1e-3], "loss": [2.0, 1e-5]},
    ),
    case(
        "the phase of a sine, many turns away",
        f"""
{inline(x=[0, 1, 2, 3, 4, 5], y=[0.48, 1.0, 0.6, -0.35, -0.98, -0.71])}
parameters: {{p: 13}}
least_squares: {{observed: y, predicted: sin(x + p)}}
""",
        0,
        near={"loss": [0.0, 1e-4]},
    ),
    case(
        "the same data of one exponential by two",
        f"""
{inline(t=[0, 1, 2, 3, 4, 5], y=[1.0, 0.5, 0.25, 0.125, 0.0625, 0.03125])}
parameters: {{a1: 0.6, k1: 0.5, a2: 0.2, k2: 1.5}}
least_squares: {{observed: y, predicted: a1 * exp(-k1 * t) + a2 * exp(-k2 * t)}}
""",
        0,
        3,
        near={"loss": [0.0, 1e-10]},
    ),
    case(
        "a constant response has slope 0",
        f"""
{inline(x=[0, 1, 2, 3], y=[2, 2, 2, 2])}
parameters: {{a: 0, b: 1}}
least_squares: {{observed: y, predicted: a + b * x}}
""",
        0,
        near={"parameters.a": 2.0, "parameters.b": [0.0, 1e-9]},
    ),
    case(
        "mean and spread, nine decades from the start",
        f"""
{inline(y=[1.0e-9, 2.0e-9, 3.0e-9, 4.0e-9])}
parameters: {{m: 0, s: {{init: 1, transform: log}}}}
log_likelihood: -log(s) - 0.5 * ((y - m) / s)**2
""",
        0,
        3,
        near={"parameters.s": [1.118033988749895e-9, 1e-13]},
    ),
    case(
        "a root at its bound, where its derivative is infinite",
        "parameters: {x: {init: 1, bounds: [0, null]}}\nloss: sqrt(x)\noptimizer: lbfgs\n",
        0,
        3,
        5,
        near={"parameters.x": [0.0, 1e-6]},
    ),
    case(
        "a share that is 1",
        f"""
{inline(y=[0, 0, 0])}
parameters: {{p: {{init: 0.5, bounds: [0, 1]}}}}
log_likelihood: log(p) + xlogy(y, 1 - p)
""",
        0,
        3,
        5,
        near={"parameters.p": 1.0, "standard_errors.p": None},
    ),
    case(
        "Himmelblau's function has four minima",
        "parameters: {x: 0, y: 0}\nloss: (x**2 + y - 11)**2 + (x + y**2 - 7)**2\n"
        "optimizer: lbfgs\n",
        0,
        near={"loss": [0.0, 1e-9]},
    ),
    case(
        "Himmelblau's maximum",
        "parameters: {x: -0.27084459, y: -0.92303856}\n"
        "loss: (x**2 + y - 11)**2 + (x + y**2 - 7)**2\noptimizer: lbfgs\n",
        0,
        3,
        near={"loss": [0.0, 1e-9]},
    ),
    case(
        "Himmelblau's saddle",
        "parameters: {x: -0.12796135, y: -1.95371498}\n"
        "loss: (x**2 + y - 11)**2 + (x + y**2 - 7)**2\noptimizer: lbfgs\n",
        0,
        3,
        near={"loss": [0.0, 1e-9]},
    ),
    case(
        "a ring of minima",
        "parameters: {x: 2, y: 1}\nloss: (x**2 + y**2 - 1)**2\noptimizer: lbfgs\n",
        0,
        near={"loss": [0.0, 1e-12]},
    ),
    case(
        "the middle of a ring of minima",
        "parameters: {x: 0, y: 0}\nloss: (x**2 + y**2 - 1)**2\noptimizer: lbfgs\n",
        0,
        3,
        near={"loss": [0.0, 1e-9]},
    ),
    case(
        "a mean absolute error of a model that is wrong everywhere",
        f"""
{inline(x=[1, 2, 3], y=[10, 10, 10])}
parameters: {{a: 1}}
loss: mean(abs(y - a * x))
optimizer: lbfgs
""",
        0,
        3,
        near={"loss": [(20 / 3) / 3 + 10 / 9, 0.2]},
    ),
    case(
        "momentum with a tolerance, on a saddle's ridge",
        """
parameters: {x: 1, y: 0}
loss: x**2 - y**2 + y**4
optimizer: {momentum: {learning_rate: 0.1}}
stop: {gradient: 1.0e-8, steps: 5000}
""",
        0,
        3,
        near={"loss": [-0.25, 1e-6]},
    ),
    case(
        "adam with a tolerance, at a maximum",
        """
parameters: {x: 0}
loss: cos(x)
optimizer: {adam: {learning_rate: 0.1}}
stop: {gradient: 1.0e-8, steps: 1000}
""",
        0,
        3,
        near={"loss": [-1.0, 1e-6]},
    ),
    case(
        "gradient descent with a tolerance, on a plateau",
        """
parameters: {x: 50}
loss: 1 - exp(-(x - 1)**2)
optimizer: {gradient_descent: {learning_rate: 0.1}}
stop: {gradient: 1.0e-8, steps: 1000}
""",
        3,
    ),
    case(
        "gradient descent with a tolerance, at the minimum",
        f"""
{inline(x=[1, 2, 3, 4], y=[2, 4.1, 5.9, 8])}
parameters: {{b: 0}}
loss: mean((y - b * x)**2)
optimizer: {{gradient_descent: {{learning_rate: 0.05}}}}
stop: {{gradient: 1.0e-8, steps: 2000}}
""",
        0,
        near={"parameters.b": [59.9 / 30, 1e-5]},
    ),
]

MANY = [
    case(
        "a bowl of 500",
        "parameters: {x: {shape: [500], init: 0}}\nloss: sum((x - 1)**2)\noptimizer: lbfgs\n",
        0,
        near={"parameters.x[499]": [1.0, 1e-6]},
    ),
    case(
        "a maximum of 100",
        "parameters: {x: {shape: [100], init: 0}}\nloss: sum(x**4 - x**2)\noptimizer: lbfgs\n",
        0,
        3,
        near={"loss": [-25.0, 1e-5]},
    ),
    case(
        "a saddle of 60 along one direction",
        """
parameters: {x: {shape: [60], init: 1}, y: 0}
loss: sum(x**2) - y**2 + y**4
optimizer: lbfgs
""",
        0,
        3,
        near={"loss": [-0.25, 1e-6]},
    ),
    case(
        "at infinity in one of 60",
        """
parameters: {x: {shape: [60], init: 0}, y: 0}
loss: sum((x - 1)**2) + exp(-y)
optimizer: lbfgs
""",
        3,
        says=r"\by\b",
    ),
    case(
        "at infinity in the sum of 60",
        "parameters: {x: {shape: [60], init: 0}}\nloss: exp(-mean(x)) + var(x)\noptimizer: lbfgs\n",
        3,
        says=r"\bx\b",
    ),
    case(
        "one of 60 through floor",
        """
parameters: {x: {shape: [60], init: 0}, y: 2.5}
loss: sum((x - 1)**2) + floor(y)**2
optimizer: lbfgs
""",
        3,
        says=r"\by\b",
    ),
    case(
        "one of 60 unused",
        """
parameters: {x: {shape: [60], init: 0}}
loss: sum((x[1:] - 1)**2)
optimizer: lbfgs
""",
        0,
        near={"parameters.x[59]": [1.0, 1e-6], "parameters.x[0]": 0.0},
    ),
    case(
        "a gauge of 50 classes",
        f"""
data:
  inline: {{y: [{", ".join(str(i % 50) for i in range(100))}]}}
  columns: {{y: {{take: y, as: integer}}}}
parameters: {{c: {{shape: [50], init: 0.5}}}}
define: {{one: 0 * y + 1.0}}
loss: mean(cross_entropy(one[:, None] * c, y))
optimizer: lbfgs
""",
        0,
        near={"loss": [3.912023005428146, 1e-6]},
    ),
    case(
        "Rosenbrock of 100",
        """
parameters: {x: {shape: [100], init: -1}}
loss: sum(100 * (x[1::2] - x[0::2]**2)**2 + (1 - x[0::2])**2)
optimizer: lbfgs
""",
        0,
        near={"loss": [0.0, 1e-9]},
    ),
    case(
        "a matrix factored, of which only the product counts",
        """
data: {inline: {y: [1, 2, 2, 4]}}
parameters: {u: {shape: [2], init: 1}, v: {shape: [2], init: 1}}
loss: (u[0] * v[0] - 1)**2 + (u[0] * v[1] - 2)**2 + (u[1] * v[0] - 2)**2 + (u[1] * v[1] - 4)**2
optimizer: lbfgs
""",
        0,
        near={"loss": [0.0, 1e-10]},
    ),
    case(
        "a matrix factored, from zeros",
        """
parameters: {u: {shape: [40], init: 0}, v: {shape: [40], init: 0}}
loss: (sum(u * v) - 1)**2
optimizer: lbfgs
""",
        0,
        3,
        near={"loss": [0.0, 1e-9]},
    ),
]
