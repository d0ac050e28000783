"""What of a problem must go together: each condition is checked here, whoever made the problem.

An error has a ``key``: what of the problem it is about, as a path such as ``stop.epochs``. Where
that was written, and how it is written otherwise, only those know who read it.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from optserve.errors import ConfigError, Place
from optserve.graph.aval import Array
from optserve.graph.graph import Graph
from optserve.graph.streamed import Streamed
from optserve.jobs.parameters import JobParameter
from optserve.jobs.problem import BatchPlan, StoppingRule
from optserve.optimizers.base import Optimizer

__all__ = [
    "check_batches",
    "check_domain",
    "check_full",
    "check_metric_names",
    "check_stop",
    "check_streamed",
    "table_of_batches",
]


def table_of_batches(tables: Collection[str]) -> str:
    """The one of ``tables``, over whose rows the loss goes, of which batches are made."""
    if not tables:
        raise _no_rows()
    if len(tables) > 1:
        raise ConfigError(
            f"the loss has rows of {len(tables)} tables: {', '.join(tables)}",
            expected="rows of one table, of which batches are made",
            code="minibatch",
            key="minibatch.tables",
        )
    [table] = tables
    return table


def _no_rows() -> ConfigError:
    return ConfigError(
        "there are no rows to make batches of",
        expected="a loss over the rows of a table",
        code="minibatch",
        key="minibatch",
    )


def check_batches(optimizer: Optimizer | None) -> None:
    """Hold that a method descends, and can do with the gradient of a batch."""
    if optimizer is not None and optimizer.traced and optimizer.needs == "gradient":
        return
    what = "a job that only evaluates takes no steps"
    if optimizer is not None:
        what = f"{optimizer.name} compares losses, and that of a batch differs from the next"
    raise ConfigError(
        what,
        expected="a method that needs gradients only, such as adam or momentum",
        code="wrong-method",
        key="optimizer.batches",
    )


def check_full(minibatch: BatchPlan, count: int) -> None:
    """Hold that ``count`` rows make at least one batch."""
    if not count:
        raise _no_rows()
    if minibatch.last == "drop" and count < minibatch.rows:
        raise ConfigError(
            f"a batch of {minibatch.rows} is never full: there are {count} rows to train on",
            expected=f"at most {count} rows, or a last batch that is kept",
            code="minibatch",
            key="minibatch.rows",
        )


def check_stop(stop: StoppingRule, minibatch: BatchPlan | None) -> None:
    """Hold that epochs are counted only where there are some."""
    for key in ("epochs", "plateau"):
        if getattr(stop, key) is not None and minibatch is None:
            raise ConfigError(
                f"`{key}` counts epochs, and without batches there are none",
                expected="steps that see some of the rows" if key == "plateau" else "steps",
                code="minibatch",
                key=f"stop.{key}",
            )


def check_streamed(
    optimizer: Optimizer | None, data: Mapping[str, Any], graph: Graph, residuals: int
) -> None:
    """Hold that a method does without all residuals at once where data is streamed.

    In ``graph`` so many ``residuals`` follow the loss.
    """
    streamed = [name for name, array in data.items() if isinstance(array, Streamed)]
    if not streamed or optimizer is None or optimizer.needs != "jacobian":
        return
    from optserve.transforms.rows_apart import outputs_keep_rows_apart  # most are in memory

    if not outputs_keep_rows_apart(graph, range(1, 1 + residuals)):
        raise ConfigError(
            f"{optimizer.name} needs the derivatives of all residuals at once, as a residual "
            f"depends on other rows than its own, and {streamed[0]} is streamed",
            code="needs-memory",
            key="optimizer.streamed",
        )


def check_metric_names(names: Collection[str]) -> None:
    """Hold that no metric has the name of what each split has anyway."""
    if "loss" in names:
        raise ConfigError(
            "a metric cannot be called `loss`: each split has its loss already",
            code="wrong-name",
            key="metrics.loss",
        )


def check_domain(parameter: JobParameter, start: Array, place: Place | None) -> None:
    """Hold that the transform of a parameter is defined at ``start``, written at ``place``."""
    transform = parameter.transform
    if transform is not None and not transform.contains(start):
        raise ConfigError(
            f"'{parameter.name}' starts where the transform {transform.name} is not defined",
            place=place,
            expected=transform.domain,
            code="wrong-start",
        )
