"""The modules that autograd's tests import, made of optserve, NumPy and SciPy."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable
from contextlib import suppress
from types import ModuleType
from typing import Any

import numpy as np
import scipy.special
import scipy.stats

from benchmarks.hips.checking import CHECKS
from benchmarks.hips.face import OPERATORS, flatten, make_vjp, nary
from optserve.graph.aval import is_traced
from optserve.primitives.vocabulary import builtin_primitives

__all__ = ["InternalsError", "Missing", "install"]


_PRIMITIVES = {primitive.name: primitive for primitive in builtin_primitives()}


class InternalsError(Exception):
    """A test asks for a part of autograd that is its own: boxes, vector spaces, its primitives."""


class Missing:
    """Something of autograd that optserve has not. Only who uses it while a test runs is told."""

    running = False

    def __init__(self, name: str) -> None:
        self.name = name

    def __call__(self, *_given: Any, **_named: Any) -> Any:
        if not Missing.running:  # a decorator at the head of a file, say
            return self
        raise InternalsError(self.name)

    def __getattr__(self, name: str) -> Missing:
        if name.startswith("__"):
            raise AttributeError(name)
        return Missing(f"{self.name}.{name}")

    def __getitem__(self, _key: Any) -> Any:
        raise InternalsError(self.name)


class _Module(ModuleType):
    """A module whose other names are those of another one, or ``Missing``."""

    __path__: list[str] = []  # noqa: RUF012 - what Python looks for in a package

    def __init__(self, name: str, names: dict[str, Any], other: Any = None) -> None:
        super().__init__(name)
        vars(self).update(names)
        self._other = other

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__") and name != "__version__":
            raise AttributeError(name)
        missing = Missing(f"{self.__name__}.{name}")
        return missing if self._other is None else getattr(self._other, name, missing)


class _Distribution:
    """A distribution of ``scipy.stats`` by the logarithms of ours; ``ours`` takes the arguments of
    SciPy's to those of ours."""

    def __init__(self, name: str, other: Any, ours: Callable[..., tuple[Any, ...]]) -> None:
        self.name, self.other, self.ours = name, other, ours

    def __getattr__(self, name: str) -> Any:
        logarithm = name if name.startswith("log") else f"log{name}"
        density = _PRIMITIVES.get(f"{self.name}_{logarithm}")
        if density is None:
            return getattr(self.other, name)

        def computed(*given: Any, allow_singular: bool = False) -> Any:
            if allow_singular:
                raise InternalsError("allow_singular")
            found = density(*self.ours(*given))
            return found if name == logarithm else np.exp(found)

        return computed


def _located(x: Any, location: Any = 0.0, scale: Any = 1.0) -> tuple[Any, ...]:
    return x, location, scale


def _student(x: Any, dof: Any, location: Any = 0.0, scale: Any = 1.0) -> tuple[Any, ...]:
    return x, dof, location, scale


_STATS = {
    "beta": _Distribution("beta", scipy.stats.beta, lambda *given: given),
    "chi2": _Distribution("chi2", scipy.stats.chi2, lambda *given: given),
    "dirichlet": _Distribution("dirichlet", scipy.stats.dirichlet, lambda *given: given),
    "gamma": _Distribution("gamma", scipy.stats.gamma, lambda x, shape: (x, shape, 1.0)),
    "multivariate_normal": _Distribution(
        "multivariate_normal", scipy.stats.multivariate_normal, lambda *given: given
    ),
    "norm": _Distribution("normal", scipy.stats.norm, _located),
    "poisson": _Distribution("poisson", scipy.stats.poisson, lambda *given: given),
    "t": _Distribution("student_t", scipy.stats.t, _student),
}


def _polygamma(order: int, x: Any) -> Any:
    return _PRIMITIVES["polygamma"](x, n=order)


def _isinstance(value: Any, kinds: Any) -> bool:
    """A traced value is an array here, as to autograd's own ``isinstance``."""
    return isinstance(np.empty(0) if is_traced(value) else value, kinds)


def _logsumexp(a: Any, axis: Any = None, b: Any = None, keepdims: bool = False) -> Any:
    terms = a if b is None else a + np.log(b)
    return _PRIMITIVES["logsumexp"](terms, axis=axis, keepdims=keepdims)


def install() -> None:
    """Let ``import autograd`` and its parts give these modules."""
    with suppress(ImportError):
        importlib.import_module("optserve_special")  # which makes SciPy's ufuncs known
    kinds = {"dict": dict, "isinstance": _isinstance, "list": list, "tuple": tuple}
    special = {"logsumexp": _logsumexp, "polygamma": _polygamma}
    parts: dict[str, Any] = {
        "builtins": _Module("autograd.builtins", kinds),
        "core": _Module("autograd.core", {"make_vjp": make_vjp}),
        "extend": _Module("autograd.extend", {}),
        "misc": _Module("autograd.misc", {"flatten": flatten}),
        "numpy": _Module("autograd.numpy", {"random": np.random}, np),
        "numpy.linalg": _Module("autograd.numpy.linalg", {}, np.linalg),
        "numpy.random": np.random,
        "scipy": _Module("autograd.scipy", {}),
        "scipy.integrate": _Module("autograd.scipy.integrate", {}),
        "scipy.linalg": _Module("autograd.scipy.linalg", {}),
        "scipy.signal": _Module("autograd.scipy.signal", {}),
        "scipy.special": _Module("autograd.scipy.special", special, scipy.special),
        "scipy.stats": _Module("autograd.scipy.stats", _STATS, scipy.stats),
        "scipy.stats.multivariate_normal": _STATS["multivariate_normal"],
        "test_util": _Module("autograd.test_util", CHECKS),
        "tracer": _Module("autograd.tracer", {"isbox": is_traced}),
        "util": _Module("autograd.util", {}),
        "wrap_util": _Module("autograd.wrap_util", {"unary_to_nary": nary}),
    }
    sys.modules["autograd"] = _Module("autograd", {**OPERATORS, **kinds})
    for name, module in parts.items():
        sys.modules[f"autograd.{name}"] = module
        above, _, last = f"autograd.{name}".rpartition(".")
        if isinstance(sys.modules[above], _Module):
            setattr(sys.modules[above], last, module)
