"""``ended_jobs``: the jobs of a batch as the reports for other programs take them."""

from __future__ import annotations

from collections.abc import Iterator

from optserve.batch.batch_run import Batch
from optserve.batch.job_outcome import JobOutcome, errors_of
from optserve.batch.swept import JudgedSweep, value_of
from optserve.errors import OptserveError
from optserve.jobs.record.artefacts import read_config_text, read_graph_text, read_run
from optserve.jobs.record.ended import EndedJob, EndedSweep, SweptJob

__all__ = ["LOST", "ended_jobs"]

LOST = "job-lost"
"""The code of what a job without a result is told by, and of what a sweep fails at."""


def ended_jobs(batch: Batch) -> Iterator[EndedJob]:
    """A job each, and an entry for every sweep that was judged."""
    for outcome in batch.outcomes:
        if outcome.exit_code is not None or outcome.ended == "interrupted":
            yield _ended(batch, outcome)
    for sweep in batch.sweeps:
        errors = tuple(_error(one.message, "") for one in sweep.expectations if not one.holds)
        name = f"sweep {sweep.name}"
        yield EndedJob(name, sweep.exit_code, errors=errors, sweep=_swept(batch, sweep))


def _swept(batch: Batch, sweep: JudgedSweep) -> EndedSweep:
    outcomes = {one.id: one for one in batch.outcomes}
    told = next(one for one in batch.record["sweeps"] if one["name"] == sweep.name)
    jobs = tuple(
        SweptJob(name, settings, value_of(outcomes[name], sweep.by), outcomes[name].passed)
        for name, settings in told["jobs"].items()
    )
    hold = sum(one.holds for one in sweep.expectations)
    return EndedSweep(sweep.by, jobs, sweep.best, hold, len(sweep.expectations))


def _ended(batch: Batch, outcome: JobOutcome) -> EndedJob:
    code = 1 if outcome.exit_code is None else outcome.exit_code
    result, saved, text, graph = None, "", "", ""
    if outcome.folder and (batch.folder / outcome.folder).is_dir():
        folder = batch.folder / outcome.folder
        saved, result, text, graph = (
            str(folder / "result.json"),
            read_run(folder),
            read_config_text(folder),
            read_graph_text(folder),
        )
    errors = tuple(errors_of(outcome.errors))
    if not errors and outcome.ended != "result":
        errors = (_error(outcome.message, outcome.config),)
    if outcome.xfail and outcome.ended == "result":
        result = None  # what fails in it is as it should be, or is told in one sentence
        errors = tuple(_error(one, outcome.config) for one in outcome.fails if code)
    return EndedJob(outcome.id, code, outcome.config, result, errors, saved, text, graph=graph)


def _error(message: str, config: str) -> OptserveError:
    told = {
        "kind": "JobLost",
        "message": message,
        "place": {"file": config},
        "code": LOST,
        "exit_code": 1,
    }
    return errors_of([told])[0]
