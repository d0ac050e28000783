"""The keys of ``least_squares`` and ``weights``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Self, get_args

from pydantic import Discriminator, Field, Tag, model_validator

from optserve.config.schema.section import ExpressionWritten, Section, Words, broken_rule, kind
from optserve.jobs.problem import WeightKind

__all__ = ["Comparison", "LeastSquaresWritten", "Weights"]


class Comparison(Section):
    """What was observed against what is predicted; the residual is their difference."""

    later: ClassVar[Mapping[str, str]] = {
        "robust": "a `loss` of huber_loss, which the optserve-robust plugin has, or a "
        "log_likelihood with heavy tails such as student_t_logpdf",
        "covariance": "residuals triangular_solve(L, y - model), where L @ L.T is the covariance",
        "errors_in": "",
    }

    observed: ExpressionWritten = Field(description="What was measured.")
    predicted: ExpressionWritten = Field(description="What the model says.")
    sigma: ExpressionWritten | None = Field(
        default=None,
        description="The known standard deviation of what was observed; infinite: does not count.",
    )


def _form(value: Any) -> str | None:
    if isinstance(value, Comparison):
        return "comparison"
    if isinstance(value, Mapping):
        return (
            "comparison" if {"observed", "predicted", "sigma", "robust"} & set(value) else "named"
        )
    return "residual" if kind(value) in ("text", "number") else None


LeastSquaresWritten = Annotated[
    Annotated[ExpressionWritten, Tag("residual")]
    | Annotated[Comparison, Tag("comparison")]
    | Annotated[dict[str, ExpressionWritten], Field(min_length=1), Tag("named")],
    Discriminator(_form),
    Words("a residual, {name: residual}, or {observed: ..., predicted: ...}"),
]
"""A residual, residuals by name, or a comparison."""


class Weights(Section):
    """How much each row counts, and what that means for error bars: one of these."""

    precision: ExpressionWritten | None = Field(
        default=None,
        description="Of least squares: the variance of a row is the same unknown one over this.",
    )
    counts: ExpressionWritten | None = Field(
        default=None, description="A row stands for so many observations that are alike."
    )
    sampling: ExpressionWritten | None = Field(
        default=None, description="A row was sampled with a chance of one over this."
    )

    @property
    def kind(self) -> WeightKind:
        """The one that is given."""
        kinds: tuple[WeightKind, ...] = get_args(WeightKind)
        return next(kind for kind in kinds if getattr(self, kind) is not None)

    @model_validator(mode="after")
    def is_one_kind(self) -> Self:
        """Hold that there is one kind of weights."""
        given = [kind for kind in get_args(WeightKind) if getattr(self, kind) is not None]
        if len(given) != 1:
            raise broken_rule(
                f"rows are weighted in one way, and here are {len(given)}",
                given[1] if given else "",
                "one of precision, counts, sampling",
                at_key=bool(given),
            )
        return self
