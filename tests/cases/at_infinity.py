"""Minima at infinity and losses without a bound: nothing that is converged."""

from __future__ import annotations

from tests.cases.case import case, inline

__all__ = ["AT_INFINITY", "UNBOUNDED"]

REMEDY = "bound|prior|penalty"
SIX = "x: [1, 2, 3, 4, 5, 6]"

AT_INFINITY = [
    case(
        "perfect separation of a logistic regression",
        f"""
data: {{inline: {{{SIX}, y: [0, 0, 0, 1, 1, 1]}}}}
parameters: {{a: 0, b: 0}}
define: {{z: a + b * x}}
log_likelihood: y * z - softplus(z)
""",
        3,
        says=(REMEDY, r"\ba\b", r"\bb\b", "infinity|run"),
    ),
    case(
        "quasi-complete separation: one value of x has both answers",
        """
data: {inline: {x: [1, 2, 3, 3, 4, 5], y: [0, 0, 0, 1, 1, 1]}}
parameters: {a: 0, b: 0}
log_likelihood: y * (a + b * x) - softplus(a + b * x)
""",
        3,
        says=REMEDY,
    ),
    case(
        "separation of a probit regression",
        f"""
data: {{inline: {{{SIX}, y: [0, 0, 0, 1, 1, 1]}}}}
parameters: {{a: 0, b: 0}}
define: {{z: (a + b * x) * (2 * y - 1)}}
log_likelihood: log(0.5 * erfc(-z / sqrt(2)))
""",
        3,
        says=REMEDY,
    ),
    case(
        "separation of an ordinal regression",
        f"""
data: {{inline: {{{SIX}, y: [0, 0, 1, 1, 2, 2]}}}}
parameters: {{b: 0, c1: 0, d: {{init: 1, transform: log}}}}
define:
  low: sigmoid(c1 - b * x)
  high: sigmoid(c1 + d - b * x)
log_likelihood: log(where(y == 0, low, where(y == 1, high - low, 1 - high)))
""",
        3,
        says=REMEDY,
    ),
    case(
        "separation by a dummy of one group only",
        """
data: {inline: {g: [0, 0, 0, 0, 1, 1], y: [0, 1, 1, 0, 1, 1]}}
parameters: {a: 0, b: 0}
log_likelihood: y * (a + b * g) - softplus(a + b * g)
""",
        3,
        says=(r"\bb\b", REMEDY),
    ),
    case(
        "separation with the labels as a mean loss, by lbfgs",
        f"""
data: {{inline: {{{SIX}, y: [-1, -1, -1, 1, 1, 1]}}}}
parameters: {{a: 0, b: 0}}
loss: mean(log(1 + exp(-y * (a + b * x))))
optimizer: lbfgs
""",
        3,
        says=REMEDY,
    ),
    case(
        "separation of three classes",
        """
data:
  inline: {x: [1, 2, 4, 5, 7, 8], y: [0, 0, 1, 1, 2, 2]}
  columns: {x: x, y: {take: y, as: integer}}
parameters: {W: {shape: [2, 3], init: 0}}
define: {X: "stack([x, x * 0 + 1], axis=1)"}
loss: mean(cross_entropy(X @ W, y))
optimizer: lbfgs
""",
        3,
        says=REMEDY,
    ),
    case(
        "counts that are all zero",
        f"""
{inline(y=[0, 0, 0, 0])}
parameters: {{a: 0}}
log_likelihood: y * a - exp(a)
""",
        3,
        says=(r"\ba\b", REMEDY),
    ),
    case(
        "counts that are zero in one group",
        """
data: {inline: {g: [0, 0, 0, 1, 1, 1], y: [2, 3, 1, 0, 0, 0]}}
parameters: {a: 0, b: 0}
log_likelihood: y * (a + b * g) - exp(a + b * g)
""",
        3,
        says=(r"\bb\b", REMEDY),
    ),
    case(
        "every trial succeeded",
        f"""
{inline(y=[1, 1, 1, 1])}
parameters: {{a: 0}}
log_likelihood: y * a - softplus(a)
""",
        3,
        says=REMEDY,
    ),
    case("an exponential", "parameters: {x: 0}\nloss: exp(-x)\noptimizer: lbfgs\n", 3, says=REMEDY),
    case("a softplus", "parameters: {x: 0}\nloss: softplus(-3 * x)\noptimizer: lbfgs\n", 3),
    case(
        "an exponential with an offset that hides the fall",
        "parameters: {x: 0}\nloss: 1.0e+9 + exp(-x)\noptimizer: lbfgs\n",
        3,
    ),
    case(
        "an exponential far out, in small units",
        "parameters: {x: 0}\nloss: 1.0e-12 * exp(-x / 1000)\noptimizer: lbfgs\n",
        3,
    ),
    case("an inverse square", "parameters: {x: 1}\nloss: 1 / (1 + x**2)\noptimizer: lbfgs\n", 3),
    case(
        "an inverse",
        "parameters: {x: {init: 1, bounds: [0.5, null]}}\nloss: 1 / x\noptimizer: lbfgs\n",
        3,
    ),
    case(
        "one of two parameters",
        "parameters: {x: 0, y: 0}\nloss: (x - 2)**2 + exp(-y)\noptimizer: lbfgs\n",
        3,
        says=r"\by\b",
    ),
    case(
        "a combination of two parameters",
        "parameters: {x: 0, y: 0}\nloss: (x - y - 2)**2 + exp(-x - y)\noptimizer: lbfgs\n",
        3,
        says=(r"\bx\b", r"\by\b"),
    ),
    case(
        "a saturating curve of data on a line",
        f"""
{inline(x=[1, 2, 3, 4, 5], y=[2, 4, 6, 8, 10])}
parameters: {{V: 10, K: 5}}
least_squares: {{observed: y, predicted: V * x / (K + x)}}
""",
        3,
        says=(r"\bV\b", r"\bK\b"),
    ),
    case(
        "a logistic curve of data that never saturate",
        f"""
{inline(x=[0, 1, 2, 3, 4], y=[1.0, 1.6487212707, 2.7182818285, 4.4816890703, 7.3890560989])}
parameters: {{L: 50, m: 5, k: 0.5}}
least_squares: {{observed: y, predicted: "L / (1 + exp(-k * (x - m)))"}}
""",
        3,
        says=(r"\bL\b", r"\bm\b"),
    ),
    case(
        "a negative binomial of data that vary less than Poisson's",
        f"""
{inline(y=[2, 2, 2, 3, 2, 2, 3, 2])}
parameters: {{mu: {{init: 2, transform: log}}, r: {{init: 5, transform: log}}}}
log_likelihood: >-
  gammaln(y + r) - gammaln(r) - gammaln(y + 1)
  + r * log(r / (r + mu)) + y * log(mu / (r + mu))
""",
        3,
        says=r"\br\b",
    ),
    case(
        "a bound keeps it near: the same exponential",
        "parameters: {x: {init: 0, bounds: [null, 3]}}\nloss: exp(-x)\noptimizer: lbfgs\n",
        0,
        near={"parameters.x": 3.0},
    ),
    case(
        "a penalty keeps it near: the same separation",
        f"""
data: {{inline: {{{SIX}, y: [0, 0, 0, 1, 1, 1]}}}}
parameters: {{a: {{init: 0, penalty: {{l2: 1}}}}, b: {{init: 0, penalty: {{l2: 1}}}}}}
log_likelihood: y * (a + b * x) - softplus(a + b * x)
""",
        0,
    ),
    case(
        "a logistic regression without separation",
        f"""
data: {{inline: {{{SIX}, y: [0, 0, 1, 0, 1, 1]}}}}
parameters: {{a: 0, b: 0}}
log_likelihood: y * (a + b * x) - softplus(a + b * x)
""",
        0,
        near={"parameters.a": [-4.24909648, 1e-5], "parameters.b": [1.21402756, 1e-5]},
    ),
]

UNBOUNDED = [
    case(
        "by adam with a limit of steps",
        """
parameters: {x: 0}
loss: -exp(x)
optimizer: {adam: {learning_rate: 0.5}}
stop: {steps: 3000}
""",
        3,
        says="lower bound|unbounded",
    ),
    case("a line", "parameters: {x: 0}\nloss: -x\noptimizer: lbfgs\n", 3),
    case("a parabola upside down", "parameters: {x: 1}\nloss: -x**2\noptimizer: lbfgs\n", 3),
    case("a cube", "parameters: {x: 1}\nloss: x**3\noptimizer: lbfgs\n", 3),
    case(
        "a line by gradient descent",
        "parameters: {x: 0}\nloss: -5 * x\noptimizer: {gradient_descent: {learning_rate: 1}}\n"
        "stop: {steps: 2000}\n",
        3,
    ),
    case(
        "a logarithm",
        "parameters: {x: {init: 1, bounds: [0.1, null]}}\nloss: -log(x)\noptimizer: lbfgs\n",
        3,
    ),
    case(
        "equal data have no spread",
        f"""
{inline(y=[2, 2, 2, 2])}
parameters: {{m: 1, s: {{init: 1, transform: log}}}}
log_likelihood: -log(s) - 0.5 * ((y - m) / s)**2
""",
        3,
        says=r"\bs\b",
    ),
    case(
        "a mixture collapses onto one observation",
        f"""
{inline(y=[0.0, 1.0, -1.2, 0.7, 2.3, -0.4])}
parameters: {{m: 2.3, s: {{init: 0.05, transform: log}}}}
log_likelihood: "log(0.5 * exp(-0.5 * ((y - m) / s)**2) / s + 0.5 * exp(-0.5 * y**2))"
""",
        3,
        says=r"\bs\b",
    ),
    case(
        "a bound keeps it near: the same line",
        "parameters: {x: {init: 0, bounds: [null, 5]}}\nloss: -x\noptimizer: lbfgs\n",
        0,
        near={"parameters.x": 5.0},
    ),
    case(
        "one row, whose spread vanishes at once, in single precision",
        f"""
precision: float32
{inline(y=[1.5])}
parameters: {{m: 1.5, s: {{init: 0.1, transform: log}}}}
log_likelihood: normal_logpdf(y, m, s)
""",
        3,
        says="came to the end of what numbers can be|no lower bound",
    ),
    case(
        "a tail in single precision",
        "precision: float32\nparameters: {x: 0}\nloss: exp(-x)\noptimizer: lbfgs\n",
        3,
        says="x runs away",
    ),
]
