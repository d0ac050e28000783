"""``Elsewhere``: an executor has the jobs of a batch done, and what they leave is written here."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path, PurePosixPath

from optserve.batch.executor import Executor, Order, Reply, ordered
from optserve.batch.job import BatchOptions, Job
from optserve.batch.pool import Done, Task
from optserve.errors import PluginError
from optserve.jobs.interruption import Interruption
from optserve.jobs.record.artefacts import room

__all__ = ["Elsewhere"]


class Elsewhere:
    """Does tasks as a pool does, by an ``executor``.

    What a task is asked for is the number of its job. Of a job that is answered twice, the second
    answer is passed over; ``digests`` are those of what jobs depend on, by number.
    """

    def __init__(
        self,
        executor: Executor,
        jobs: Sequence[Job],
        options: BatchOptions,
        folders: Mapping[str, Path],
        digests: Mapping[int, Mapping[str, str]],
        interruption: Interruption,
    ) -> None:
        self.executor = executor
        self.jobs, self.options, self.folders, self.digests = jobs, options, folders, digests
        self.interruption = interruption
        self.watching: Callable[[Sequence[tuple[Job, float]]], None] | None = None
        self.stopped = False

    def stop(self) -> None:
        """Begin no other task."""
        self.stopped = True

    def run(self, tasks: Iterable[Task[Job]]) -> Iterator[Done[Job]]:
        """Have ``tasks`` done; gives each as it ends. Those that did not begin are not given."""
        waiting, left = dict[int, Order](), iter(tasks)

        def orders() -> Iterator[Order]:
            for task in left:
                number = int(task.request)
                digests = self.digests.get(number, {})
                waiting[number] = ordered(number, task.of, self.options, digests)
                yield waiting[number]

        for reply in self.executor(orders(), self._is_over):
            if waiting.pop(reply.number, None) is not None:
                yield self._done(reply)
        if not self._is_over():
            [*orders()]  # of which it has taken none
            for order in [*waiting.values()]:
                yield self._done(order.failed("the executor gave no reply"))

    def _is_over(self) -> bool:
        if self.watching is not None:
            self.watching([])
        return self.stopped or self.interruption.reason is not None

    def _done(self, reply: Reply) -> Done[Job]:
        job = self.jobs[reply.number]
        folder = self.folders[job.id]
        if reply.files:
            with room(job.id, out=folder) as place:
                for name, content in reply.files.items():
                    _write(place.folder, name, content)
                place.become()
        messages = tuple(
            {**message, "folder": folder.name} if "folder" in message else message
            for message in reply.done.messages
        )
        return Done(**{**vars(reply.done), "of": job, "messages": messages})


def _write(folder: Path, name: str, content: bytes) -> None:
    """Write a file of a reply, which is in ``folder`` or nowhere."""
    path = PurePosixPath(name)
    if path.is_absolute() or ".." in path.parts:
        raise PluginError(
            f"an executor replied with a file outside of the folder of its job: {name}",
            expected="what `order.do()` returned",
        )
    (folder / path).parent.mkdir(parents=True, exist_ok=True)
    (folder / path).write_bytes(content)
