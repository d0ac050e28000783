"""`optserve baseline`: what a job found when it was right, to be compared with."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from optserve.cli.failures import ending
from optserve.cli.shared_options import CONTEXT, AllowPath, Overrides, PluginFiles, Threads
from optserve.cli.streams import output_encoding, write_error, write_output
from optserve.errors import ConfigError

if TYPE_CHECKING:
    from optserve.config.baseline import BaselineEntry
    from optserve.config.schema.config import Baseline
    from optserve.jobs.record.result import Result

__all__ = ["baseline_app"]

baseline_app = typer.Typer(no_args_is_help=True, context_settings={**CONTEXT})

BaselineConfigs = Annotated[
    list[Path],
    typer.Argument(metavar="CONFIGS...", help="Configs with a `baseline`.", show_default=False),
]


@baseline_app.command("update")
def update(
    *,
    configs: BaselineConfigs,
    set_: Overrides,
    threads: Threads = None,
    plugin: PluginFiles,
    allow_path: AllowPath = False,
) -> None:
    """Run configs and write what they find into their baselines.

    What a config expects besides must hold, or nothing is written for it, and the exit code is that
    of the job.
    """
    with ending():
        from optserve.config.baseline import write_entry
        from optserve.jobs.reasons import exit_code

        codes = [0]
        for config in configs:
            name, result, entry, _, file = _found(config, set_, threads, plugin, allow_path)
            codes.append(result.exit_code)
            if result.exit_code:
                fails = [one.message for one in result.expectations if not one.holds]
                why = "; ".join([result.termination.message, *fails])
                write_error(f"{config}: not written, exit {result.exit_code}: {why}")
                continue
            write_entry(file, name, entry)
            write_output(f"  {name}: {len(entry.values)} values in {file}")
        raise typer.Exit(exit_code(codes))


@baseline_app.command("show")
def show(*, configs: BaselineConfigs, set_: Overrides, allow_path: AllowPath = False) -> None:
    """Show what the baselines of configs hold."""
    with ending():
        from optserve.config.baseline import read_entries
        from optserve.reports.text_table import table

        for config in configs:
            name, _, file = _baseline(config, set_, allow_path)
            entry = read_entries(file).get(name)
            if entry is None:
                raise _without(name, file)
            rows = [["path", "value", "standard error"]]
            rows += [
                [path, _text(value), _text(_error(entry, path))]
                for path, value in entry.values.items()
            ]
            write_output(f"{name}  {file}")
            write_output("\n".join(table(rows, align="<>>", encoding=output_encoding())))


@baseline_app.command("diff")
def diff(
    *,
    configs: BaselineConfigs,
    set_: Overrides,
    threads: Threads = None,
    plugin: PluginFiles,
    allow_path: AllowPath = False,
) -> None:
    """Run configs and show how far what they find is from their baselines.

    Nothing is judged: the exit code is 0 wherever there is something to show.
    """
    with ending():
        from optserve.config.baseline import read_entries
        from optserve.reports.text_table import table

        for config in configs:
            name, _, now, _, file = _found(config, set_, threads, plugin, allow_path)
            before = read_entries(file).get(name)
            if before is None:
                raise _without(name, file)
            data = "the same data" if now.data == before.data else "other data"
            rows = [
                ["path", "baseline", "now", "relative", "joint s.e."],
                *_differences(before, now),
            ]
            write_output(f"{name}  {file}, {data}")
            write_output("\n".join(table(rows, align="<>>>>", encoding=output_encoding())))


def _baseline(config: Path, set_: Sequence[str], allow_path: bool) -> tuple[str, Baseline, Path]:
    """The name of the job, what its config says of a baseline, and the file of that."""
    from optserve.config.allowed_paths import FileReach
    from optserve.config.nodes import ScalarNode
    from optserve.config.schema.config import Baseline
    from optserve.config.schema.validation import validated
    from optserve.config.written import read_config

    read = read_config(config, overrides=set_, allow_path=allow_path)
    entry = read.tree.entries.get("baseline")
    if entry is None:
        raise ConfigError(
            f"{config} has no baseline",
            expected="a key such as baseline: {file: baselines/fits.json, rel: 1.0e-6}",
            code="baseline",
        )
    section = validated(Baseline, entry.value)
    node = section.node_of("file")
    assert isinstance(node, ScalarNode)
    return read.name, section, FileReach(config.parent, allow_path).path(node)


def _found(
    config: Path,
    set_: Sequence[str],
    threads: int | None,
    plugin: Sequence[Path],
    allow_path: bool,
) -> tuple[str, Result, BaselineEntry, Baseline, Path]:
    """What a run of the config finds, with what it is to be compared with."""
    from optserve.config import load
    from optserve.config.baseline import entry_of
    from optserve.jobs.run import run

    name, section, file = _baseline(config, set_, allow_path)
    problem = load(
        config, overrides=[*set_, "baseline=null"], plugin_files=plugin, allow_path=allow_path
    )
    result = run(problem, threads=threads)
    return name, result, entry_of(result, problem, section.compare), section, file


def _differences(before: BaselineEntry, now: BaselineEntry) -> Iterator[list[str]]:
    import numpy as np

    for path in dict.fromkeys([*before.values, *now.values]):
        one, two = before.values.get(path), now.values.get(path)
        relative = joint = ""
        if one is not None and two is not None and np.shape(one) == np.shape(two):
            distance = np.abs(np.subtract(two, one))
            with np.errstate(all="ignore"):
                relative = _largest(distance / np.abs(one))
                errors = _error(before, path), _error(now, path)
                if None not in errors:
                    joint = _largest(distance / np.hypot(*errors))
        yield [path, _text(one), _text(two), relative, joint]


def _largest(values: Any) -> str:
    """The largest number, 0 where nothing differs."""
    import numpy as np

    return f"{float(np.max(np.nan_to_num(values, nan=0.0, posinf=np.inf))):.2g}"


def _error(entry: BaselineEntry, path: str) -> Any:
    return entry.standard_errors.get(path.removeprefix("parameters."))


def _text(value: Any) -> str:
    from optserve.reports.numbers import compact

    if value is None:
        return ""
    text = compact(float(value), 9) if isinstance(value, int | float) else str(value)
    return text if len(text) <= 40 else f"{text[:37]}..."


def _without(name: str, file: Path) -> ConfigError:
    return ConfigError(
        f"there is no baseline of '{name}' in {file}",
        remedy="`optserve baseline update CONFIG` runs the job and writes one",
        code="baseline",
    )
