"""How far a batch is: a table on a terminal that is rewritten, or a line of a log a job."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from time import perf_counter
from typing import TYPE_CHECKING, Any

from optserve.cli.log import Log, LogFormat
from optserve.cli.streams import is_rewritable

if TYPE_CHECKING:
    from optserve.batch.batch_run import Watcher
    from optserve.batch.job_outcome import JobOutcome

__all__ = ["watching"]

MOST = 20
"""Running jobs that the table shows."""


INTERVAL = 30.0
"""Seconds between two lines that say what runs, where stderr is no terminal."""


@contextmanager
def watching(quiet: bool, log_format: LogFormat) -> Iterator[Watcher | None]:
    """What a batch is watched by; on a terminal nothing of the table stays."""
    if quiet or sys.stderr is None:
        yield None
    elif is_rewritable(sys.stderr) and log_format is LogFormat.text:
        table = _Table()
        try:
            yield table
        finally:
            table.end()
    else:
        yield _Lines(Log(log_format))


class _Lines:
    """A line for each job as it ends, and now and then one that says what runs."""

    def __init__(self, log: Log) -> None:
        self.log = log
        self.due = perf_counter() + INTERVAL
        self.begun: set[str] = set()
        self.done = self.of = 0

    def ended(self, outcome: JobOutcome, done: int, of: int) -> None:
        from optserve.batch.summary import job_line

        self.done, self.of = done, of
        self.begun.discard(outcome.id)
        told = {
            "job": outcome.id,
            "config": outcome.config,
            "ended": outcome.ended,
            "exit_code": outcome.exit_code,
            "reason": outcome.reason,
            "loss": outcome.loss,
            "seconds": outcome.seconds,
            "wall": outcome.wall,
            "cached": outcome.cached,
            "done": done,
            "of": of,
        }
        self.log.write("ended", job_line(outcome, done, of), told)

    def retried(self, outcome: JobOutcome, times: int) -> None:
        self.begun.discard(outcome.id)
        told = {"job": outcome.id, "ended": outcome.ended, "message": outcome.message}
        text = f"{outcome.id}: {outcome.message}; it is run again, retry {times}"
        self.log.write("retried", text, {**told, "retry": times})

    def look(self, running: Sequence[tuple[str, float]]) -> None:
        """Tell what has begun, and every so often what runs."""
        for name, _ in running:
            if name not in self.begun:
                self.begun.add(name)
                self.log.write("began", "", {"job": name})
        if perf_counter() < self.due or not running:
            return
        self.due = perf_counter() + INTERVAL
        of = f" of {self.of}" if self.of else ""
        jobs = ", ".join(f"{name} {seconds:.0f} s" for name, seconds in running[:MOST])
        told = [{"job": name, "seconds": round(seconds, 1)} for name, seconds in running]
        text = f"{self.done}{of} done; running: {jobs}"
        self.log.write("running", text, {"done": self.done, "of": self.of, "running": told})


class _Table:
    """The jobs that run, below a line with what has ended; failed jobs are told above, to stay."""

    def __init__(self) -> None:
        from rich.console import Console

        self.console = Console(stderr=True)
        self.live: Any = None
        self.done = self.of = self.failed = 0

    def ended(self, outcome: JobOutcome, done: int, of: int) -> None:
        from optserve.batch.summary import job_line

        self.done, self.of = done, of
        if not outcome.passed:
            self.failed += 1
            self.console.print(job_line(outcome, done, of), markup=False, highlight=False)

    def retried(self, outcome: JobOutcome, times: int) -> None:
        self.console.print(
            f"{outcome.id}: {outcome.message}; it is run again, retry {times}",
            markup=False,
            highlight=False,
        )

    def look(self, running: Sequence[tuple[str, float]]) -> None:
        """Show the jobs that run and the seconds that they have taken."""
        if self.live is None:
            from rich.live import Live

            # No thread of its own: what has threads is not to be forked.
            self.live = Live(
                console=self.console,
                auto_refresh=False,
                transient=True,
                redirect_stdout=False,
                redirect_stderr=False,
            )
            self.live.start()
        self.live.update(self._shown(running), refresh=True)

    def _shown(self, running: Sequence[tuple[str, float]]) -> Any:
        from rich.table import Table
        from rich.text import Text

        of = f" of {self.of}" if self.of else ""
        failed = f", {self.failed} failed" if self.failed else ""
        table = Table.grid("job", "seconds", padding=(0, 2))
        table.add_row(Text(f"{self.done}{of} done{failed}"), "")
        for name, seconds in running[:MOST]:
            table.add_row(Text(f"  {name}"), Text(f"{seconds:.1f} s", justify="right"))
        return table

    def end(self) -> None:
        """Leave the terminal as it was."""
        if self.live is not None:
            self.live.stop()
