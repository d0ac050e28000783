"""Random terms: numbers drawn from a density, as operations that stand in graphs.

A density that says how it is drawn from (``Facts.draws``) has a random term of the name without
``_logpdf`` or ``_logpmf``, and of its parameters: ``normal(mean, std)`` draws that of which
``normal_logpdf(x, mean, std)`` is the log density. Nothing else has one.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Mapping, Sequence
from inspect import Parameter
from typing import TYPE_CHECKING, Any, NoReturn

import numpy as np

from optserve.errors import ShapeError
from optserve.graph.aval import Array, Aval, DType
from optserve.graph.axes import aligned
from optserve.graph.primitive import Primitive, Value
from optserve.primitives.constructors import opaque

if TYPE_CHECKING:
    from numpy.random import Generator  # imported when first used: it takes its time

__all__ = [
    "densities_of",
    "draw",
    "drawn_of",
    "parameters_of",
    "random_densities",
    "random_name",
    "random_term",
]

_SUFFIXES = "_logpdf", "_logpmf"


def _no_number(*_operands: Value, density: Primitive, number: int) -> NoReturn:
    raise TypeError(f"a random term of {density.name} is drawn, and not computed")


def _shape(*avals: Aval, density: Primitive, number: int) -> Aval:
    precision = avals[0].dtype
    dtype = _dtype(density, len(avals))
    return Aval(avals[0].shape, precision if dtype.kind == "f" else dtype)


random_term = opaque(
    "random_term",
    _no_number,
    shape=_shape,
    axes=aligned,
    arguments=lambda *operands, density, number: (
        operands,
        {"density": density, "number": number},
    ),
    internal=True,
    doc="""
    Draws of a ``density`` at parameters of one shape: a number for each entry. The ``number`` of
    the term in its expression tells it from others of the same parameters.
    """,
)


def random_name(density: Primitive) -> str:
    """What the random term of a density is called; nothing where it has none.

    >>> from optserve.primitives.densities.counts import poisson_logcdf, poisson_logpmf
    >>> random_name(poisson_logpmf), random_name(poisson_logcdf)
    ('poisson', '')
    """
    suffix = next((one for one in _SUFFIXES if density.name.endswith(one)), "")
    has_one = suffix and density.facts.draws is not None
    return density.name.removesuffix(suffix) if has_one else ""


def densities_of(names: Iterable[str]) -> Iterable[str]:
    """What the densities of random terms of these names may be called.

    >>> [*densities_of(["normal"])]
    ['normal_logpdf', 'normal_logpmf']
    """
    return (name + suffix for name in names for suffix in _SUFFIXES)


def random_densities(primitives: Iterable[Primitive]) -> Mapping[str, Primitive]:
    """The densities among ``primitives`` that have random terms, by the names of these.

    >>> from optserve.primitives.densities.normal import normal_logpdf, normal_logsf
    >>> random_densities([normal_logpdf, normal_logsf])
    {'normal': normal_logpdf}
    """
    return {name: one for one in primitives if (name := random_name(one))}


def parameters_of(density: Primitive) -> Sequence[Parameter]:
    """The parameters of a random term: those of the density, after the value.

    One that ``draws`` takes by its name alone must be named: NumPy's method of that name takes
    another number there.

    >>> from optserve.primitives.densities.gamma import gamma_logpdf
    >>> [str(one) for one in parameters_of(gamma_logpdf)], parameters_of(gamma_logpdf)[1].kind
    (['shape', 'rate'], <_ParameterKind.KEYWORD_ONLY: 3>)
    """
    _, *names = density.call.signature.parameters
    named, by_name, either = (
        _named(density),
        Parameter.KEYWORD_ONLY,
        Parameter.POSITIONAL_OR_KEYWORD,
    )
    return [Parameter(name, by_name if name in named else either) for name in names]


def draw(density: Primitive, random: Generator, parameters: Sequence[Array]) -> Array:
    """A number for each entry of ``parameters``, which are float64 and all of one shape.

    Raises ``ValueError`` where parameters are beyond the domain of the density: NumPy refuses to
    draw, or what is drawn has no density. At an end of the domain it may have none, as a normal
    number of deviation 0, which is its mean.

    >>> from optserve.primitives.densities.normal import normal_logpdf
    >>> draw(normal_logpdf, np.random.default_rng(0), [np.array([1.0, 2.0]), np.zeros(2)])
    array([1., 2.])
    """
    for name, value in zip(_names(density), parameters, strict=True):
        if np.isnan(value).any():
            raise ValueError(f"{name} is not a number")
    with np.errstate(all="ignore"):
        try:
            drawn = np.asarray(drawn_of(density, random, parameters))
        except ValueError as error:
            raise ValueError(f"{_told(density, parameters)} ({error})") from None
        if drawn.shape != parameters[0].shape:
            shapes = f"{drawn.shape}, and its parameters are of shape {parameters[0].shape}"
            raise ShapeError(f"{density.name} draws an array of shape {shapes}")
        chance = np.asarray(density.impl(drawn.astype(np.float64), *parameters))
        lost = np.isfinite(drawn) & ~(chance > -np.inf)
    domains = density.domains(1 + len(parameters))[1:]
    for domain, value in zip(domains, parameters, strict=True):
        lost &= (value != domain.low) & (value != domain.high)
    if lost.any():
        raise ValueError(_told(density, [value[lost][:1] for value in parameters]))
    return drawn


def _told(density: Primitive, parameters: Sequence[Array]) -> str:
    """The parameters, each from its least to its largest value."""
    told = []
    for name, value in zip(_names(density), parameters, strict=True):
        low, high = float(np.min(value)), float(np.max(value))
        told.append(f"{name} {low:.6g}" + (f" to {high:.6g}" if high > low else ""))
    return ", ".join(told)


def drawn_of(density: Primitive, random: Generator, parameters: Sequence[Array]) -> Any:
    """What ``Facts.draws`` makes of ``parameters``, whatever they are."""
    named = _named(density)
    pairs = [*zip(_names(density), parameters, strict=True)]
    by_position = [value for name, value in pairs if name not in named]
    return _draws(density)(random, *by_position, **{n: value for n, value in pairs if n in named})


def _names(density: Primitive) -> Sequence[str]:
    return [one.name for one in parameters_of(density)]


def _draws(density: Primitive) -> Callable[..., Any]:
    draws = density.facts.draws
    assert draws is not None
    return draws


def _named(density: Primitive) -> frozenset[str]:
    """The parameters that ``draws`` takes by their names alone."""
    parameters = inspect.signature(_draws(density)).parameters.values()
    return frozenset(one.name for one in parameters if one.kind is Parameter.KEYWORD_ONLY)


def _dtype(density: Primitive, count: int) -> DType:
    """What is drawn: floats, whole numbers, or truth values. None is, to find out."""
    random = np.random.Generator(np.random.Philox(key=0))
    return np.asarray(drawn_of(density, random, [np.empty(0)] * count)).dtype
