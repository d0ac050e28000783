"""``metrics``: scalars that are computed of every split, and their names."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from optserve.config.config_scope import is_sound
from optserve.config.declarations import Declarations
from optserve.config.inputs import BoundGraph, Inputs
from optserve.config.mistakes import Mistakes
from optserve.config.reals import check_scalar, real_array
from optserve.config.schema.config import Config

__all__ = ["build_metrics", "metrics_of"]

_SPLITS = ("train", "validation", "test")

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


def metrics_of(config: Config, splits: Collection[str] | None) -> Mapping[str, Mapping[str, None]]:
    """The names of the metrics of each split; where the ``splits`` are not known there may be all.

    Where rows are held out, the loss of each split is one.
    """
    known = splits or _SPLITS
    names = dict.fromkeys([*([LOSS] if len(known) > 1 else []), *config.metrics])
    return dict.fromkeys(known, names) if names else {}
