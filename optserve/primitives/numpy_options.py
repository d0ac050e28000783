"""NumPy's own signatures; options that mean nothing on traced values are refused, never ignored."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from optserve.errors import ShapeError
from optserve.graph.primitive import ArrayFunction

__all__ = ["check_options", "freedom_of", "signed", "signed_all"]


_REMEDIES = {
    "append": "use np.concatenate first",
    "casting": "convert with .astype(dtype)",
    "copy": "leave it out: traced values are never changed",
    "device": "leave it out",
    "dtype": "convert with .astype(dtype)",
    "equal_nan": "leave it out",
    "hermitian": "leave it out",
    "initial": "combine it with the result: np.maximum(initial, ...), initial + ...",
    "kind": "leave it out",
    "mean": "leave it out: it is computed",
    "order": "use the order 'C'; np.transpose first makes it 'F'",
    "out": "use the returned value",
    "overwrite_input": "leave it out: traced values are never changed",
    "period": "use x % period",
    "prepend": "use np.concatenate first",
    "rcond": "leave it out",
    "returned": "sum the weights beside it",
    "rtol": "leave it out",
    "shape": "use np.broadcast_to",
    "signature": "convert with .astype(dtype)",
    "sorted": "leave it out",
    "sorter": "sort first: np.take(a, sorter)",
    "subok": "leave it out",
    "weights": "repeat each entry by its weight: np.repeat",
    "where": "use np.where on the operand",
}
_HARMLESS: dict[str, tuple[Any, ...]] = {
    "casting": ("same_kind", "safe"),
    "equal_nan": (True,),
    "hermitian": (False,),
    "kind": ("introselect",),
    "overwrite_input": (False,),
    "sorted": (True,),
    "subok": (False,),
    "where": (True,),
}
"""What an option may be where it is not ``None``."""


def signed_all(meanings: Mapping[Any, ArrayFunction]) -> Mapping[Any, ArrayFunction]:
    """Each of NumPy's functions with what it means, called as NumPy's is."""
    return MappingProxyType(
        {function: signed(function, ours) for function, ours in meanings.items()}
    )


def signed(function: Any, ours: ArrayFunction, name: str = "") -> ArrayFunction:
    """``ours``, called as NumPy's ``function`` is: what ``ours`` does not take is refused.

    >>> import numpy as np
    >>> total = signed(np.sum, lambda a, axis=None: (a, axis))
    >>> total("x", 0), total("x", 1, None)
    (('x', 0), ('x', 1))
    >>> total("x", where=[True, False])
    Traceback (most recent call last):
        ...
    optserve.errors.ShapeError: np.sum(..., where=...) is not defined on traced values
      remedy: use np.where on the operand
    """

    @functools.cache
    def signatures() -> tuple[inspect.Signature, frozenset[str], int]:
        theirs, own = _signature(function, ours), inspect.signature(ours).parameters
        alike = [a == b for a, b in zip(theirs.parameters, own, strict=False)]
        return theirs, frozenset(own), [*alike, False].index(False)

    def called(*arguments: Any, **keywords: Any) -> Any:
        theirs, own, leading = signatures()
        plain = not keywords or keywords.keys() <= own
        if plain and len(arguments) <= leading:  # the usual case
            return ours(*arguments, **keywords)
        given = theirs.bind(*arguments, **keywords).arguments
        others = {option: value for option, value in given.items() if option not in own}
        others |= others.pop("kwargs", {})  # of np.clip: those of its ufunc
        check_options(name or function.__name__, **others)
        return ours(**{option: value for option, value in given.items() if option in own})

    return called


def _signature(function: Any, ours: ArrayFunction) -> inspect.Signature:
    """That of NumPy's ``function``; functions in C have none before NumPy 2.4: that of ``ours``."""
    try:
        return inspect.signature(function)
    except ValueError:
        return inspect.signature(ours)


def check_options(function: str, **options: Any) -> None:
    """Raise where an option that is not supported is given and changes what the call means.

    >>> check_options("sum", dtype=None, where=True)
    >>> check_options("sum", where=[True, False])
    Traceback (most recent call last):
        ...
    optserve.errors.ShapeError: np.sum(..., where=...) is not defined on traced values
      remedy: use np.where on the operand
    """
    for option, value in options.items():
        if value is not None and not _is_harmless(option, value):
            raise ShapeError(
                f"np.{function}(..., {option}=...) is not defined on traced values",
                remedy=_REMEDIES[option],
            )


def _is_harmless(option: str, value: Any) -> bool:
    harmless = _HARMLESS.get(option, ())
    return value in harmless if isinstance(value, bool | str) else False


def freedom_of(function: str, ddof: float, correction: float | None) -> float:
    """What a variance takes from the count, under either name.

    >>> freedom_of("var", 1, None), freedom_of("var", 0, 2)
    (1, 2)
    """
    if correction is not None and ddof:
        raise ShapeError(f"np.{function} takes ddof or correction", expected="one of them")
    return ddof if correction is None else correction
