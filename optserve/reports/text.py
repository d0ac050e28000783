"""The report of a job that a person reads in a terminal."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from optserve.errors import OptserveError
from optserve.jobs.evidence.direction_names import listed
from optserve.reports.correlations import correlations_lines
from optserve.reports.estimates import estimates
from optserve.reports.levels import levels_lines
from optserve.reports.numbers import compact, share_text, significant
from optserve.reports.output_lines import outputs_lines
from optserve.reports.uncertainties import (
    contours_lines,
    profiles_lines,
    uncertainties_lines,
)

if TYPE_CHECKING:
    from optserve.jobs.record.parts import Certified, FitFound
    from optserve.jobs.record.result import Result

__all__ = ["facts", "quality", "text_report"]

_GAP = "   "
_WIDTH = 100
"""Of a line of the report, where it can be broken."""
_SAME = 1e-6
"""Relative difference of two losses up to which two starts count as having found the same."""


def text_report(
    result: Result, path: str = "", exit_code: int | None = None, *, encoding: str = "utf-8"
) -> str:
    """The report; ``path`` is where the result was saved, "" where it was not.

    ``exit_code`` is that of the process, where it is another than that of the result; ``encoding``
    that of where the report is shown, so that its columns are aligned there.
    """
    code = result.termination.exit_code if exit_code is None else exit_code
    told = [*_told(result, path, code)]
    parts = [[_headline(result)], estimates(result, encoding), _failure(result), told]
    return "\n\n".join("\n".join(part) for part in parts if part)


def _headline(result: Result) -> str:
    count = result.evaluations
    effort = f"{count} evaluation{'' if count == 1 else 's'}, {compact(result.seconds, 2)} s"
    return f"{result.name}  {result.termination.message}{_GAP}{effort}"


def _told(result: Result, path: str, exit_code: int) -> Iterator[str]:
    yield f"  {_GAP.join(quality(result))}"
    told = [
        *facts(result),
        *(("warning", sentence) for sentence in result.warnings),
        ("used", _used(result)),
        *(("plugins", sentence) for sentence in _plugins(result.plugins)),
        *(("fails", found.message) for found in result.expectations if not found.holds),
    ]
    for label, fact in told:
        yield from _wrapped(label, fact)
    last = f"  {'expect':<8} {_expected(result)}; exit {exit_code}"
    yield f"{last:<48}  {path}".rstrip()


def facts(result: Result) -> Iterator[tuple[str, str]]:
    """What there is to know of the end, beside how good it is: labels, and a sentence to each."""
    yield from (("probe", f"{label}  {_probe(value)}") for label, value in result.probes.items())
    yield from (("output", line) for line in outputs_lines(result.outputs))
    yield from (("errors", line) for line in uncertainties_lines(result))
    yield from (("profile", line) for line in profiles_lines(result))
    yield from (("contour", line) for line in contours_lines(result))
    yield from (("corr.", line) for line in correlations_lines(result))
    yield from (("metrics", split) for split in _metrics(result))
    yield from (("starts", sentence) for sentence in _starts(result))
    yield from (("evidence", sentence) for sentence in _evidence(result))
    yield from (("levels", line) for line in levels_lines(result.levels))
    yield from (("note", sentence) for sentence in _notes(result))


def _wrapped(label: str, fact: str) -> Iterator[str]:
    """A fact under its label, on as many lines as it needs; what has columns stays as it is."""
    lines = textwrap.wrap(fact, _WIDTH - 11, break_long_words=False, break_on_hyphens=False)
    lines = lines if _GAP not in fact else [fact]
    for number, line in enumerate(lines):
        yield f"  {'' if number else label:<8} {line}"


def quality(result: Result) -> Iterator[str]:
    """How good the answer is: the sum of squares and what belongs to it, or the loss."""
    fit = result.fit
    if fit is None or not _same(fit.sum_of_squares, result.loss):
        yield _loss(result)
    if fit is not None:
        yield from _fit(fit)
    elif result.log_likelihood is not None and result.loss != -result.log_likelihood:
        yield f"log likelihood {compact(result.log_likelihood, 8)}"
    if result.log_prior is not None:
        yield f"log prior {compact(result.log_prior, 8)}"
    for name, value in (("AIC", result.aic), ("BIC", result.bic)):
        if value is not None:
            yield f"{name} {value:.2f}"


def _fit(fit: FitFound) -> Iterator[str]:
    error = fit.residual_standard_error
    vanished = fit.sum_of_squares == 0 and error
    yield f"sum of squares {'below 1e-308' if vanished else compact(fit.sum_of_squares, 6)}"
    if error is not None:
        yield f"residual s.e. {significant(error, 5) if error else '0'}"
    if fit.reduced_chi_square is not None:
        chance = "" if fit.chi_square_p is None else f" (p {compact(fit.chi_square_p, 2)})"
        yield f"reduced chi-square {compact(fit.reduced_chi_square, 4)}{chance}"
    if fit.r_squared is not None:
        yield f"R2 {share_text(fit.r_squared)}"


def _starts(result: Result) -> Iterator[str]:
    """Of several starts, how many found the best."""
    if len(result.starts) < 2 or result.loss is None:
        return
    losses = [start.loss for start in result.starts]
    same = sum(_same(loss, result.loss) for loss in losses)
    name, sign = _name_of_loss(result)
    told = f"{same} of {len(losses)} reach {name} {compact(sign * result.loss)}"
    others = sorted(loss for loss in losses if loss is not None and not _same(loss, result.loss))
    if others:
        listed = ", ".join(compact(sign * loss) for loss in others[:5])
        told += f"; the others {listed}{', ...' if others[5:] else ''}"
    failed = losses.count(None)
    yield told + (f"; {failed} failed" if failed else "")


def _evidence(result: Result) -> Iterator[str]:
    """What shows that the end is a minimum or speaks against it; nothing if not examined."""
    found = result.evidence
    if found.predicted_decrease is None and not found.directions:
        return
    told = [] if found.moved else ["nothing moved"]
    if found.predicted_decrease is not None:
        told.append(f"a Newton step would lower the loss by {compact(found.predicted_decrease, 2)}")
    if found.least_curvature is not None:
        told.append(f"least curvature {compact(found.least_curvature, 2)}")
    told += [f"{one.kind}: {listed(one.parameters)}" for one in found.directions]
    yield "; ".join(told)


def _metrics(result: Result) -> Iterator[str]:
    """One line a split of the data."""
    width = max(map(len, result.metrics), default=0)
    name_of_loss, sign = _name_of_loss(result)
    for split, found in result.metrics.items():
        shown = [f"{name} {_probe(value)}" for name, value in found.items() if name != "loss"]
        if (loss := found.get("loss", ...)) is not ...:
            shown.insert(0, f"{name_of_loss} {_probe(loss and sign * loss)}")
        yield f"{split:<{width}}  {_GAP.join(shown)}"


def _notes(result: Result) -> Iterator[str]:
    """Why no parameter has a standard error, where a person may expect one; what else to know."""
    usable = result.termination.exit_code in (0, 3, 4)
    wanted = result.objective != "loss" and result.termination.reason != "evaluated"
    reasons = {*result.unavailable.values()}
    if usable and wanted and result.uncertainty == "none" and len(reasons) == 1:
        yield f"no standard errors: {reasons.pop()}"
    yield from result.notes


def _used(result: Result) -> str:
    used = result.used
    parts = [f"{used.backend} ({_chosen(used.backend_given)})"]
    if used.equations_on_numpy:
        parts.append(f"{used.equations_on_numpy} of {used.equations} equations on NumPy")
    parts.append(used.precision)
    if result.termination.reason != "evaluated":
        parts.insert(0, f"{used.optimizer} ({_chosen(used.optimizer_given)})")
    if used.rows_used is not None:
        parts.append(f"{used.rows_used} of {used.rows_read} rows")
    return ", ".join(parts)


def _chosen(given: bool) -> str:
    return "given" if given else "auto"


def _plugins(certificates: Sequence[Certified]) -> Iterator[str]:
    """One sentence a plugin: how many of its rules the loss uses, and whether they passed."""
    plugins = dict.fromkeys((one.distribution, one.version) for one in certificates)
    for plugin in plugins:
        rules = [one for one in certificates if (one.distribution, one.version) == plugin]
        failed = [one.primitive for one in rules if not one.passed]
        certified = f"{', '.join(failed)} failed" if failed else "certified"
        count = f"{len(rules)} rule{'' if len(rules) == 1 else 's'} used"
        yield f"{' '.join(plugin).strip()}: {count}, {certified}"


def _expected(result: Result) -> str:
    count = len(result.expectations)
    held = sum(found.holds for found in result.expectations)
    return f"{held} of {count} hold" if count else "nothing expected"


def _failure(result: Result) -> list[str]:
    """What made the numbers not finite: the expression, what it was given, what to do."""
    failure = result.failure
    if failure is None:
        return []
    given = f", given {' and '.join(failure.operands)}" if failure.operands else ""
    error = OptserveError(f"{failure.message}{given}", place=failure.place, remedy=failure.remedy)
    return [f"  {line}" for line in error.block().splitlines()]


def _probe(value: Any) -> str:
    if isinstance(value, list):
        return "; ".join(map(_probe, value))
    if isinstance(value, Mapping):
        return ", ".join(f"{name} {_probe(number)}" for name, number in value.items())
    return "not finite" if value is None else compact(value, 8)


def _same(loss: float | None, best: float | None) -> bool:
    if loss is None or best is None:
        return False
    return abs(loss - best) <= _SAME * max(abs(loss), abs(best)) or loss == best


def _loss(result: Result) -> str:
    name, sign = _name_of_loss(result)
    if result.loss is None:
        return (
            f"{name} and gradient nowhere finite" if result.evaluations else f"{name} not evaluated"
        )
    return f"{name} {compact(sign * result.loss, 8)}"


def _name_of_loss(result: Result) -> tuple[str, float]:
    """What the loss is called, and the sign with which it is shown: that of a log likelihood,
    unless a penalty is part of the loss; of a posterior where parameters have priors."""
    maximized = result.objective == "log_likelihood"
    if maximized and result.log_prior is not None:
        return "log posterior", -1.0
    if maximized and result.loss in (None, -(result.log_likelihood or 0.0)):
        return "log likelihood", -1.0
    return "loss", 1.0
