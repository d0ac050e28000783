"""``minibatch`` and ``stop``: what goes by rows and epochs, held against the rest of the config."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from optserve.config.metrics import metrics_of
from optserve.config.mistakes import Mistakes
from optserve.config.placing import placed
from optserve.config.schema.config import Config
from optserve.errors import ConfigError
from optserve.graph.dim import Dim
from optserve.graph.graph import Graph
from optserve.jobs import problem as jobs
from optserve.jobs.consistency import check_batches, check_full, check_stop, table_of_batches
from optserve.jobs.result_paths import look_up
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
) -> jobs.BatchPlan | None:
    """How a step sees some of ``rows``: the training rows of each table that the loss goes over.

    Raises where ``graph``, that of the loss, cannot be estimated from some of them.
    """
    written = config.minibatch
    if written is None:
        return None
    minibatch = jobs.BatchPlan(written.rows, written.shuffle, written.last)
    with placed(config):
        table = table_of_batches(rows)
        check_batches(optimizer)
        check_full(minibatch, rows[table])
    from optserve.transforms.minibatch import check_affine

    check_affine(graph, Dim.rows(table))
    return minibatch


def stop_of(config: Config, splits: Collection[str] | None, found: Mistakes) -> jobs.StoppingRule:
    """When to stop; where the ``splits`` are not known there may be all."""
    stop = config.stop
    plateau = None
    if stop.plateau is not None:
        written, place = stop.plateau, stop.plateau.place_of("metric")
        metrics = metrics_of(config, splits)
        with found:
            known = {"metrics": metrics} if metrics else {}
            look_up({"loss": None, **known}, written.metric, place)
        plateau = jobs.PlateauRule(written.metric, written.mode, written.patience, place)
    abort = None
    if config.abort is not None:
        abort = jobs.AbortRule(config.abort.loss.above, config.abort.loss.after_steps)
    made = jobs.StoppingRule(
        gradient=stop.gradient,
        loss=stop.loss,
        step=stop.step,
        steps=stop.steps,
        epochs=stop.epochs,
        seconds=stop.seconds,
        plateau=plateau,
        abort=abort,
    )
    if config.minibatch is None:
        with found, placed(config):
            check_stop(made, None)
    return made
