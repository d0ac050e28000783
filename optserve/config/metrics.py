"""``metrics``: scalars that are computed of every split, and the paths that name them."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from optserve.config.declarations import Declarations
from optserve.config.inputs import BoundGraph, Inputs
from optserve.config.mistakes import Mistakes
from optserve.config.reals import check_scalar, real_array
from optserve.config.scope import is_sound
from optserve.config.suggest import choices, did_you_mean
from optserve.errors import ConfigError, Place

__all__ = ["SPLITS", "build_metrics", "check_metric_path"]

SPLITS = ("train", "validation", "test")

LOSS = "loss"
"""What each split has among its metrics, where there are several: the objective over its rows."""


def build_metrics(declared: Declarations, inputs: Inputs, found: Mistakes) -> BoundGraph | None:
    """The graph of the metrics, in order; nothing where one of them is wrong."""
    scope = inputs.scope(declared, found)
    outputs = []
    for name, expression in declared.metrics.items():
        if is_sound(expression, scope, declared, found):
            with found:
                value = real_array(expression, scope, inputs.trace, f"the metric {name}")
                check_scalar(value, f"the metric {name}", expression.place)
                outputs.append(value)
    return inputs.graph(outputs) if len(outputs) == len(declared.metrics) else None


def check_metric_path(
    path: str, place: Place | None, splits: Collection[str], names: Iterable[str]
) -> None:
    """Refuse a path ``metrics.SPLIT.NAME`` where there is no such split or metric.

    Where rows are held out, the loss of each split is one.
    """
    known = [*([LOSS] if len(splits) > 1 else []), *names]
    valid = [f"metrics.{split}.{name}" for split in splits for name in known]
    if path in valid:
        return
    raise ConfigError(
        f"`{path}` names nothing in the result",
        place=place,
        expected=f"one of {choices(valid)}" if valid else "a name that `metrics` declares",
        remedy=did_you_mean(path, valid),
        code="unknown-path",
    )
