"""``Answer``: what a fit of a function came to, under SciPy's names, and the whole result."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from numbers import Real
from typing import Any

import numpy as np

from optserve.fitting.series import plainly
from optserve.fitting.unknowns import Unknowns
from optserve.graph.aval import Array
from optserve.jobs.packing import entry_label
from optserve.jobs.record.result import Result
from optserve.reports.text import text_report

__all__ = ["Answer", "CurveFit", "LeastSquares", "Minimum"]


@dataclass(frozen=True)
class Answer:
    """The best point, and what is known of it.

    ``x`` has the shape of the start, or is a dict where the start is one. ``success`` says that it
    is verified to be a minimum; where it is not, ``message`` says why. ``status`` is the exit
    code that a job has on the command line: 0, 3 (not converged) or 5 (not finite). ``nfev`` counts
    evaluations of the function with its derivative, ``nit`` steps. ``result`` is everything
    else, as `result.json` holds it; printing an answer prints its report.
    """

    x: Any
    success: bool
    status: int
    message: str
    nfev: int
    nit: int
    result: Result = field(repr=False)
    unknowns: Unknowns = field(repr=False)

    def __str__(self) -> str:
        return text_report(self.result)

    def _repr_html_(self) -> str:
        return self.result._repr_html_()

    def to_dict(self) -> dict[str, Any]:
        """All that ``result.json`` holds, as plain dicts, lists, numbers and texts."""
        return self.result.to_dict()

    def to_dataframe(self) -> Any:
        """A ``pandas.DataFrame`` with a row for each entry of ``x``: see ``Result``."""
        return self.result.to_dataframe()

    @property
    def standard_errors(self) -> Any:
        """Of the entries of ``x``, in its form; NaN where there is none."""
        return self._formed(self.result.standard_errors)

    @property
    def intervals(self) -> Any:
        """Confidence intervals of level ``result.level``: ``x`` with one more axis, of two ends."""
        return self._formed(self.result.intervals)

    def _formed(self, numbers: Any) -> Any:
        names = [one.name for one in self.unknowns.parameters]
        return self.unknowns.argument([np.asarray(numbers[name], np.float64) for name in names])


@dataclass(frozen=True)
class Minimum(Answer):
    """What ``minimize`` found: ``fun`` is the value of the function, ``jac`` its gradient."""

    @property
    def fun(self) -> float:
        """The least value that was found; NaN where there is none."""
        return np.nan if self.result.loss is None else self.result.loss

    @property
    def jac(self) -> Any:
        """The gradient, in the form of ``x``."""
        return self._formed(self.result.gradient)


@dataclass(frozen=True)
class LeastSquares(Answer):
    """What ``least_squares`` found. ``residuals`` and ``jacobian`` compute theirs at a point."""

    residuals: Callable[[Any], Array] = field(repr=False)
    jacobian: Callable[[Any], Array] = field(repr=False)

    @property
    def fun(self) -> Array:
        """The residuals."""
        return self.residuals(self.x)

    @property
    def cost(self) -> float:
        """Half of the sum of squares, as SciPy's ``cost``."""
        return np.nan if self.result.loss is None else 0.5 * self.result.loss

    @property
    def jac(self) -> Array:
        """The derivatives of the residuals, of shape (n, p), p counting the entries of ``x``."""
        return self.jacobian(self.x)

    @property
    def covariance(self) -> Array:
        """Of the entries of ``x``, of shape (p, p); infinite where the data do not determine them.

        It is scaled by the residuals: RSS / (n - p) times the inverse of J'J. Of more than 100
        entries a result keeps the standard errors alone, and the covariance is NaN.
        """
        labels = [
            entry_label(one.name, one.shape, position)
            for one in self.unknowns.parameters
            for position in range(one.init.size)
        ]
        places = {label: place for place, label in enumerate(labels)}
        kept = self.result.covariance is not None or not self.result.labels
        whole = np.full((len(places), len(places)), np.inf if kept else np.nan)
        if self.result.covariance:
            at = [places[label] for label in self.result.labels]
            whole[np.ix_(at, at)] = np.asarray(self.result.covariance, np.float64)
        return whole


@dataclass(frozen=True)
class CurveFit(LeastSquares):
    """What ``curve_fit`` found; it unpacks, and is indexed, as SciPy's pair (popt, pcov).

    ``model`` is the function that was fitted.
    """

    model: Callable[..., Any] = field(repr=False)

    @property
    def popt(self) -> Array:
        """The best parameters, in the order in which the model takes them."""
        return np.array([self.x[one.name] for one in self.unknowns.parameters])

    @property
    def pcov(self) -> Array:
        """Their covariance (p, p)."""
        return self.covariance

    def predict(self, xdata: Any) -> Array:
        """What the model gives at ``xdata`` with the best parameters; a list of numbers is an
        array of them, as in the fit."""
        given = plainly(xdata)
        if isinstance(given, list | tuple) and all(isinstance(one, Real) for one in given):
            given = np.asarray(given, np.float64)
        return np.asarray(self.model(given, *self.popt))

    def __iter__(self) -> Iterator[Array]:
        return iter((self.popt, self.pcov))

    def __len__(self) -> int:
        return 2

    def __getitem__(self, index: int) -> Array:
        return (self.popt, self.pcov)[index]
