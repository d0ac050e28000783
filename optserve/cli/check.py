"""`optserve check`: everything up to a compiled problem, without a step."""

from __future__ import annotations

import json
import textwrap
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from optserve.cli.failures import ending
from optserve.cli.shared_options import (
    AllowPath,
    ConfigFile,
    Format,
    OutputFormat,
    Overrides,
    PluginFiles,
)
from optserve.cli.streams import output_encoding, write_output
from optserve.errors import ConfigError

if TYPE_CHECKING:
    from optserve.jobs.evidence.identification.identification import Identification
    from optserve.jobs.parameters import JobParameter
    from optserve.jobs.preparation import Prepared
    from optserve.jobs.problem import Problem

__all__ = ["check"]

NOT_IDENTIFIED = 4
"""The exit code where the data do not tell all parameters apart: what was asked for does not hold,
as with `expect`, and no key of the config is wrong."""

CheckLocked = Annotated[
    bool,
    typer.Option(
        "--locked",
        help="Hold it against the optserve.lock beside it; exit code 4 where a derivative, a rule "
        "or a convention has changed.",
    ),
]

CheckIdentify = Annotated[
    bool,
    typer.Option(
        "--identify",
        help="Tell which parameters the data cannot tell apart, by derivatives at the start and "
        "about it; exit code 4 where there are any.",
    ),
]


def check(
    *,
    config: ConfigFile,
    set_: Overrides,
    locked: CheckLocked = False,
    identify: CheckIdentify = False,
    plugin: PluginFiles,
    allow_path: AllowPath = False,
    output: OutputFormat = Format.text,
) -> None:
    """Check a config without running it.

    Everything is read, traced, differentiated and compiled, and nothing is evaluated. Lists the
    parameters, the data that the loss uses, and who provides the functions in it; or else all that
    is wrong, in JSON each with a code. With `--locked` all jobs of a sweep are held against the
    lock, and nothing is listed. With `--identify` derivatives are evaluated, and nothing is
    descended.
    """
    with ending(output):
        from optserve.config import load
        from optserve.jobs.evidence.reach import warnings_of
        from optserve.jobs.preparation import prepare

        if locked:
            if identify:
                raise ConfigError(
                    "--locked lists nothing that --identify could tell of",
                    expected="one of both",
                    code="usage",
                )
            _hold_lock(config, set_, plugin, allow_path, output)
            return
        problem = load(config, overrides=set_, plugin_files=plugin, allow_path=allow_path)
        job = prepare(problem)
        job.compile()
        warnings = [*job.problem.warnings, *warnings_of(problem)]
        found = _identified(job) if identify else None
        exit_code = 0 if found is None or found.identified else NOT_IDENTIFIED
        if output is Format.json:
            told = {"name": problem.name, "warnings": warnings, "exit_code": exit_code}
            if found is not None:
                from optserve.reports.identified import identification_json

                told["identification"] = identification_json(found)
            if problem.levels:
                told["levels"] = {name: list(texts) for name, texts in problem.levels.items()}
            write_output(json.dumps(told, indent=2))
        else:
            write_output("\n".join(_listing(problem, warnings, found)))
        if exit_code:
            raise typer.Exit(exit_code)


def _identified(job: Prepared) -> Identification:
    """What the data tell apart at the first start of a job."""
    from optserve.jobs.evidence.identification.identification import identification

    return identification(job.evaluator, job.starts[0])


def _hold_lock(
    config: Path,
    set_: Sequence[str],
    plugin: Sequence[Path],
    allow_path: bool,
    output: Format,
) -> None:
    """Hold all jobs of a config against its lock."""
    from optserve.batch.lock.locking import Opening, check_locked

    if set_:
        raise ConfigError(
            "--set changes what is held against the lock",
            expected="--locked without --set: the lock is that of the config as it stands",
            code="usage",
        )
    found = check_locked(config, Opening((*plugin,), allow_path))
    if output is Format.json:
        write_output(json.dumps({"name": config.stem, **asdict(found), "exit_code": 0}, indent=2))
    else:
        jobs = f"{found.jobs} job{'' if found.jobs == 1 else 's'}"
        write_output(
            f"{config}  {jobs}: graphs, {found.rules} rules, {found.conventions} conventions and "
            f"{found.points} points as in {config.parent / 'optserve.lock'}"
        )


def _listing(
    problem: Problem, warnings: Sequence[str], found: Identification | None
) -> Iterator[str]:
    from optserve.reports.levels import levels_lines
    from optserve.reports.text_table import table

    yield f"{problem.name}  {_objective(problem)}"
    yield ""
    rows = [["parameter", "shape", "start", "limits"]]
    rows += [_parameter(parameter) for parameter in problem.parameters]
    yield from table(rows, encoding=output_encoding())
    if problem.objective.data:
        yield ""
        yield from table(
            [["data", "type", "shape", ""], *_data(problem)], encoding=output_encoding()
        )
    if problem.levels:
        yield ""
    yield from (f"  levels  {line}" for line in levels_lines(problem.levels))
    yield from _rows(problem)
    yield ""
    yield from table(
        [["provider", "functions used"], *_functions(problem)], encoding=output_encoding()
    )
    if warnings:
        yield ""
    yield from (f"  warning  {warning}" for warning in warnings)
    yield ""
    if found is not None:
        from optserve.reports.identified import identification_lines

        yield from identification_lines(found)
        yield ""
    yield "  no mistake was found; nothing was run"


def _objective(problem: Problem) -> str:
    kind = problem.objective.kind.replace("_", " ")
    method = problem.optimizer.name if problem.optimizer is not None else "evaluated once"
    starts = len(problem.starts) + 1
    words = [kind, method, f"{starts} start{'s' if starts > 1 else ''}", problem.precision]
    if problem.minibatch is not None:
        words.append(f"batches of {problem.minibatch.rows} rows")
    return ", ".join(words)


def _parameter(parameter: JobParameter) -> list[str]:
    from optserve.reports.numbers import shape_text, values_text

    limits = []
    if parameter.transform is not None:
        limits.append(parameter.transform.domain)
    if (parameter.lower > -float("inf")).any() or (parameter.upper < float("inf")).any():
        limits.append(f"in [{values_text(parameter.lower)}, {values_text(parameter.upper)}]")
    if parameter.fixed.any():
        limits.append("fixed" if parameter.fixed.all() else f"{parameter.fixed.sum()} fixed")
    return [
        parameter.name,
        shape_text(parameter.shape),
        values_text(parameter.init),
        ", ".join(limits),
    ]


def _data(problem: Problem) -> Iterator[list[str]]:
    from optserve.graph.streamed import Streamed
    from optserve.reports.numbers import shape_text

    for name, array in problem.objective.data.items():
        streamed = "read in blocks" if isinstance(array, Streamed) else ""
        yield [name, array.dtype.name, shape_text(array.shape), streamed]


def _rows(problem: Problem) -> Iterator[str]:
    """Which rows are used, where that is not simply all of them, what is computed of each split,
    and of the estimates."""
    splits = {"train": problem.objective.data, **problem.held_out}
    if problem.rows_used != problem.rows_read or problem.held_out:
        counts = [f"{name} {_row_count(problem, arrays)}" for name, arrays in splits.items()]
        parts = f": {', '.join(counts)}" if problem.held_out else ""
        yield ""
        yield f"  {problem.rows_used} of {problem.rows_read} rows{parts}"
    if problem.metrics is not None:
        yield ""
        names = ", ".join(problem.metrics.names)
        yield f"  metrics  {names}, computed of the rows of {' and of '.join(splits)}"
    if problem.outputs:
        from optserve.reports.numbers import shape_text

        named = (f"{one.name} {shape_text(one.shape)}" for one in problem.outputs)
        yield ""
        yield f"  outputs  {', '.join(named)}"


def _row_count(problem: Problem, arrays: Mapping[str, Any]) -> int:
    """The rows of the table of the loss in one split."""
    from optserve.graph.interpret import bind_rows

    inputs = problem.objective.graph.inputs[len(problem.parameters) :]
    return max(bind_rows(inputs, list(arrays.values())).values(), default=0)


def _functions(problem: Problem) -> Iterator[list[str]]:
    """The primitives of the loss, by who provides them, with how often each stands there."""
    providers = {
        provided.primitive: f"{provided.distribution} {provided.version}"
        for provided in problem.third_party
    }
    used = Counter(e.primitive for e in problem.objective.graph.all_equations())
    for provider in ("optserve", *dict.fromkeys(providers.values())):
        own = [one for one in used if providers.get(one, "optserve") == provider]
        uses = sorted(one.name if used[one] == 1 else f"{one} ({used[one]})" for one in own)
        for number, line in enumerate(textwrap.wrap(", ".join(uses), width=80)):
            yield [provider if number == 0 else "", line]
