"""Truth values, integers, and the shapes that do not meet."""

from __future__ import annotations

from tests.cases.case import case, inline

__all__ = ["SHAPES", "TYPES"]


def column(kind: str, *values: object) -> str:
    """One column ``n`` of numbers read as ``kind``."""
    written = ", ".join(map(str, values))
    return f"data: {{inline: {{n: [{written}]}}, columns: {{n: {{take: n, as: {kind}}}}}}}"


TYPES = [
    case(
        "products of large integers",
        f"""
{column("integer", 10**10, 10**10)}
parameters: {{p: 0.5}}
loss: "(mean(n * n) / 1.0e+20 - p)**2"
optimizer: lbfgs
""",
        0,
        5,
        near={"parameters.p": [1.0, 1e-6]},
    ),
    case(
        "sums of large integers",
        f"""
{column("integer", 9 * 10**18, 9 * 10**18)}
parameters: {{p: 0.5}}
loss: "(sum(n) / 1.8e+19 - p)**2"
optimizer: lbfgs
""",
        0,
        2,
        5,
        near={"parameters.p": [1.0, 1e-6]},
    ),
    case(
        "powers of integers",
        f"""
{column("integer", 3, 10)}
parameters: {{p: 0.5}}
loss: "(mean(n**20) / 0.5e+20 - p)**2"
optimizer: lbfgs
""",
        0,
        5,
        near={"parameters.p": [1.0, 1e-6]},
    ),
    case(
        "a quotient of integers is not rounded",
        f"""
{column("integer", 1, 2)}
parameters: {{p: 0}}
loss: "(sum(n / 4) - p)**2"
optimizer: lbfgs
""",
        0,
        near={"parameters.p": 0.75},
    ),
    case(
        "a difference of integers below zero, and its remainder",
        f"""
{column("integer", 1, 2)}
parameters: {{p: 0}}
loss: "(sum((n - 5) % 3) + sum((n - 5) // 3) - p)**2"
optimizer: lbfgs
""",
        0,
        near={"parameters.p": -1.0},
    ),
    case(
        "a mean of integers",
        f"""
{column("integer", 1, 2, 2)}
parameters: {{p: 0}}
loss: "(mean(n) + var(n) - p)**2"
optimizer: lbfgs
""",
        0,
        near={"parameters.p": 5 / 3 + 2 / 9},
    ),
    case(
        "sums of truth values",
        """
data:
  inline: {b: [1, 0, 1], c: [1, 1, 0]}
  columns: {b: {take: b, as: bool}, c: {take: c, as: bool}}
parameters: {p: 0}
loss: "(sum(b + c) - p)**2"
optimizer: lbfgs
""",
        0,
        near={"parameters.p": 4.0},
    ),
    case(
        "a difference of truth values",
        f"""
{inline(x=[1, 2, 3, 4])}
parameters: {{p: 0}}
loss: "(sum((x > 3) - (x > 1)) - p)**2"
optimizer: lbfgs
""",
        0,
        near={"parameters.p": -2.0},
    ),
    case(
        "a truth value times a truth value, negated, averaged",
        f"""
{inline(x=[1, 2, 3, 4])}
parameters: {{p: 0}}
loss: "(sum(-(x > 1) * (x < 4)) + mean(x > 1) - p)**2"
optimizer: lbfgs
""",
        0,
        near={"parameters.p": -1.25},
    ),
    *(
        case(
            f"the larger of two truth values by {backend}",
            f"""
{inline(x=[0.3, 1.2, 0.7, 2.5, 3.5], y=[1, 2, 1, 4, 5])}
parameters: {{a: 1.2, b: 0.1}}
backend: {backend}
loss: mean((y - a * x - b * maximum(x > 1, x > 2))**2)
optimizer: lbfgs
""",
            0,
            near={"parameters.a": 25 / 18, "parameters.b": 1 / 3},
        )
        for backend in ("numpy", "llvm")
    ),
    *(
        case(
            f"an integer as a condition by {backend}",
            f"""
data:
  inline: {{x: [1, 2, 3, 4], k: [0, 1, 2, 0], y: [1, 0, 0, 4]}}
  columns: {{x: x, y: y, k: {{take: k, as: integer}}}}
parameters: {{a: 0.5}}
backend: {backend}
loss: sum(where(k, a * x, y)**2) + sum((a * x - y)**2 * logical_not(k))
optimizer: lbfgs
""",
            0,
            near={"parameters.a": [17 / 30, 1e-6]},
        )
        for backend in ("numpy", "llvm")
    ),
    case(
        "the bits of integers",
        f"""
{column("integer", 5, 6)}
parameters: {{p: 0}}
loss: "(sum(n & 3) - p)**2"
optimizer: lbfgs
""",
        2,
        says="truth|bool|comparison",
    ),
    case(
        "an integer that is negated as a truth value",
        f"""
{column("integer", 5, 6)}
parameters: {{p: 0}}
loss: "(sum(~n) - p)**2"
optimizer: lbfgs
""",
        2,
    ),
]

SHAPES = [
    case(
        "rows minus rows by one",
        """
data: {inline: {x: [0, 1, 2], y: [1, 3, 5]}, columns: {X: {take: [x]}, y: y}}
parameters: {w: {shape: [1, 1], init: 0}, c: 0}
loss: mean((y - (X @ w + c))**2)
optimizer: lbfgs
""",
        2,
        says=("rows", r"\[:, None\]"),
    ),
    case(
        "rows minus rows by one in least squares",
        """
data: {inline: {x: [0, 1, 2], y: [1, 3, 5]}, columns: {X: {take: [x]}, y: y}}
parameters: {w: {shape: [1, 1], init: 0}}
least_squares: {observed: y, predicted: X @ w}
""",
        2,
    ),
    case(
        "rows times the mean of each row, kept as an axis",
        """
data: {inline: {x: [0, 1, 2], z: [1, 1, 2], y: [1, 3, 5]}, columns: {X: {take: [x, z]}, y: y}}
parameters: {c: 1}
loss: mean((y - c * mean(X, axis=1, keepdims=True))**2)
optimizer: lbfgs
""",
        2,
    ),
    case(
        "each row with each, written out",
        f"""
{inline(x=[0, 1, 3])}
parameters: {{h: 1}}
loss: (mean((x[:, None] - x)**2) - h)**2
optimizer: lbfgs
""",
        0,
        near={"parameters.h": 28 / 9},
    ),
    case(
        "the right shape: a vector of weights",
        """
data: {inline: {x: [0, 1, 2], y: [1, 3, 5]}, columns: {X: {take: [x]}, y: y}}
parameters: {w: {shape: [1], init: 0}, c: 0}
loss: mean((y - (X @ w + c))**2)
optimizer: lbfgs
""",
        0,
        near={"parameters.w[0]": [2.0, 1e-5]},
    ),
    case(
        "rows of one table minus rows of another of as many",
        """
data:
  one: {inline: {x: [0, 1, 2]}}
  two: {inline: {x: [1, 3, 5]}}
parameters: {w: 1}
loss: mean((one.x - w * two.x)**2)
optimizer: lbfgs
""",
        2,
    ),
]
