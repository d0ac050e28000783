"""``Unknowns``: what a function is fitted by, as a caller writes it and as parameters of a job."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from optserve.errors import ConfigError, OptserveError
from optserve.fitting.bounds import bounds_of
from optserve.fitting.series import plainly
from optserve.graph.aval import Array, DType, is_traced
from optserve.graph.operands import plain_array
from optserve.jobs.parameters import JobParameter

__all__ = ["Unknowns"]


@dataclass(frozen=True)
class Unknowns:
    """The parameters of a job, and how the argument of a function is made of their values.

    The argument is an array of the shape of the start, or a mapping of arrays where the start is
    one. ``stacked`` says that each parameter is an entry of a vector, because entries have names.

    >>> unknowns = Unknowns.of({"a": 1.0, "b": [2.0, 3.0]}, {"a": (0, None)})
    >>> [(one.name, one.shape) for one in unknowns.parameters]
    [('a', ()), ('b', (2,))]
    >>> Unknowns.of([1.0, 2.0], names=["k", "m"]).argument([np.float64(5.0), np.float64(7.0)])
    array([5., 7.])
    """

    parameters: tuple[JobParameter, ...]
    mapping: bool
    stacked: bool

    @classmethod
    def of(cls, start: Any, bounds: Any = None, names: Sequence[str] | None = None) -> Unknowns:
        """The unknowns that begin at ``start``: a number, an array, or these by name.

        ``bounds`` are pairs (low, high), ``None`` where there is no bound: by name where the start
        is a mapping, else one for all entries or one for each. ``names`` are those of the entries
        of a vector. Raises ``ConfigError`` where they do not fit each other.
        """
        if isinstance(start, Mapping):
            return cls._of_mapping(start, {} if bounds is None else bounds, names)
        array = _started("x0", start)
        low, high = bounds_of("x0", array, bounds)
        if names is None:
            return cls((_parameter("x", array, low, high),), False, False)
        if array.ndim != 1 or len(names) != len(array) or len(set(names)) != len(array):
            raise ConfigError(
                f"{len(names)} names for a start of the shape {array.shape}",
                expected="a vector, and a name of its own for each of its entries",
                code="wrong-start",
            )
        entries = zip(names, array, low, high, strict=True)
        return cls(tuple(_parameter(name, *of_entry) for name, *of_entry in entries), False, True)

    @classmethod
    def _of_mapping(
        cls, start: Mapping[str, Any], bounds: Any, names: Sequence[str] | None
    ) -> Unknowns:
        if names is not None:
            raise ConfigError(
                "names beside a start that has names",
                remedy="leave out `names`: its keys are they",
                code="contradiction",
            )
        if not isinstance(bounds, Mapping) or not bounds.keys() <= start.keys():
            raise ConfigError(
                "the bounds do not name what they bound",
                expected=f"pairs (low, high) by name, of any of {', '.join(map(str, start))}",
                code="contradiction",
            )
        parameters = []
        for name, value in start.items():
            array = _started(str(name), value)
            parameters.append(
                _parameter(str(name), array, *bounds_of(str(name), array, bounds.get(name)))
            )
        if not parameters:
            raise ConfigError(
                "there is nothing to vary", expected="a start with an entry", code="wrong-start"
            )
        return cls(tuple(parameters), True, False)

    @property
    def precision(self) -> DType:
        """float32 where all starts are, else float64."""
        return np.result_type(*(one.init.dtype for one in self.parameters))

    def cast(self) -> tuple[JobParameter, ...]:
        """The parameters in one precision."""
        precision = self.precision
        return tuple(
            JobParameter(
                one.name,
                one.init.astype(precision),
                one.lower.astype(precision),
                one.upper.astype(precision),
                one.fixed,
            )
            for one in self.parameters
        )

    def argument(self, values: Sequence[Any]) -> Any:
        """What a function is called with, of the values of the parameters (traced or not)."""
        if self.mapping:
            return {one.name: value for one, value in zip(self.parameters, values, strict=True)}
        return np.stack(list(values)) if self.stacked else values[0]

    def values(self, argument: Any) -> list[Any]:
        """The values of the parameters in such an argument (traced or not)."""
        if self.mapping:
            parts = [argument[one.name] for one in self.parameters]
        else:
            parts = list(argument) if self.stacked else [argument]
        return [one if is_traced(one) else np.asarray(one) for one in parts]

    def flat(self, argument: Any) -> Array:
        """All entries of an argument in one vector (p,)."""
        if not self.mapping:
            return np.ravel(argument)
        return np.concatenate([np.ravel(argument[one.name]) for one in self.parameters])

    def of_flat(self, entries: Any) -> Any:
        """The argument whose entries are in one vector (p,), traced or not."""
        ends = list(itertools.accumulate(one.init.size for one in self.parameters))
        parts = zip(self.parameters, [0, *ends], ends, strict=False)
        return self.argument([np.reshape(entries[at:end], one.shape) for one, at, end in parts])


def _started(name: str, value: Any) -> Array:
    """``value`` as an array of numbers to start from."""
    try:
        array = plain_array(plainly(value))
        array = array if array.dtype in (np.float32, np.float64) else array.astype(np.float64)
    except (TypeError, ValueError, OptserveError):
        raise ConfigError(
            f"{name} starts at {str(value)[:60]!r}",
            expected="a number, or an array of numbers",
            code="wrong-start",
        ) from None
    if not array.size or not np.isfinite(array).all():
        raise ConfigError(
            f"{name} starts at {str(value)[:60]}", expected="finite numbers", code="wrong-start"
        )
    return array.copy()


def _parameter(name: str, start: Any, low: Any, high: Any) -> JobParameter:
    init = np.asarray(start)
    return JobParameter(name, init, np.asarray(low), np.asarray(high), np.zeros(init.shape, bool))
