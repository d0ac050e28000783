"""Minima that are there for sure, and hard to reach to the last digit, or from so far off."""

from __future__ import annotations

from tests.cases.case import case, inline

__all__ = ["REACHED"]

SMALL = inline(
    x=[0.464, 0.612, 2.346, 2.505, 3.104, 3.902],
    y=[0.365276, 0.427705, 0.403445, 0.379042, 0.290882, 0.191411],
)
RESIDUAL = "y - a * x * exp(-b * x)"
SERIES = inline(
    y=[0.22, 1.3, 1.83, 0.42, -1.27, -1.1, -1.32, -1.7, -2.95, -0.49, 1.4]
    + [0.23, 0.66, 2.1, -0.59, -1.86, -1.72, -0.54, -0.19, -0.39, -0.39]
)
HINGES = inline(
    x=[-0.4, 0, -0.7, -0.6, -1.1, 1.8, 1.0, 1.0, 0.7, 0.4],
    y=[-0.4, 0, -0.7, -0.6, -1.1, 2.6, 1.0, 1.0, 0.4, 0],
)
LIVES = inline(y=[3.355, 63.726, 0.015, 66.475, 0.007, 0.556])

REACHED = [
    *(
        case(
            f"{name} of residuals so small that its terms cancel",
            f"""
{SMALL}
parameters: {{a: 1.56, b: 0.69}}
loss: sum({rho.format(RESIDUAL)})
""",
            0,
            near={"parameters.a": a, "parameters.b": b},
            never="jump",
        )
        for name, rho, a, b in (
            ("the loss of Charbonnier", "sqrt(1 + ({})**2) - 1", 1.144846477424, 0.807396881878),
            ("the loss of Welsch", "1 - exp(-({})**2)", 1.144846477613, 0.807396882026),
            ("a cosine", "1 - cos({})", 1.144846477298, 0.807396881779),
        )
    ),
    case(
        "moving averages, to which the steps of Gauss and Newton lead slowly",
        f"""
{SERIES}
parameters: {{f: 0, q: 0, c: 0}}
define:
  step(carry, v):
    e: v - c - f * carry[0] - q * carry[1]
    return: ([v, e], e)
least_squares:
  residual: scan(step, [0.0, 0.0], y)[1]
""",
        0,
        near={
            "parameters.f": 0.20536234304,
            "parameters.q": 0.63594906733,
            "loss": 19.547070678460226,
        },
    ),
    case(
        "units of a network that begin without any effect",
        f"""
{HINGES}
parameters: {{w: [0, 0], b: [0, 0], v: [0.9, -0.8], c: 0}}
least_squares: {{observed: y, predicted: "relu(x[:, None] * w + b) @ v + c"}}
""",
        0,
        3,  # rounding decides which unit leaves first, and whether the other one can follow
        near={"loss": [0.0, 1e-20]},
    ),
    *(
        case(
            f"a mean life of exp({start})",
            f"""
{LIVES}
parameters: {{b: {start}}}
log_likelihood: -b - y * exp(-b)
""",
            0,
            near={"parameters.b": 3.1070798287, "standard_errors.b": 0.408248290464},
        )
        for start in (-50, -300, -690)
    ),
    case(
        "odds from where they are so long that the likelihood is straight",
        f"""
{inline(x=[100.005, 99.898, 99.86, 99.813, 100.122, 99.979], y=[7, 47, 9, 14, 0, 42])}
parameters: {{a: 2.19, b: 2.19}}
log_likelihood: -y * log(1 + exp(-(a + b * x))) - log(1 + exp(a + b * x))
""",
        0,
        near={"parameters.a": 700.26070946, "parameters.b": -6.9773968249},
    ),
    case(
        "both parameters at bounds that sums miss by a bit",
        """
parameters: {a: {init: 10.4, bounds: [9.8, 11.1]}, b: {init: -1.37, bounds: [-1.8, -0.3]}}
loss: (1.0e-6 * a - 10)**6 + exp(-b)
""",
        0,
        near={"parameters.a": [11.1, 0.0], "parameters.b": [-0.3, 0.0]},
    ),
    case(
        "bounds of three sizes that sums miss by a bit",
        """
parameters:
  a: {init: -1.03, bounds: [-3.9, 3.4]}
  b: {init: 0.3, bounds: [-2.6, 3.9]}
  c: {init: -0.11, bounds: [-1, 3.8]}
loss: (a + 1000)**2 + (b - 1000)**2 + (c - 1000)**2
""",
        0,
        near={"parameters.a": [-3.9, 0.0], "parameters.b": [3.9, 0.0], "parameters.c": [3.8, 0.0]},
    ),
]
