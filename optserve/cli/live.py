"""How far a batch is: a table on a terminal that is rewritten, or a line of a log a job."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from optserve.cli.streams import is_terminal, write_error

if TYPE_CHECKING:
    from optserve.batch.outcome import Outcome
    from optserve.batch.run import Watcher

__all__ = ["watching"]

MOST = 20
"""Running jobs that the table shows."""


@contextmanager
def watching(quiet: bool) -> Iterator[Watcher | None]:
    """What a batch is watched by; on a terminal nothing of the table stays."""
    if quiet or sys.stderr is None:
        yield None
    elif is_terminal(sys.stderr) and os.environ.get("TERM") != "dumb":
        table = _Table()
        try:
            yield table
        finally:
            table.end()
    else:
        yield _Lines()


class _Lines:
    """A line for each job as it ends."""

    def ended(self, outcome: Outcome, done: int, of: int) -> None:
        from optserve.batch.summary import job_line

        write_error(job_line(outcome, done, of))

    def look(self, running: Sequence[tuple[str, float]]) -> None:
        """Nothing is said of what runs."""


class _Table:
    """The jobs that run, below a line with what has ended; failed jobs are told above, to stay."""

    def __init__(self) -> None:
        from rich.console import Console

        self.console = Console(stderr=True)
        self.live: Any = None
        self.done = self.of = self.failed = 0

    def ended(self, outcome: Outcome, done: int, of: int) -> None:
        from optserve.batch.summary import job_line

        self.done, self.of = done, of
        if not outcome.passed:
            self.failed += 1
            self.console.print(job_line(outcome, done, of), markup=False, highlight=False)

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
