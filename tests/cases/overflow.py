"""What overflows under a curve that does not."""

from __future__ import annotations

from math import exp, log, tanh

from tests.cases.case import Case, case, inline

__all__ = ["OVERFLOW"]


def gradient_of(name: str, expression: str, at: dict[str, float], of: dict[str, float]) -> Case:
    """A loss over x = -2000, -1, 2, 2000 and its exact derivatives, evaluated once."""
    parameters = ", ".join(f"{one}: {value!r}" for one, value in at.items())
    return case(
        name,
        f"""
{inline(x=[-2000, -1, 2, 2000])}
parameters: {{{parameters}}}
loss: "sum({expression})"
optimizer: none
""",
        0,
        near={f"gradient.{one}": [value, 1e-9 * (1 + abs(value))] for one, value in of.items()},
    )


def _logistic(x: float) -> float:
    return 0.0 if x < -700 else 1 / (1 + exp(-x))


LOGISTIC = [_logistic(x) for x in (-2000, -1, 2, 2000)]
SLOPE = [s * (1 - s) for s in LOGISTIC]
GOMPERTZ = sum(exp(-exp(-x)) * exp(-x) for x in (-1, 2))

OVERFLOW = [
    gradient_of(
        "1 / (1 + exp(-z))",
        "L / (1 + exp(-k * (x - m)))",
        {"L": 1.0, "k": 1.0, "m": 0.0},
        {"L": sum(LOGISTIC), "k": 2 * SLOPE[2] - SLOPE[1], "m": -sum(SLOPE)},
    ),
    gradient_of(
        "L / (1 + b * exp(-k * x))",
        "L / (1 + b * exp(-k * x))",
        {"L": 1.0, "b": 1.0, "k": 1.0},
        {"L": sum(LOGISTIC), "b": -sum(SLOPE), "k": 2 * SLOPE[2] - SLOPE[1]},
    ),
    gradient_of(
        "exp(z) / (1 + exp(z))",
        "L * exp(k * x) / (1 + exp(k * x))",
        {"L": 1.0, "k": 1.0},
        {"L": sum(LOGISTIC), "k": 2 * SLOPE[2] - SLOPE[1]},
    ),
    gradient_of(
        "log(1 + exp(z))",
        "log(1 + exp(k * x + m))",
        {"k": 1.0, "m": 0.0},
        {"k": -LOGISTIC[1] + 2 * LOGISTIC[2] + 2000, "m": sum(LOGISTIC)},
    ),
    gradient_of(
        "a power of 1 + exp(-z)",
        "(1 + exp(-k * x))**-0.5",
        {"k": 1.0},
        {"k": sum(0.5 * x * s**0.5 * (1 - s) for x, s in zip((-1, 2), LOGISTIC[1:3], strict=True))},
    ),
    gradient_of(
        "Planck's 1 / expm1(z), written with exp",
        "1 / (exp(k * abs(x)) - 1)",
        {"k": 1.0},
        {"k": -sum(x * exp(x) / (exp(x) - 1) ** 2 for x in (1, 2))},
    ),
    gradient_of(
        "1 / cosh(z)**2",
        "1 / cosh(k * x)**2",
        {"k": 1.0},
        {"k": sum(-2 * x * tanh(x) * (1 - tanh(x) ** 2) for x in (-1, 2))},
    ),
    gradient_of(
        "Gompertz's exp(-exp(-z))",
        "exp(-exp(-(x - m)))",
        {"m": 0.0},
        {"m": -GOMPERTZ},
    ),
    gradient_of(
        "tanh written with exp",
        "(exp(k * x) - exp(-k * x)) / (exp(k * x) + exp(-k * x))",
        {"k": 1.0},
        {"k": sum(x * (1 - tanh(x) ** 2) for x in (-1, 2))},
    ),
    gradient_of(
        "tanh written with one exp",
        "(1 - exp(-2 * k * x)) / (1 + exp(-2 * k * x))",
        {"k": 1.0},
        {"k": sum(x * (1 - tanh(x) ** 2) for x in (-1, 2))},
    ),
    gradient_of(
        "log(exp(a) + exp(b))",
        "log(exp(k * x) + exp(m))",
        {"k": 1.0, "m": 0.0},
        {"k": -LOGISTIC[1] + 2 * LOGISTIC[2] + 2000, "m": 4 - sum(LOGISTIC)},
    ),
    gradient_of(
        "exp(-z**2)",
        "exp(-(k * x * 1.0e+180)**2)",
        {"k": 1.0},
        {"k": 0.0},
    ),
    gradient_of(
        "(1 + z**2)**(-5)",
        "(1 + (k * x)**2)**(-5)",
        {"k": 1e100},
        {"k": 0.0},
    ),
    gradient_of(
        "log(sum(exp(z)))",
        "log(sum(exp(k * x)))",
        {"k": 1.0},
        {"k": 8000.0 / 4},
    ),
    case(
        "a Boltzmann sigmoid over a kilovolt",
        f"""
{
            inline(
                v=[-1000.0 + 50 * i for i in range(41)],
                y=[5 * _logistic((-1000.0 + 50 * i) / 5) for i in range(41)],
            )
        }
parameters: {{L: 4, v0: 10, k: {{init: 1.0, bounds: [0.1, null]}}}}
least_squares: {{observed: y, predicted: "L / (1 + exp(-(v - v0) / k))"}}
""",
        0,
        3,
        near={"parameters.L": [5.0, 0.1]},
    ),
    case(
        "a dose response by powers of the dose",
        f"""
{inline(d=[0.001, 0.01, 0.1, 1, 10, 100, 1000], y=[0, 0, 0.02, 0.51, 0.97, 1.01, 1])}
parameters: {{E: {{init: 2, bounds: [0, null]}}, n: 100}}
least_squares: {{observed: y, predicted: 1 / (1 + (E / d)**n)}}
""",
        0,
        3,
        near={"parameters.E": [0.98, 0.05]},
    ),
    case(
        "softplus written out, fitted",
        f"""
{inline(x=[-900, -1, 0, 1, 900], y=[0, log(1 + exp(-2)), log(2), log(1 + exp(2)), 1800])}
parameters: {{k: 1}}
least_squares: {{observed: y, predicted: log(1 + exp(k * x))}}
""",
        0,
        near={"parameters.k": 2.0},
    ),
]
