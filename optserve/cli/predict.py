"""`optserve predict`: what a fit says of new data."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from optserve.cli.failures import ending
from optserve.cli.finished import RunFolder, check_new_file, write_file
from optserve.cli.shared_options import AllowPath, PluginFiles
from optserve.cli.streams import write_error, write_output

if TYPE_CHECKING:
    from optserve.jobs.record.predicted import Predicted

__all__ = ["predict"]


def predict(
    *,
    run: RunFolder,
    data: Annotated[
        Path, typer.Option("--data", metavar="FILE", help="The new rows, as a file of data.")
    ],
    value: Annotated[
        str,
        typer.Option(
            metavar="EXPRESSION", help="What to compute; by default `predicted` of least_squares."
        ),
    ] = "",
    out: Annotated[
        Path | None, typer.Option(metavar="FILE.csv", help="Write it to a new file, not to stdout.")
    ] = None,
    replace: Annotated[
        bool, typer.Option("--replace", help="Let --out take the place of a file that is there.")
    ] = False,
    plugin: PluginFiles,
    allow_path: AllowPath = False,
) -> None:
    """Predict for new rows with the estimates of a run.

    The answer is a table in CSV. With error bars each row has the standard error and the interval
    of what is predicted, and the one in which a new observation lies. The config of the run and its
    data must be where they were.
    """
    with ending():
        import numpy as np

        from optserve.cli.finished import check_unchanged, finished
        from optserve.config.predicting import new_rows
        from optserve.jobs.record.predicted import predicted
        from optserve.jobs.record.tables import beside, table_csv

        if out is not None:
            _check_new(out, data, replace=replace)
        _, result, config = finished(run)
        rows = new_rows(config, data, value, plugin_files=plugin, allow_path=allow_path)
        check_unchanged(result, rows.provenance)
        found = predicted(result, rows.graph, rows.data)
        # The spread of a residual is that of what was observed, in a row of weight 1.
        if value or rows.weighted:
            found = found._replace(new_low=None, new_high=None)
        if found.unavailable:
            write_error(f"no error bars: {found.unavailable}")
        names = [*rows.given]
        each = max(int(np.size(found.value)) // max(len(found.value), 1), 1)
        table = {name: np.repeat(rows.given[name], each) for name in names}
        text = table_csv(beside(table, _columns(found), "data"))
        if out is None:
            write_output(text.rstrip("\n"))
        else:
            write_file(out, text)


def _columns(found: Predicted) -> Mapping[str, Any]:
    import numpy as np

    names = {"value": "predicted"}
    columns = {names.get(name, name): one for name, one in found._asdict().items()}
    return {
        name: np.ravel(np.asarray(one, np.float64))
        for name, one in columns.items()
        if one is not None and name != "unavailable"
    }


def _check_new(out: Path, data: Path, *, replace: bool) -> None:
    """Refuse to take the place of a file that is there, and of the new rows in any case."""
    from optserve.errors import ConfigError

    if out.exists() and data.exists() and out.samefile(data):
        raise ConfigError(
            f"--out {out} is the file that holds the new rows",
            expected="a new file",
            remedy="give another name",
            code="usage",
        )
    check_new_file(out, replace=replace)
