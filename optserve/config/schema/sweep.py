"""The keys of ``sweep``: which settings vary, and what is asked of all jobs together."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import Field, Tag, model_validator

from optserve.config.schema.section import ByKind, Listed, Section, Words, broken_rule

__all__ = ["Best", "Draw", "Random", "Statistic", "Sweep"]

_RANGE = Annotated[
    tuple[float, float], Words("two numbers, the lower one first"), Field(strict=False)
]


class Draw(Section):
    """How a value is drawn: one of the three."""

    uniform: _RANGE | None = Field(default=None, description="Evenly between two numbers.")
    log_uniform: _RANGE | None = Field(
        default=None, description="Evenly in its logarithm, between two positive numbers."
    )
    integers: _RANGE | None = Field(
        default=None, description="A whole number from the first to the second, both included."
    )

    @model_validator(mode="after")
    def is_one_range(self) -> Self:
        """Hold that there is one range, and that it holds something."""
        given = [key for key in type(self).model_fields if getattr(self, key) is not None]
        if len(given) != 1:
            raise broken_rule(
                f"a value is drawn in one way, and here are {len(given)}",
                "",
                "one of uniform, log_uniform, integers",
            )
        low, high = getattr(self, given[0])
        if low > high or (given[0] == "log_uniform" and low <= 0):
            raise broken_rule(
                f"nothing lies between {low:g} and {high:g}", given[0], "the lower number first"
            )
        return self


class Random(Section):
    """Settings that are drawn at random."""

    n: int = Field(ge=1, le=100_000, description="How many jobs.")
    seed: int = Field(default=0, ge=0, description="Of the drawing; more jobs keep those before.")
    values: dict[
        str, Annotated[Annotated[list[Any], Tag("list")] | Annotated[Draw, Tag("mapping")], ByKind]
    ] = Field(min_length=1, description="By path of the config: a list to choose from, or a range.")


class Statistic(Section):
    """What must hold of a number of the result over several jobs."""

    over: Annotated[
        Annotated[str, Tag("text")] | Annotated[Listed[str], Tag("list")],
        ByKind,
        Words("a path that is swept, or a list of them"),
    ] = Field(default=(), description="The paths over which; by default over all jobs.")
    statistic: Annotated[
        str,
        Field(pattern=r"^(median|mean|min|max|q[0-9]{1,2})$"),
        Words("median, mean, min, max, or a quantile such as q90"),
    ] = Field(default="median", description="median, mean, min, max, or a quantile: q90.")
    min: float | None = Field(default=None, description="At least this.")
    max: float | None = Field(default=None, description="At most this.")

    @model_validator(mode="after")
    def expects_something(self) -> Self:
        """Hold that there is a limit."""
        if self.min is None and self.max is None:
            raise broken_rule("nothing is expected of the statistic", "", "min or max")
        return self


class Best(Section):
    """Which job is the best of a sweep."""

    metric: str = Field(description="A number of the result, as loss or metrics.validation.NAME.")
    mode: Literal["min", "max"] = Field(default="min", description="Which way is better.")


class Sweep(Section):
    """Several jobs of one config, for `optserve batch`: one of grid, zip, random and list."""

    grid: dict[str, list[Any]] | None = Field(
        default=None, min_length=1, description="Values by path; all combinations."
    )
    zipped: dict[str, list[Any]] | None = Field(
        default=None,
        alias="zip",
        min_length=1,
        description="Values by path; the first of each, ...",
    )
    random: Random | None = Field(default=None, description="Values that are drawn.")
    listed: list[dict[str, Any]] | None = Field(
        default=None, alias="list", min_length=1, description="The settings of each job, by path."
    )
    expect: dict[str, Statistic] = Field(
        default_factory=dict, description="What must hold over several jobs, by path of the result."
    )
    best: Best | None = Field(
        default=None,
        description="What makes a job the best; by default the lowest loss, of the validation rows "
        "where there are any.",
    )

    @model_validator(mode="after")
    def varies_in_one_way(self) -> Self:
        """Hold that one way to vary is given, and that lists to zip are of one length."""
        ways = {"grid": self.grid, "zip": self.zipped, "random": self.random, "list": self.listed}
        given = [name for name, way in ways.items() if way is not None]
        if len(given) != 1:
            raise broken_rule(
                f"a sweep varies in one way, and here are {len(given)}",
                given[1] if given else "",
                "one of grid, zip, random, list",
                at_key=True,
            )
        if self.zipped is not None and len({*map(len, self.zipped.values())}) > 1:
            raise broken_rule(
                "the lists to zip have several lengths", "zip", "as many values for each path"
            )
        return self
