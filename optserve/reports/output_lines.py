"""The outputs of a job, a line each."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from optserve.reports.entries import range_text, shape_of
from optserve.reports.numbers import compact, error_text, estimate_text, interval_text, shape_text

if TYPE_CHECKING:
    from optserve.jobs.record.parts import OutputFound

__all__ = ["output_cells", "outputs_lines"]


def outputs_lines(outputs: Mapping[str, OutputFound]) -> Iterator[str]:
    """Of a number its value, standard error and interval; of an array from where to where it is."""
    for name, output in outputs.items():
        told = [f"{name} {shape_text(shape)}" if (shape := shape_of(output.value)) else name]
        yield "  ".join(filter(None, told + output_cells(output)))


def output_cells(output: OutputFound) -> list[str]:
    """The value, its standard error with the interval, or why there is none."""
    if shape_of(output.value):
        without = output.unavailable
        if without and not range_text(output.standard_error):
            without = f"no errors: {without}"
        told = range_text(output.value) or "not finite"
        return [told.removeprefix("all ") if without else told, without]
    if output.value is None:
        return [output.unavailable or "not finite"]
    if output.standard_error is None:
        return [compact(output.value, 8), f"no error: {output.unavailable}"]
    low, high = output.interval
    error = float(output.standard_error)
    return [
        estimate_text(output.value, error),
        f"std. error {error_text(error)}",
        f"{100 * output.level:g}% {interval_text(low, high, error)}",
    ]
