"""``minibatch`` and ``stop``: what goes by rows and epochs, held against the rest of the config."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from optserve.config.findings import Findings
from optserve.config.method import is_given, method_of
from optserve.config.metrics import SPLITS, check_metric_path
from optserve.config.schema.config import Config
from optserve.errors import ConfigError
from optserve.graph.dim import Dim
from optserve.graph.graph import Graph
from optserve.jobs import problem as jobs
from optserve.optimizers.base import Optimizer

__all__ = ["check_splits", "minibatch_of", "stop_of"]


def check_splits(config: Config) -> None:
    """Hold that where one table is split no other has rows."""
    tables = config.tables
    split = next((one.split for one in tables.values() if one.split is not None), None)
    others = [name for name, one in tables.items() if one.rows and one.split is not split]
    if split is not None and others:
        raise ConfigError(
            f"this table is split, and the rows of {others[0]} are not",
            place=split.place,
            expected="one table with rows",
            remedy=f"`rows: false` in {others[0]} takes its columns as constants",
            code="split",
        )


def minibatch_of(
    config: Config, graph: Graph, rows: Mapping[str, int], optimizer: Optimizer | None
) -> jobs.Minibatch | None:
    """How a step sees some of ``rows``: the training rows of each table that the loss goes over.

    Raises where ``graph``, that of the loss, cannot be estimated from some of them.
    """
    written = config.minibatch
    if written is None:
        return None
    if not rows:
        raise ConfigError(
            "there are no rows to make batches of",
            place=written.place,
            expected="a loss over the rows of a table of `data`",
            code="minibatch",
        )
    if len(rows) > 1:
        raise ConfigError(
            f"the loss has rows of {len(rows)} tables: {', '.join(rows)}",
            place=written.place,
            expected="rows of one table, of which batches are made",
            remedy="`rows: false` takes the columns of a table as constants",
            code="minibatch",
        )
    _check_method(config, optimizer)
    [count] = rows.values()
    if written.last == "drop" and count < written.rows:
        raise ConfigError(
            f"a batch of {written.rows} is never full: there are {count} rows to train on",
            place=written.place_of("rows"),
            expected=f"at most {count} rows, or `last: keep`",
            code="minibatch",
        )
    from optserve.transforms.minibatch import check_affine

    [table] = rows
    check_affine(graph, Dim.rows(table))
    return jobs.Minibatch(written.rows, written.shuffle, written.last)


def _check_method(config: Config, optimizer: Optimizer | None) -> None:
    """Hold that the method descends, and can do with the gradient of a batch."""
    assert config.minibatch is not None
    if optimizer is not None and optimizer.traced and optimizer.needs == "gradient":
        return
    given = is_given(method_of(config))
    what = "`optimizer: none` takes no steps"
    if optimizer is not None:
        what = f"{optimizer.name} compares losses, and that of a batch differs from the next"
    raise ConfigError(
        what if given else f"{what}; it is the method that is chosen where none is given",
        place=config.place_of("optimizer") if given else config.minibatch.place,
        expected="a method that needs gradients only, such as adam or momentum",
        remedy="" if given else "optimizer: {adam: {learning_rate: 1.0e-3}}",
        code="wrong-method",
    )


def stop_of(config: Config, splits: Collection[str] | None, found: Findings) -> jobs.Stop:
    """When to stop; where the ``splits`` are not known there may be all."""
    stop = config.stop
    for key in ("epochs", "plateau"):
        if getattr(stop, key) is not None and config.minibatch is None:
            with found:
                raise ConfigError(
                    f"`{key}` counts epochs, and without `minibatch` there are none",
                    place=stop.place_of(key),
                    expected="minibatch: {rows: 128}" + (", or steps" if key == "epochs" else ""),
                    code="minibatch",
                )
    plateau = None
    if stop.plateau is not None:
        written, place = stop.plateau, stop.plateau.place_of("metric")
        if written.metric != "loss":
            with found:
                check_metric_path(written.metric, place, splits or SPLITS, config.metrics)
        plateau = jobs.Plateau(written.metric, written.mode, written.patience, place)
    return jobs.Stop(
        gradient=stop.gradient,
        loss=stop.loss,
        step=stop.step,
        steps=stop.steps,
        epochs=stop.epochs,
        seconds=stop.seconds,
        plateau=plateau,
    )
