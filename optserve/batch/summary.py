"""The summary of a batch that a person reads in a terminal."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

from optserve.batch.batch_run import Batch
from optserve.batch.job_outcome import JobOutcome, errors_of
from optserve.batch.swept import JudgedSweep
from optserve.reports.numbers import compact
from optserve.reports.text_table import table

__all__ = ["job_line", "summary"]

MOST = 60
"""Jobs up to which all are listed; of more only those that did not go well."""


def summary(batch: Batch, *, encoding: str = "utf-8") -> str:
    """A line a job, what failed, and what the batch came to."""
    listed = [one for one in batch.outcomes if len(batch.outcomes) <= MOST or not one.passed]
    lines = _table(listed, encoding) if listed else []
    lines += [line for one in listed for line in _told(one)]
    lines += [line for sweep in batch.sweeps for line in _swept(sweep)]
    lines += _not_judged(batch)
    return "\n".join([*lines, "", *_totals(batch)])


def job_line(outcome: JobOutcome, done: int, of: int) -> str:
    """The line of a log for a job that has ended.

    >>> ended = JobOutcome("fit", "fit.yaml", "result", 0, "gradient", loss=0.5, seconds=1.25)
    >>> job_line(ended, 3, 10)
    '[ 3/10] fit  gradient  loss 0.5  1.2 s'
    """
    parts = [
        f"[{done:>{len(str(of))}}/{of}] {outcome.id}",
        _reason(outcome),
        f"loss {compact(outcome.loss)}" if outcome.loss is not None else "",
        _seconds(outcome),
        f"exit {outcome.exit_code}" if outcome.exit_code else "",
    ]
    return "  ".join(filter(None, parts))


def _table(outcomes: Sequence[JobOutcome], encoding: str) -> list[str]:
    metrics = {
        f"{split} {name}": (split, name)
        for outcome in outcomes
        for split, found in outcome.metrics.items()
        for name in found
        if name != "loss"
    }
    rows = [["job", "reason", "loss", *metrics, "expect", "seconds", "exit"]]
    for one in outcomes:
        found = [one.metrics.get(split, {}).get(name) for split, name in metrics.values()]
        held, of = one.expectations
        rows.append(
            [
                one.id,
                _reason(one),
                "" if one.loss is None else compact(one.loss),
                *("" if value is None else compact(value, 4) for value in found),
                f"{held} of {of}" if of else "",
                _seconds(one).removesuffix(" s"),
                "" if one.exit_code is None else str(one.exit_code),
            ]
        )
    return table(rows, align="<<>" + ">" * len(metrics) + ">>>", encoding=encoding)


def _reason(outcome: JobOutcome) -> str:
    """Why it ended, in a word; of a result that was stored, that it was."""
    reason = outcome.reason if outcome.ended == "result" else outcome.ended
    notes = ["cached"] if outcome.cached else []
    notes += (
        [f"{outcome.retries} retr{'y' if outcome.retries == 1 else 'ies'}"]
        if outcome.retries
        else []
    )
    return f"{reason} ({', '.join(notes)})" if notes else reason


def _seconds(outcome: JobOutcome) -> str:
    seconds = outcome.wall if outcome.seconds is None else outcome.seconds
    return "" if seconds is None else f"{compact(seconds, 2)} s"


def _told(outcome: JobOutcome) -> Iterator[str]:
    """What there is to say of a job that did not go well."""
    if outcome.passed:
        return
    sentences = [*outcome.fails]
    if outcome.exit_code != 4 and not outcome.errors:
        sentences.insert(0, outcome.message)
    for sentence in sentences:
        yield f"  {outcome.id}: {sentence}"
    for error in errors_of(outcome.errors):
        yield from (f"  {line}" for line in error.block(coded=True).splitlines())
    for line in outcome.output.splitlines()[-5:]:
        yield f"    {line}"


def _swept(sweep: JudgedSweep) -> Iterator[str]:
    """The best job of a sweep, and what was expected of all and does not hold."""
    if sweep.value is not None:
        found = f"{sweep.by} {compact(sweep.value)}"
        yield f"  best of {sweep.name}: {sweep.best}  {found}  {sweep.config}"
    yield from (f"  {sweep.name}: {one.message}" for one in sweep.expectations if not one.holds)


def _not_judged(batch: Batch) -> Iterator[str]:
    """The sweeps of which some jobs are here, and some are not: a shard, or those left out. Of a
    batch of what failed before, those too of which none is: they may be what has failed."""
    judged, here = {sweep.name for sweep in batch.sweeps}, {one.id for one in batch.outcomes}
    for sweep in batch.record["sweeps"]:
        found = len(here & {*sweep["jobs"]})
        if sweep["name"] not in judged and (found or batch.record.get("rerun_failed")):
            yield (
                f"  {sweep['name']}: not judged as a sweep, since {found or 'none'} of its "
                f"{len(sweep['jobs'])} jobs {'are' if found > 1 else 'is'} here"
            )


def _totals(batch: Batch) -> Iterator[str]:
    count = len(batch.outcomes)
    passed = sum(one.passed for one in batch.outcomes)
    words = [f"{passed} of {count} job{'' if count == 1 else 's'} passed"]
    kinds = Counter(
        one.ended if one.ended != "result" else f"exit {one.exit_code}"
        for one in batch.outcomes
        if not one.passed
    )
    cached = sum(one.cached for one in batch.outcomes)
    words += [f"{cached} from the cache"] if cached else []
    words += [f"{number} {kind}" for kind, number in sorted(kinds.items())]
    last = f"  {', '.join(words)}; {compact(batch.seconds, 3)} s; exit {batch.exit_code}"
    yield f"{last}  {batch.folder / 'batch.json'}"
