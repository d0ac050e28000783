"""The names that expressions look up: of every primitive of this package, and of macros."""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType, ModuleType
from typing import Any

from optserve.errors import OptserveError
from optserve.graph.primitive import Primitive
from optserve.primitives import (
    activations,
    along_axis,
    arithmetic,
    arrangement,
    comparisons,
    complex_parts,
    composition,
    constants,
    contractions,
    convolution,
    elementary,
    floats,
    groups,
    hyperbolic,
    indexing,
    interpolation,
    kernels,
    loops,
    losses,
    missing,
    normal_tails,
    norms,
    ordering,
    products,
    ranks,
    reductions,
    scaled,
    shaping,
    special,
    sums,
    survival,
    whole,
)
from optserve.primitives.linear_algebra import (
    cholesky,
    construction,
    diagonals,
    eigen,
    matrix_exponential,
    orthogonal,
    singular,
    solving,
    triangles,
)

__all__ = [
    "Vocabulary",
    "builtin_macros",
    "builtin_primitives",
    "builtin_vocabulary",
    "density_primitives",
    "everyday_primitives",
    "is_builtin",
    "vocabulary_of",
]


_MODULES = (
    arithmetic,
    elementary,
    floats,
    hyperbolic,
    comparisons,
    sums,
    reductions,
    ordering,
    shaping,
    indexing,
    along_axis,
    products,
    constants,
    composition,
    losses,
    special,
    normal_tails,
    scaled,
    whole,
    triangles,
    diagonals,
    solving,
    cholesky,
    eigen,
    singular,
    orthogonal,
    matrix_exponential,
    construction,
    arrangement,
    groups,
    interpolation,
)

_EVERYDAY = (
    activations,
    arrangement,
    complex_parts,
    convolution,
    groups,
    interpolation,
    kernels,
    missing,
    ranks,
    survival,
)
"""Whose functions that are no primitives are macros."""


def _never(name: str) -> None:
    """No plugin has this name."""


@dataclass(frozen=True)
class Vocabulary:
    """Primitives and macros by name, as the registry of a job knows them.

    ``macros`` are functions over primitives that leave no equation of their own name, such as
    ``zeros``. ``unavailable`` is the error for a name that a plugin may have and that cannot be
    used: the plugin does not load, or another has the name too. For any other name it is None.
    """

    primitives: Mapping[str, Primitive]
    macros: Mapping[str, Callable[..., Any]]
    unavailable: Callable[[str], OptserveError | None] = _never


def builtin_primitives() -> tuple[Primitive, ...]:
    """Every primitive that a module of this package lists in its ``__all__``."""
    return (*everyday_primitives(), *density_primitives())


@functools.cache
def everyday_primitives() -> tuple[Primitive, ...]:
    """Those that are imported for every job: all but the densities."""
    return _listed(_MODULES)


@functools.cache
def density_primitives() -> tuple[Primitive, ...]:
    """The densities, which are imported where one of them is named."""
    from optserve.primitives.densities import (
        bounded,
        circular,
        classes,
        counts,
        deviance,
        exponential,
        extremes,
        gamma,
        heavy_tails,
        incomplete,
        laplace,
        logistic,
        lognormal,
        matrices,
        multivariate,
        normal,
        shaped_normal,
        simplexes,
        trials,
    )

    return _listed(
        (
            bounded,
            circular,
            classes,
            counts,
            deviance,
            exponential,
            extremes,
            gamma,
            heavy_tails,
            incomplete,
            laplace,
            logistic,
            lognormal,
            matrices,
            multivariate,
            normal,
            shaped_normal,
            simplexes,
            trials,
        )
    )


def is_builtin(primitive: Primitive) -> bool:
    """Whether the primitive ships with optserve.

    >>> from optserve.primitives.elementary import sin
    >>> is_builtin(sin)
    True
    """
    if id(primitive) in _identities(everyday_primitives()):
        return True
    if "optserve.primitives.densities" not in sys.modules:  # then it cannot be one of them
        return False
    return id(primitive) in _identities(density_primitives())


@functools.cache
def _identities(primitives: tuple[Primitive, ...]) -> frozenset[int]:
    return frozenset(map(id, primitives))


def _listed(modules: Iterable[ModuleType]) -> tuple[Primitive, ...]:
    listed = (getattr(module, name) for module in modules for name in module.__all__)
    return tuple(entry for entry in listed if isinstance(entry, Primitive))


def _functions(modules: Iterable[ModuleType]) -> tuple[Callable[..., Any], ...]:
    listed = (getattr(module, name) for module in modules for name in module.__all__)
    return tuple(entry for entry in listed if not isinstance(entry, Primitive))


def builtin_macros() -> Mapping[str, Callable[..., Any]]:
    """Functions over primitives that expressions may call."""
    macros: tuple[Callable[..., Any], ...] = (
        constants.zeros,
        constants.ones,
        constants.full,
        constants.eye,
        constants.linspace,
        diagonals.diag,
        norms.norm,
        contractions.tensordot,
        *_functions(_EVERYDAY),
        loops.scan,
        loops.cond,
    )
    return MappingProxyType({macro.__name__: macro for macro in macros})


@functools.cache
def builtin_vocabulary() -> Vocabulary:
    """The vocabulary of optserve itself, without plugins."""
    return vocabulary_of(builtin_primitives())


def vocabulary_of(primitives: Iterable[Primitive]) -> Vocabulary:
    """A vocabulary of ``primitives`` and the built-in macros."""
    names = {primitive.name: primitive for primitive in primitives}
    return Vocabulary(MappingProxyType(names), builtin_macros())
