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
    case(
        "counts from a start far above, with no chance at all far below",
        f"""
{inline(x=[1, 2, 3, 4, 5, 6, 7], y=[3, 5, 2, 8, 1, 0, 4])}
parameters: {{a: 300, b: 40}}
log_likelihood: poisson_logpmf(y, exp(a + b * x))
""",
        0,
        near={"parameters.a": [1.5243598, 1e-4], "parameters.b": [-0.0875138, 1e-3]},
    ),
    case(
        "counts that are 0 but for a group, beside columns far from their origin",
        f"""
{
            inline(
                x=[100, 100.1, 100.1, 100.1, 100.1],
                u=[1001, 1002, 998, 1000, 1000],
                v=[2, 0, 1, 1, 0],
                y=[0, 0, 7, 1, 1],
            )
        }
parameters: {{a: 0.58, b: 0.58, c: 0.58, d: 0.58}}
log_likelihood: poisson_logpmf(y, exp(a + b * x + c * u + d * v))
""",
        3,
        # Rounding of the terms, which cancel, decides how far the descent comes: from farther out,
        # what may be spent is spent on a slope that next to nothing is gained along.
        says="a and b run away|b and a run away|examined in part",
    ),
    case(
        "counts that are 0 below a place, seen only through the rounding of large terms",
        f"""
{
            inline(
                x=[10, 9.9, 9.8, 10, 10.3, 10.1, 10.2, 10],
                u=[20.03, 20.03, 20.01, 20, 19.99, 20.03, 20.03, 20.03],
                v=[10047, 9936, 9918, 10064, 10095, 9906, 9944, 9930],
                y=[5, 4, 0, 0, 0, 7, 6, 8],
            )
        }
parameters: {{a: 0, b: 0, c: 0, d: 0}}
define:
  z: a + b * x + c * u + d * v
log_likelihood: y * z - exp(z)
""",
        3,
        says="a and c run away|c and a run away",
    ),
    case(
        "lifetimes of which the censored ones lie apart, beside columns far from their origin",
        f"""
{
            inline(
                x=[9, 8, 8, 8, 10],
                u=[2001, 2003, 2003, 1998, 2000],
                v=[2000, 2001, 2003, 1998, 2002],
                t=[0.319, 0.638, 0.242, 1.432, 0.532],
                died=[0, 1, 1, 0, 1],
            )
        }
parameters: {{a: -0.1, b: -0.1, c: -0.1, d: -0.1}}
define:
  z: a + b * x + c * u + d * v
loss: mean(t * exp(z) - died * z)
optimizer: lbfgs
""",
        3,
        says="run away",
    ),
    case(
        "a class of one row, of which no parameter tells by itself that it has vanished",
        f"""
{
            inline(
                x=[102, 98, 100, 102, 103, 102, 98, 101, 101, 102, 102, 98],
                u=[10, 20, 10, 0, -10, 30, 30, 0, 0, 10, 10, 40],
                one=[0, 0, 1, 0, 1, 0, 0, 0, 0, 0, 0, 0],
                two=[0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1],
            )
        }
parameters: {{a: 3, b: 3, c: 3, d: 3, e: 3, f: 3}}
define:
  p: a + b * x + c * u
  q: d + e * x + f * u
  most: maximum(0, maximum(p, q))
loss: mean(most + log(exp(-most) + exp(p - most) + exp(q - most)) - one * p - two * q)
optimizer: lbfgs
""",
        3,
        says="(d|e|f), (d|e|f) and (d|e|f) run away",
    ),
]
