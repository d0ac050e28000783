"""``compile``: a Python function of arrays as native code, made once for each shape and dtype."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from typing import Any, NamedTuple, TypeVar

import numpy as np

from optserve.backends.backend import Backend, Compiled
from optserve.backends.backend_choice import choose
from optserve.errors import TraceError
from optserve.graph.aval import Array, Aval, is_float, is_traced, precision_of
from optserve.graph.operands import plain_array
from optserve.graph.trees import form_of, leaves, rebuilt
from optserve.memo import Memo
from optserve.primitives.tracing import trace

__all__ = ["compile"]

F = TypeVar("F", bound=Callable[..., Any])

KEPT = 64
"""Of how many forms of its arguments a function keeps the code."""

_ARRAYS = frozenset({np.ndarray, np.float64})
"""What is a number of the computation, at first sight."""

_SAID = (str, bool, bytes, slice, type(Ellipsis), np.dtype)
"""What is no number of the computation, and part of what is compiled."""


class _Program(NamedTuple):
    """The code for one form of the arguments; ``result`` gives its values their form."""

    run: Compiled
    captured: tuple[Array, ...]
    result: Callable[[Iterator[Any]], Any]


def compile(  # noqa: A001 - the word of the field, always written optserve.compile
    function: F,
    *,
    static_argnums: int | Sequence[int] = (),
    static_argnames: str | Iterable[str] = (),
    backend: Backend | None = None,
) -> F:
    """``function``, run as native code.

    Parameters
    ----------
    function:
        Written in NumPy: of arrays, numbers and trees of these (tuples, lists, dicts,
        dataclasses), and giving such a tree. Derivatives are functions too: ``compile(grad(f))``.
    static_argnums, static_argnames:
        Arguments that reach the function as they are, such as a number of steps or a function: code
        is made for each of their values, which must be hashable. Strings, truth values and
        ``None`` are static anyway.
    backend:
        What to compile with; native code by default, NumPy where that cannot be.

    The function runs once for each shape and dtype of its arguments, on values of which nothing
    else is known: ``if`` cannot look at them (use ``np.where`` or ``optserve.cond``). What it
    captures of other scopes is as it was then. Results have the dtypes that the function gives.

    Raises ``TraceError`` and ``ShapeError`` as tracing does.

    >>> def rosenbrock(x):
    ...     return np.sum(100.0 * (x[1:] - x[:-1] ** 2) ** 2 + (1.0 - x[:-1]) ** 2)
    >>> from optserve.transforms.functions import value_and_grad
    >>> fast = compile(value_and_grad(rosenbrock))
    >>> fast(np.array([-1.0, 1.0]))
    (np.float64(4.0), array([-4.,  0.]))
    """
    numbers = {static_argnums} if isinstance(static_argnums, int) else set(static_argnums)
    names = {static_argnames} if isinstance(static_argnames, str) else set(static_argnames)
    numbers, names = _both_ways(function, numbers, names)
    programs = Memo(KEPT)
    at_once: dict[Hashable, _Program] = {}  # the same by what is seen of arrays at first sight

    @functools.wraps(function)
    def run(*arguments: Any, **keywords: Any) -> Any:
        seen: list[Hashable] | None = None if keywords or numbers else []
        if seen is not None:
            for one in arguments:
                if type(one) not in _ARRAYS:
                    seen = None
                    break
                seen.append(one.shape)
                seen.append(one.dtype)
        arrays: Sequence[Array] = arguments
        first_sight = None if seen is None else tuple(seen)
        program = None if first_sight is None else at_once.get(first_sight)
        if program is None:
            given = _Given.of(arguments, keywords, numbers, names)
            if any(is_traced(value) for value in given.values):
                return function(*arguments, **keywords)  # it is part of another computation
            arrays = _arrays(given.values)
            key = (given.key, *[(array.shape, array.dtype) for array in arrays])
            try:
                program = programs.of(
                    key, functools.partial(_made, function, given, arrays, backend)
                )
            except _PartOfAnother:
                return function(*arguments, **keywords)
            if first_sight is not None:
                if len(at_once) >= KEPT:
                    at_once.clear()
                at_once[first_sight] = program
        results = program.run(*arrays, *program.captured)
        return program.result(iter([one if one.ndim else one[()] for one in results]))

    return run  # type: ignore[return-value]


def _arrays(values: Sequence[Any]) -> list[Array]:
    """The values as arrays; Python's floats beside float32 are float32, as they are to NumPy."""
    plain = [_plain(value) for value in values]
    weak = [i for i, value in enumerate(values) if type(value) is float]
    if weak and len(weak) < len(plain):
        firm = [one for one, value in zip(plain, values, strict=True) if type(value) is not float]
        if any(is_float(one.dtype) for one in firm):
            precision = np.result_type(*(one.dtype for one in firm if is_float(one.dtype)))
            for i in weak:
                plain[i] = plain[i].astype(precision)
    return plain


def _plain(value: Any) -> Array:
    if isinstance(value, np.ndarray | np.generic | int | float | complex):
        return plain_array(value)
    raise TraceError(
        f"a compiled function was given a value of type {type(value).__name__}",
        expected="arrays, numbers, texts, and trees of these",
        remedy="static_argnums or static_argnames name what reaches the function as it is, and "
        "never changes: of a method that is self",
    )


class _PartOfAnother(Exception):
    """The function captured a value of another computation, which is under way."""


class _Given(NamedTuple):
    """The arguments of one call, taken apart.

    ``values`` are the leaves that are numbers of the computation; ``tree`` is
    (arguments, keywords) in which a ``_Open`` stands for each of them; ``key`` is equal for two
    calls of which code can be the same, but for shapes and dtypes.
    """

    values: list[Any]
    tree: Any
    key: Hashable

    @classmethod
    def of(
        cls,
        arguments: tuple[Any, ...],
        keywords: dict[str, Any],
        numbers: set[int],
        names: set[str],
    ) -> _Given:
        values: list[Any] = []
        said: list[Hashable] = []

        def opened(argument: Any, static: bool) -> Any:
            if static:
                try:
                    hash(argument)
                except TypeError:
                    raise TraceError(
                        f"the static argument {str(argument)[:40]!r} cannot be told from others",
                        expected="a hashable value, such as a number, a text or a function",
                    ) from None
                said.append(_told_apart(argument))
                return _Closed(argument)
            said.append(form_of(argument))
            parts: list[_Open | _Closed] = []
            for leaf in leaves(argument):
                if isinstance(leaf, _SAID):
                    said.append(_told_apart(leaf))
                    parts.append(_Closed(leaf))
                else:
                    values.append(leaf)
                    parts.append(_Open())
            return rebuilt(argument, parts)

        listed = tuple([opened(one, i in numbers) for i, one in enumerate(arguments)])
        named = {key: opened(keywords[key], key in names) for key in sorted(keywords)}
        return cls(values, (listed, named), (len(listed), (*named,), (*said,)))

    def filled(self, values: Iterable[Any]) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """The arguments and keywords with these values."""
        arguments, keywords = _filled(self.tree, values)
        return arguments, keywords


class _Open:
    """Stands for a number of the computation."""


class _Closed:
    """Stands for an argument that reaches the function as it is."""

    def __init__(self, value: Any) -> None:
        self.value = value


def _filled(tree: Any, values: Iterable[Any]) -> Any:
    """``tree`` with values where something is open."""
    following = iter(values)
    parts = leaves(tree)
    filled = [one.value if isinstance(one, _Closed) else next(following) for one in parts]
    return rebuilt(tree, filled)


def _made(
    function: Callable[..., Any],
    given: _Given,
    arrays: Sequence[Array],
    backend: Backend | None,
) -> _Program:
    """The code of ``function`` for arguments of these shapes and dtypes."""
    result: list[Any] = []

    def of_values(*values: Any) -> list[Any]:
        arguments, keywords = given.filled(values)
        result.append(function(*arguments, **keywords))
        return [leaf for leaf in leaves(result[0]) if _computed(leaf)]

    avals = [Aval(array.shape, array.dtype) for array in arrays]
    traced = trace(of_values, *avals, precision=precision_of(avals))
    if any(is_traced(value) for value in traced.captured):
        raise _PartOfAnother
    captured = tuple([plain_array(value) for value in traced.captured])
    parts = [_Open() if _computed(leaf) else _Closed(leaf) for leaf in leaves(result[0])]
    form = rebuilt(result[0], parts)
    run = (backend or choose("llvm").backend).compile(traced.graph)
    return _Program(run, captured, _filler(form))


def _filler(tree: Any) -> Callable[[Iterator[Any]], Any]:
    """``_filled`` of that tree, taken apart beforehand as far as it is plain."""
    if isinstance(tree, _Open):
        return next
    if type(tree) is tuple and all(isinstance(part, _Open) for part in tree):
        return tuple
    if type(tree) is tuple:
        parts = [_filler(part) for part in tree]
        return lambda following: tuple([part(following) for part in parts])
    return lambda following: _filled(tree, following)


def _computed(leaf: Any) -> bool:
    """Whether a part of a result is computed anew with each call, or belongs to each caller."""
    return is_traced(leaf) or isinstance(leaf, np.ndarray)


def _both_ways(
    function: Callable[..., Any], numbers: set[int], names: set[str]
) -> tuple[set[int], set[str]]:
    """The same parameters by position (from the front) and by name, however they were said."""
    try:
        parameters = inspect.signature(function).parameters
    except (TypeError, ValueError):  # of a ufunc, for example
        return numbers, names
    kinds = inspect.Parameter
    placed = [
        one.name
        for one in parameters.values()
        if one.kind in (kinds.POSITIONAL_ONLY, kinds.POSITIONAL_OR_KEYWORD)
    ]
    any_number = any(one.kind is kinds.VAR_POSITIONAL for one in parameters.values())
    any_name = any(one.kind is kinds.VAR_KEYWORD for one in parameters.values())
    for number in numbers:
        if not -len(placed) <= number < len(placed) and not any_number:
            raise TraceError(
                f"static_argnums {number} names no argument: the function takes {len(placed)}",
                expected="positions of arguments, counted from 0",
            )
    for name in names:
        if name not in parameters and not any_name:
            raise TraceError(
                f"static_argnames {name!r} names no argument",
                expected=f"any of {', '.join(parameters)}",
            )
    numbers = {number + len(placed) if number < 0 else number for number in numbers}
    by_number = {placed[number] for number in numbers if number < len(placed)}
    by_name = {number for number, name in enumerate(placed) if name in names}
    return numbers | by_name, names | by_number


def _told_apart(value: Any) -> Hashable:
    """A key that is equal for equal values of one type alone: not for 1 and True, 0.0 and -0.0."""
    if isinstance(value, tuple | frozenset):
        return type(value), tuple(map(_told_apart, value))
    return type(value), value, repr(value) if isinstance(value, float | complex) else ""
