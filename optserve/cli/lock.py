"""`optserve lock`: write down what is differentiated, to be told when it changes."""

from __future__ import annotations

from optserve.cli.batch_options import Configs
from optserve.cli.failures import ending
from optserve.cli.shared_options import AllowPath, PluginFiles
from optserve.cli.streams import output_encoding, write_output

__all__ = ["lock"]


def lock(
    *,
    configs: Configs,
    plugin: PluginFiles,
    allow_path: AllowPath = False,
) -> None:
    """Write down which graphs and rules configs rest on.

    `optserve.lock`, beside the configs, holds digests of the graphs of the loss and of its
    derivatives, of the rules of the functions in them, the numerical conventions, and values at a
    few points. `optserve check --locked` says what of that has changed. What has not changed stays
    as it is in the file.
    """
    with ending():
        from optserve.batch.lock.locking import Opening, lock_configs
        from optserve.batch.named_configs import config_files
        from optserve.reports.text_table import table

        opening = Opening((*plugin,), allow_path)
        rows = [["config", "", "jobs", "parameters", "rules", "points"]]
        notes, files = list[str](), dict[str, None]()
        for one in lock_configs(config_files(configs), opening):
            counts = (one.jobs, one.parameters, one.rules, one.points)
            rows.append([str(one.config), one.state, *map(str, counts)])
            files[str(one.file)] = None
            if one.without:
                notes.append(f"  {one.config}: no values at points: {one.without}")
        lines = [*table(rows, align="<<>>>>", encoding=output_encoding()), *notes]
        write_output("\n".join([*lines, "", f"  written: {', '.join(files)}"]))
