"""``Batching``: what the epochs of a job over minibatches are made of."""

from __future__ import annotations

from optserve.jobs.consistency import check_batches
from optserve.jobs.descent.batch_graphs import BatchGraphs
from optserve.jobs.descent.row_order import Batches
from optserve.jobs.evaluator import Evaluator
from optserve.jobs.splits import TRAINING, VALIDATION, Splits, check_metric

__all__ = ["Batching"]


class Batching:
    """The graphs of steps on batches, their order, and the split by whose loss an epoch is judged.

    That split is the validation rows where there are some, else all training rows. Raises
    ``ConfigError`` for a job that makes no sense.
    """

    def __init__(self, evaluator: Evaluator, splits: Splits) -> None:
        problem = evaluator.problem
        optimizer, minibatch = problem.optimizer, problem.minibatch
        assert optimizer is not None
        assert minibatch is not None
        check_batches(optimizer)
        self.evaluator = evaluator
        self.splits = splits
        self.judged_by = VALIDATION if VALIDATION in problem.held_out else TRAINING
        self.plateau = problem.stop.plateau
        if self.plateau is not None:
            check_metric(problem, self.plateau.metric, self.plateau.place)
        self.graphs = BatchGraphs(problem, evaluator.packing)
        self.batches = Batches(self.graphs.columns, minibatch, problem.seed)
