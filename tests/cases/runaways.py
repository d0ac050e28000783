"""More models whose minimum lies at infinity, or only seems to."""

from __future__ import annotations

from tests.cases.case import case, inline

__all__ = ["RUNAWAYS"]

RUNAWAYS = [
    case(
        "a rate where every observation is censored",
        f"""
{inline(t=[3, 5, 8])}
parameters: {{rate: {{init: 0.1, transform: log}}}}
log_likelihood: -rate * t
""",
        3,
        says=r"\brate\b",
    ),
    case(
        "the scale and shape of a lifetime where every observation is censored",
        f"""
{inline(t=[3, 5, 8])}
parameters: {{scale: {{init: 5, transform: log}}, k: {{init: 1, transform: log}}}}
log_likelihood: -(t / scale)**k
""",
        3,
        says=r"\bscale\b",
    ),
    case(
        "a positive factor that wants to be negative",
        f"""
{inline(x=[1, 2, 3], y=[-1, -2.1, -2.9])}
parameters: {{a: {{init: 1, transform: log}}}}
least_squares: {{observed: y, predicted: a * x}}
""",
        3,
        says=r"\ba\b",
    ),
    case(
        "a rise that is over before the first observation",
        f"""
{inline(x=[1, 2, 3, 4], y=[5.1, 4.9, 5.0, 5.0])}
parameters: {{A: 4, k: 1}}
least_squares: {{observed: y, predicted: A * (1 - exp(-k * x))}}
""",
        3,
        0,
        near={"loss": [0.0199, 1e-3]},
    ),
    case(
        "a rise that is over before the first observation, exactly",
        f"""
{inline(x=[1, 2, 3, 4], y=[5, 5, 5, 5])}
parameters: {{A: 4, k: 1}}
least_squares: {{observed: y, predicted: A * (1 - exp(-k * x))}}
""",
        3,
        says=r"\bk\b",
    ),
    case(
        "a slope without end: a step",
        f"""
{inline(x=[1, 2, 3, 4], y=[0, 0, 1, 1])}
parameters: {{m: 2.4, k: 1}}
least_squares: {{observed: y, predicted: sigmoid(k * (x - m))}}
""",
        3,
        says=r"\bk\b",
    ),
    case(
        "a width without end: one row stands out",
        f"""
{inline(x=[0, 1, 2, 3, 4], y=[0, 0, 5, 0, 0])}
parameters: {{h: 4, s: {{init: 1, transform: log}}}}
least_squares: {{observed: y, predicted: h * exp(-((x - 2) / s)**2)}}
""",
        3,
        says=r"\bs\b",
    ),
    case(
        "a power that becomes a logarithm",
        f"""
{inline(x=[1, 2, 4, 8, 16], y=[0.0, 0.69314718, 1.38629436, 2.07944154, 2.77258872])}
parameters: {{a: -1, b: 1, c: 0.5}}
least_squares: {{observed: y, predicted: a + b * x**c}}
""",
        3,
        says=r"\bb\b",
    ),
    case(
        "a line through saturated growth",
        f"""
{inline(x=[0, 1, 2, 3, 4], y=[0, 1, 2, 3, 4])}
parameters: {{A: 10, k: 0.1}}
least_squares: {{observed: y, predicted: A * (1 - exp(-k * x))}}
""",
        3,
        says=(r"\bA\b", r"\bk\b"),
    ),
    case(
        "a separation in a vector of weights",
        """
data:
  inline: {x1: [1, 2, 3, 4, 5, 6], x2: [2, 1, 2, 1, 2, 1], y: [0, 0, 0, 1, 1, 1]}
  columns: {X: {take: [x1, x2]}, y: y}
parameters: {w: {shape: [2], init: 0}, c: 0}
log_likelihood: y * (X @ w + c) - softplus(X @ w + c)
""",
        3,
        says=r"\bw\b",
    ),
    case(
        "the inverse of a logarithm",
        "parameters: {x: {init: 3, bounds: [2, null]}}\nloss: 1 / log(x)\noptimizer: lbfgs\n",
        3,
    ),
    case(
        "a hyperbola that never touches",
        "parameters: {x: 1}\nloss: sqrt(1 + x**2) - x\noptimizer: lbfgs\n",
        3,
    ),
    case(
        "an arctangent",
        "parameters: {x: 1}\nloss: arctan(x)\noptimizer: lbfgs\n",
        3,
    ),
    case(
        "a hyperbolic tangent",
        "parameters: {x: 1}\nloss: 5 - tanh(0.1 * x)\noptimizer: lbfgs\n",
        3,
    ),
    case(
        "a valley that falls for ever",
        "parameters: {x: 0, y: 1}\nloss: (x * y - 1)**2 + x**2\noptimizer: lbfgs\n",
        3,
    ),
    case(
        "an exponential, with a tolerance by gradient descent",
        """
parameters: {x: 0}
loss: exp(-x)
optimizer: {gradient_descent: {learning_rate: 1}}
stop: {gradient: 1.0e-4, steps: 100000}
""",
        3,
    ),
    case(
        "a group of one answer, of which no number tells more before numbers end",
        f"""
{inline(x=[1, 1, 1, 1, 0], z=[999.3, 1001.3, 999, 1000.7, 999.1], y=[0, 0, 1, 1, 1])}
parameters: {{a: 0, b: 0, c: 0}}
define:
  hazard: exp(a + b * x + c * z)
log_likelihood: y * log(1 - exp(-hazard)) - (1 - y) * hazard
""",
        3,
        says="a and b run away|b and a run away",
    ),
    case(
        "classes separated but for one place, from where the likelihood is straight",
        f"""
{
            inline(
                x=[-1, 0, 0, 0, -2, 2, 0, -1, 0, 0, 0],
                z=[999, 1002, 1001, 1000, 1001, 1001, 1001, 1000, 1001, 1002, 999],
                y=[0, 1, 0, 0, 1, 0, 0, 1, 1, 1, 0],
            )
        }
parameters: {{a: 4.82, b: 4.82, c: 4.82}}
log_likelihood: bernoulli_logit_logpmf(y, a + b * x + c * z)
""",
        3,
        says="run away",
    ),
]
