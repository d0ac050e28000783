"""Options of NumPy's functions that mean nothing on traced values: refused, never ignored."""

from __future__ import annotations

from typing import Any

from optserve.errors import ShapeError

__all__ = ["check_options"]

_REMEDIES = {
    "append": "use np.concatenate first",
    "casting": "convert with .astype(dtype)",
    "copy": "leave it out: traced values are never changed",
    "device": "leave it out",
    "dtype": "convert with .astype(dtype)",
    "initial": "combine it with the result: np.maximum(initial, ...), initial + ...",
    "mean": "leave it out: it is computed",
    "order": "use the order 'C'; np.transpose first makes it 'F'",
    "out": "use the returned value",
    "overwrite_input": "leave it out: traced values are never changed",
    "prepend": "use np.concatenate first",
    "shape": "use np.broadcast_to",
    "subok": "leave it out",
    "where": "use np.where on the operand",
}
_HARMLESS: dict[str, tuple[Any, ...]] = {
    "casting": ("same_kind", "safe"),
    "overwrite_input": (False,),
    "subok": (False,),
    "where": (True,),
}
"""What an option may be where it is not ``None``."""


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
