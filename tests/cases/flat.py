"""Plateaus, saddles, maxima, parameters out of reach of derivatives: nothing that is converged."""

from __future__ import annotations

from tests.cases.case import case, inline

__all__ = ["FLAT", "STATIONARY"]

FLAT = [
    case("a plateau", "parameters: {x: 50}\nloss: 1 - exp(-(x - 1)**2)\noptimizer: lbfgs\n", 3),
    case(
        "a peak that is too narrow to be seen",
        f"""
{inline(x=[0, 1, 2, 3], y=[0.0, 0.5, 1.0, 0.5])}
parameters: {{c: 200}}
least_squares: {{observed: y, predicted: exp(-(x - c)**2)}}
""",
        3,
    ),
    case(
        "a sigmoid that is saturated",
        "parameters: {x: -1000}\nloss: sigmoid(x)\noptimizer: lbfgs\n",
        3,
    ),
    case("floor", "parameters: {x: 3.7}\nloss: floor(x)**2\noptimizer: lbfgs\n", 3, says="floor"),
    case(
        "round",
        f"""
{inline(x=[0, 1, 2, 3], y=[0, 1, 2, 3])}
parameters: {{k: 0.6}}
least_squares: {{observed: y, predicted: round(k * x)}}
""",
        3,
        says="round",
    ),
    case(
        "a loss without its parameter",
        f"""
{inline(x=[0, 1, 2], y=[1, 2, 3])}
parameters: {{a: 1}}
loss: sum((y - x)**2)
optimizer: lbfgs
""",
        3,
    ),
    case(
        "the share of right answers",
        """
data: {inline: {x: [1, 2, 3, 4], y: [0, 0, 1, 1]}}
parameters: {a: 0.5, b: -1.2}
loss: -mean((a * x + b > 0) == (y > 0.5))
optimizer: lbfgs
""",
        3,
    ),
    case(
        "argmax",
        """
data: {inline: {x: [1, 2, 3, 4], y: [0, 0, 1, 1]}}
parameters: {a: 0.5, b: -1.2}
loss: mean((argmax(stack([x * 0, a * x + b], axis=1), axis=1) - y)**2)
optimizer: lbfgs
""",
        3,
    ),
    case(
        "a threshold beside a height that moves",
        f"""
{inline(x=[1, 2, 3, 4], y=[0.1, -0.1, 2.0, 2.1])}
parameters: {{h: 1, t: 2.5}}
least_squares: {{observed: y, predicted: h * (x > t)}}
""",
        3,
        says=(r"\bt\b", "fixed"),
    ),
    case(
        "the same threshold, fixed",
        f"""
{inline(x=[1, 2, 3, 4], y=[0.1, -0.1, 2.0, 2.1])}
parameters: {{h: 1, t: {{init: 2.5, fixed: true}}}}
least_squares: {{observed: y, predicted: h * (x > t)}}
""",
        0,
        near={"parameters.h": 2.05},
    ),
    case(
        "an exponent that is rounded, beside a factor that moves",
        f"""
{inline(x=[1, 2, 3, 4], y=[2.1, 7.9, 18.2, 31.8])}
parameters: {{a: 1, n: 2.2}}
least_squares: {{observed: y, predicted: a * x**round(n)}}
""",
        3,
        says=(r"\bn\b", "fixed"),
    ),
    case(
        "a unit that is off for every row",
        f"""
{inline(x=[1, 2, 3, 4], y=[1, 2, 3, 4])}
parameters: {{a: 1, w: 1}}
least_squares: {{observed: y, predicted: a * relu(w * x - 100)}}
""",
        3,
    ),
    case(
        "clipped",
        "parameters: {x: 5}\nloss: (clip(x, 0, 1) - 0.5)**2\noptimizer: lbfgs\n",
        3,
    ),
    case(
        "one parameter of two on a plateau from the start",
        "parameters: {x: 0, y: 60}\nloss: (x - 1)**2 + 1 - exp(-y**2)\noptimizer: lbfgs\n",
        0,
        3,
        near={"parameters.x": 1.0, "parameters.y": 0.0},
        says=r"\by\b",
    ),
    case(
        "a parameter that nothing uses, beside one that is found",
        "parameters: {x: 0, unused: 7}\nloss: (x - 1)**2\noptimizer: lbfgs\n",
        0,
        near={"parameters.x": 1.0, "parameters.unused": 7.0},
        says="unused",
    ),
]

STATIONARY = [
    case(
        "a maximum",
        "parameters: {x: 0}\nloss: cos(x)\noptimizer: lbfgs\n",
        0,
        3,
        near={"loss": -1.0},
    ),
    case(
        "a product of zeros",
        f"""
{inline(x=[1, 2, 3, 4], y=[2, 4.1, 5.9, 8])}
parameters: {{a: 0, b: 0}}
least_squares: {{observed: y, predicted: a * b * x}}
""",
        0,
        3,
        near={"loss": 0.019666666666666666},
    ),
    case(
        "between two wells",
        "parameters: {x: 0}\nloss: x**4 - x**2\noptimizer: lbfgs\n",
        0,
        3,
        near={"loss": -0.25, "parameters.x": (2**-0.5, -(2**-0.5))},
    ),
    case(
        "between two wells, with an offset",
        "parameters: {x: 0}\nloss: 1.0e+6 + x**4 - x**2\noptimizer: lbfgs\n",
        0,
        3,
        near={"parameters.x": ([2**-0.5, 1e-4], [-(2**-0.5), 1e-4])},
    ),
    case(
        "a saddle that is reached along its ridge",
        "parameters: {x: 1, y: 0}\nloss: x**2 - y**2 + y**4\noptimizer: lbfgs\n",
        0,
        3,
        near={"loss": -0.25},
    ),
    case(
        "a saddle that least squares reach along its ridge",
        f"""
{inline(y=[4.0, 4.0])}
parameters: {{x: 1, u: 0}}
least_squares: {{observed: y, predicted: x + u**2, sigma: 1}}
""",
        0,
        near={"loss": [0.0, 1e-9]},
    ),
    case(
        "the square of a parameter that begins at 0",
        f"""
{inline(y=[4.1, 3.9, 4.0])}
parameters: {{x: 0}}
least_squares: {{observed: y, predicted: x**2}}
""",
        0,
        3,
        near={"loss": 0.02, "parameters.x": (2.0, -2.0)},
    ),
    case(
        "two components that begin as one",
        f"""
{inline(y=[-2.0, -2.1, -1.9, 2.0, 2.1, 1.9])}
parameters: {{m1: 0, m2: 0}}
log_likelihood: logaddexp(-0.5 * (y - m1)**2, -0.5 * (y - m2)**2)
""",
        0,
        3,
        near={"parameters.m1": ([-1.998597, 1e-5], [1.998597, 1e-5])},
    ),
    case(
        "a network without weights",
        f"""
{inline(x=[-1, -0.5, 0, 0.5, 1], y=[-0.76, -0.46, 0, 0.46, 0.76])}
parameters: {{v: 0, w: 0}}
least_squares: {{observed: y, predicted: v * tanh(w * x)}}
""",
        0,
        3,
        near={"loss": [0.0, 1e-8]},
    ),
    case("an inflection", "parameters: {x: 0}\nloss: x**3\noptimizer: lbfgs\n", 3),
    case(
        "a monkey saddle",
        "parameters: {x: 0, y: 0}\nloss: x**3 - 3 * x * y**2\noptimizer: lbfgs\n",
        3,
    ),
    case(
        "the minimum itself",
        "parameters: {x: 1}\nloss: (x - 1)**2\noptimizer: lbfgs\n",
        0,
        near={"parameters.x": 1.0},
    ),
    case(
        "the minimum itself, of least squares",
        f"""
{inline(x=[0, 1, 2, 3], y=[1, 3, 5, 7])}
parameters: {{a: 1, b: 2}}
least_squares: {{observed: y, predicted: a + b * x}}
""",
        0,
        near={"parameters.b": 2.0, "loss": 0.0},
    ),
    case(
        "the rate of a term that a perfect fit has no use for",
        f"""
{inline(x=[0, 1, 2, 3, 4, 5], y=[1, 0.5, 0.25, 0.125, 0.0625, 0.03125])}
parameters: {{a: 0.5, p: 0.5, b: 0.6, q: 0.7}}
least_squares: {{observed: y, predicted: a * exp(-p * x) + b * exp(-q * x)}}
""",
        0,
        3,
        says="do not determine p|a plateau|p runs away",
    ),
    case(
        "a line through one row",
        f"""
{inline(x=[1], y=[2])}
parameters: {{a: 0, b: 0}}
least_squares: {{observed: y, predicted: a * x + b}}
""",
        0,
        says="do not determine a and b: they trade off",
    ),
    case(
        "a unit that is 0 for every row, beside what is found",
        f"""
{inline(x=[0, 1, 2, 3], y=[1, 0.5, 0.25, 0.125])}
parameters: {{c: 0, a: -1, b: -1}}
least_squares: {{observed: y, predicted: c + a * relu(b * x - 1)}}
""",
        0,
        near={"parameters.c": 0.46875},
        says="nothing observed changes with them here",
    ),
    case(
        "how hidden states follow each other, where both emit alike",
        f"""
{inline(y=[0, 0, 0, 1, 1, 1, 0, 0, 1, 1]).replace("{inline", "{rows: false, inline")}
parameters: {{p: {{init: [0.5, 0.5], transform: logit}}, st: {{init: 0.7, transform: logit}}}}
define:
  emitted(v): "where(v == 1, log(p), log(1 - p))"
  stays(s): "logaddexp(s[0] + log(st), s[1] + log(1 - st))"
  leaves(s): "logaddexp(s[1] + log(st), s[0] + log(1 - st))"
  step(s, v): {{n: "stack([stays(s), leaves(s)]) + emitted(v)", return: "(n, n)"}}
log_likelihood: logsumexp(scan(step, log(stack([0.5, 0.5])), y)[0])
""",
        0,
        3,
        near={"standard_errors.st": None},
    ),
    case(
        "one of 600 that reaches the loss through floor alone",
        """
parameters: {x: {shape: [600], init: 0.5}}
loss: sum((x[1:] - 1)**2) + floor(x[0])
optimizer: lbfgs
""",
        3,
        says=r"x\[0\]",
    ),
]
