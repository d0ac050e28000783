"""Random expressions as text, with what they come to by Python's own reading of the text.

An expression is made of templates with as few brackets as Python needs, and some more. Its value is
what ``eval`` makes of the text, on arrays that do as the language says where that is not NumPy:
truth values count, quotients and powers are floating.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy.special

from tests.fuzz.operations import (
    COLUMNS,
    DATA,
    Fits,
    alike,
    anything,
    axes,
    floats,
    integers,
    meets,
    numbers,
    shaped,
    truths,
)

__all__ = ["Written", "evaluated", "values", "written"]


def _counted(x: Any) -> Any:
    """An operand of arithmetic: truth values as 0 and 1."""
    x = np.asarray(x.array if isinstance(x, Reading) else x)
    return x.astype(np.int64) if x.dtype == bool else x


def _arithmetic(ufunc: Callable[..., Any], *, floating: bool = False) -> Any:
    def apply(left: Any, right: Any) -> Reading:
        given = [_counted(left), _counted(right)]
        if floating:
            given = [x.astype(float) for x in given]
        return Reading(ufunc(*given))

    return apply, lambda right, left: apply(left, right)


def _logic(ufunc: Callable[..., Any]) -> Any:
    return lambda left, right: Reading(ufunc(left.array, right.array))


class Reading:
    """An array in an expression that Python reads."""

    __hash__ = None  # type: ignore[assignment]

    def __init__(self, array: Any) -> None:
        self.array = np.asarray(array)

    __add__, __radd__ = _arithmetic(np.add)
    __sub__, __rsub__ = _arithmetic(np.subtract)
    __mul__, __rmul__ = _arithmetic(np.multiply)
    __mod__, __rmod__ = _arithmetic(np.remainder)
    __floordiv__, __rfloordiv__ = _arithmetic(np.floor_divide)
    __truediv__, __rtruediv__ = _arithmetic(np.divide)
    __pow__, __rpow__ = _arithmetic(np.power, floating=True)
    __matmul__, __rmatmul__ = _arithmetic(np.matmul)
    __lt__, _ = _arithmetic(np.less)
    __le__, _ = _arithmetic(np.less_equal)
    __gt__, _ = _arithmetic(np.greater)
    __ge__, _ = _arithmetic(np.greater_equal)
    __eq__, _ = _arithmetic(np.equal)
    __ne__, _ = _arithmetic(np.not_equal)
    __and__, __or__ = _logic(np.logical_and), _logic(np.logical_or)

    def __neg__(self) -> Reading:
        return Reading(-_counted(self))

    def __invert__(self) -> Reading:
        return Reading(~self.array)

    @property
    def T(self) -> Reading:  # noqa: N802 - NumPy's name
        return Reading(self.array.T)

    def __getitem__(self, index: Any) -> Reading:
        parts = index if isinstance(index, tuple) else (index,)
        plain = tuple(part.array if isinstance(part, Reading) else part for part in parts)
        return Reading(self.array[plain])


def _function(function: Callable[..., Any], *, counted: bool = True) -> Callable[..., Reading]:
    def unwrapped(x: Any) -> Any:
        if isinstance(x, list):
            return np.stack([unwrapped(entry) for entry in x])
        if not isinstance(x, Reading):
            return x
        return _counted(x) if counted else x.array

    def call(*arguments: Any, **options: Any) -> Reading:
        return Reading(function(*map(unwrapped, arguments), **options))

    return call


NUMPY: Mapping[str, Callable[..., Any]] = {
    "sin": np.sin,
    "cos": np.cos,
    "tanh": np.tanh,
    "exp": np.exp,
    "log": np.log,
    "log1p": np.log1p,
    "sqrt": np.sqrt,
    "square": np.square,
    "abs": np.abs,
    "floor": np.floor,
    "round": np.round,
    "sign": np.sign,
    "sigmoid": scipy.special.expit,
    "softplus": lambda x: np.logaddexp(x, 0.0),
    "relu": lambda x: np.maximum(x, 0),
    "erf": scipy.special.erf,
    "arctan": np.arctan,
    "arctan2": np.arctan2,
    "hypot": np.hypot,
    "logaddexp": np.logaddexp,
    "maximum": np.maximum,
    "minimum": np.minimum,
    "clip": np.clip,
    "where": np.where,
    "sum": np.sum,
    "mean": np.mean,
    "max": np.max,
    "min": np.min,
    "var": np.var,
    "std": np.std,
    "prod": np.prod,
    "median": np.median,
    "norm": np.linalg.norm,
    "logsumexp": scipy.special.logsumexp,
    "sort": np.sort,
    "cumsum": np.cumsum,
    "argmax": np.argmax,
    "argsort": np.argsort,
    "any": np.any,
    "all": np.all,
    "take": lambda x, i: np.take(x, i, axis=0),
    "matmul": np.matmul,
}
FUNCTIONS: Mapping[str, Callable[..., Reading]] = {
    name: _function(function, counted=name not in ("where", "take"))
    for name, function in NUMPY.items()
}

COMPARED, EITHER, BOTH, SUM, PRODUCT, SIGN, POWER, ATOM = range(8)
"""How tightly Python binds, loosest first."""
ANY = COMPARED


@dataclass(frozen=True)
class Template:
    """A text with places for operands: what they must be, how tightly they must bind there."""

    text: str
    takes: tuple[Fits, ...]
    within: tuple[int, ...]
    binds: int = ATOM


def _templates() -> Iterator[Template]:
    pair = (numbers, meets(numbers))
    for sign in "+-":
        yield Template(f"{{}} {sign} {{}}", pair, (SUM, PRODUCT), SUM)
        yield Template(f"{{}}{sign}{{}}", (anything, meets(anything)), (SUM, PRODUCT), SUM)
    yield Template("{} * {}", (anything, meets(anything)), (PRODUCT, SIGN), PRODUCT)
    yield Template("{} / (1 + {}**2)", pair, (PRODUCT, ATOM), PRODUCT)
    yield Template("{} // 2", (numbers,), (PRODUCT,), PRODUCT)
    yield Template("{} % 3", (numbers,), (PRODUCT,), PRODUCT)
    yield Template(
        "{} @ {}",
        (shaped(numbers, (DATA, COLUMNS)), shaped(floats, (COLUMNS,))),
        (PRODUCT, SIGN),
        PRODUCT,
    )
    yield Template("-{}", (numbers,), (SIGN,), SIGN)
    yield Template("{}**2", (anything,), (ATOM,), POWER)
    yield Template("{} ** 3", (numbers,), (ATOM,), POWER)
    yield Template("2**{}", (numbers,), (SIGN,), POWER)
    yield Template("(abs({}) + 0.5)**{}", pair, (ANY, SIGN), POWER)
    for sign in ("<", "<=", ">", ">=", "==", "!="):
        yield Template(f"{{}} {sign} {{}}", pair, (EITHER, EITHER), COMPARED)
    yield Template("{} & {}", (truths, meets(truths)), (BOTH, SUM), BOTH)
    yield Template("{} | {}", (truths, meets(truths)), (EITHER, BOTH), EITHER)
    yield Template("~{}", (truths,), (SIGN,), SIGN)
    for name in ("sin", "cos", "tanh", "arctan", "erf", "sigmoid", "softplus", "relu", "floor"):
        yield Template(f"{name}({{}})", (numbers,), (ANY,))
    for name in ("abs", "round", "sign", "square"):
        yield Template(f"{name}({{}})", (floats,), (ANY,))
    yield Template("exp(-{}**2)", (numbers,), (ATOM,))
    yield Template("log(1 + {}**2)", (numbers,), (ATOM,))
    yield Template("sqrt({}**2+1)", (numbers,), (ATOM,))
    yield Template("log1p(exp(-abs({})))", (numbers,), (ANY,))
    yield Template("1 / (1 + exp(-{}))", (numbers,), (SIGN,), PRODUCT)
    for name in ("maximum", "minimum", "hypot", "logaddexp", "arctan2"):
        yield Template(f"{name}({{}}, {{}})", (floats, meets(floats)), (ANY, ANY))
    yield Template("clip({}, -1, {})", (floats, shaped(floats, ())), (ANY, ANY))
    for kind in (floats, integers, truths):
        yield Template("where({}, {}, {})", (truths, meets(kind), meets(kind)), (ANY,) * 3)
    yield Template("where({}, {}, 0)", (truths, meets(numbers)), (ANY, ANY))
    for name in ("sum", "mean", "max", "min", "std", "var", "norm", "logsumexp", "median"):
        yield Template(f"{name}({{}})", (axes(floats, 1, 2),), (ANY,))
        yield Template(f"{name}({{}}, axis=0)", (axes(floats, 2),), (ANY,))
        yield Template(f"{name}({{}}, axis=1)", (axes(floats, 2),), (ANY,))
        yield Template(f"{{}} - {name}({{}})", (axes(floats, 1), alike(floats)), (SUM, ANY), SUM)
    for name in ("sum", "mean"):
        yield Template(f"{name}({{}})", (axes(anything, 1, 2),), (ANY,))
        yield Template(f"{name}({{}}, axis=1)", (axes(anything, 2),), (ANY,))
    yield Template("max({})", (axes(integers, 1, 2),), (ANY,))
    yield Template("any({})", (axes(truths, 1),), (ANY,))
    yield Template("all({}, axis=1)", (axes(truths, 2),), (ANY,))
    yield Template("argmax({}, axis=1)", (axes(floats, 2),), (ANY,))
    yield Template("{} == max({})", (axes(numbers, 1), alike(floats)), (EITHER, ANY), COMPARED)
    yield Template("sort({})", (axes(floats, 1),), (ANY,))
    yield Template("cumsum({})", (axes(floats, 1),), (ANY,))
    yield Template("{}[:, 0]", (axes(anything, 2),), (ATOM,))
    yield Template("{}[:, -1]", (axes(anything, 2),), (ATOM,))
    yield Template(
        "{}[:, None] * {}", (axes(floats, 1), shaped(floats, (COLUMNS,))), (ATOM, SIGN), PRODUCT
    )
    yield Template("{}[::-1]", (axes(anything, 1),), (ATOM,))
    yield Template("sum(({}[1:] - {}[:-1])**2)", (axes(floats, 1), alike(floats)), (ATOM, ATOM))
    yield Template("sum({}.T, axis=0)", (axes(anything, 2),), (ATOM,))
    yield Template("mean([{}, {}], axis=0)", (axes(floats, 1), alike(floats)), (ANY, ANY))
    yield Template("{}[{} % 3]", (shaped(numbers, (COLUMNS,)), axes(integers, 1)), (ATOM, PRODUCT))
    yield Template("take({}, argsort({}))", (axes(anything, 1), alike(floats)), (ANY, ANY))
    yield Template(
        "sum(exp(-({}[:, None] - {})**2), axis=1)",
        (axes(floats, 1), alike(floats)),
        (ATOM, PRODUCT),
    )


TEMPLATES = tuple(_templates())


@dataclass(frozen=True)
class Written:
    """An expression, how tightly it binds, and those that it is made of."""

    text: str
    binds: int
    parts: tuple[Written, ...] = ()


LEAVES = tuple(
    Written(text, ATOM) for text in ("x", "y", "X", "k", "K", "b", "a", "c", "w", "2", "0.5", "3")
)


def values(rng: np.random.Generator) -> dict[str, Any]:
    """What the names in expressions stand for: columns of ``DATA`` rows, parameters."""
    draw = rng.uniform
    return {
        "x": draw(-1.5, 1.5, DATA).round(3),
        "y": draw(-1.5, 1.5, DATA).round(3),
        "X": draw(-1.5, 1.5, (DATA, COLUMNS)).round(3),
        "k": rng.integers(-3, 4, DATA),
        "K": rng.integers(-3, 4, (DATA, COLUMNS)),
        "b": rng.random(DATA) < 0.5,
        "a": np.float64(0.75),
        "c": np.float64(-0.4),
        "w": np.array([0.5, -1.25, 0.8]),
    }


def evaluated(text: str, names: Mapping[str, Any]) -> Any:
    """What ``text`` comes to where Python reads it: an array, or ``None`` where it has no value."""
    scope = {name: Reading(value) for name, value in names.items()}
    with np.errstate(all="ignore"):
        try:
            found = eval(text, {"__builtins__": {}, **FUNCTIONS}, scope)
        except (TypeError, ValueError, IndexError):
            return None
    return found.array if isinstance(found, Reading) else None


def written(seed: int, longest: int = 7) -> Written:
    """The expression of a seed; the same on every machine."""
    draw = random.Random(seed)
    names = values(np.random.default_rng(seed))
    known = [(leaf, np.asarray(eval(leaf.text, {}, names))) for leaf in LEAVES]
    length = draw.randint(2, longest)
    while len(known) < len(LEAVES) + length:
        template = draw.choice(TEMPLATES)
        chosen = _chosen(draw, template, known)
        if chosen is None:
            continue
        made = _filled(template, [part for part, _ in chosen], draw)
        value = evaluated(made.text, names)
        if value is not None and value.ndim < 3 and _fair(value):
            known.append((made, value))
    return known[-1][0]


def _chosen(
    draw: random.Random, template: Template, known: Sequence[tuple[Written, Any]]
) -> list[tuple[Written, Any]] | None:
    """Operands that fit, later ones more likely."""
    chosen: list[tuple[Written, Any]] = []
    for fits in template.takes:
        before = [value for _, value in chosen]
        fitting = [n for n, (_, value) in enumerate(known) if fits(value, *before)]
        if not fitting:
            return None
        weights = [1 + 9 * max(0, n - len(LEAVES) + 1) for n in fitting]
        chosen.append(known[draw.choices(fitting, weights)[0]])
    return chosen


def _filled(template: Template, parts: Sequence[Written], draw: random.Random) -> Written:
    texts = []
    for part, within in zip(parts, template.within, strict=True):
        bracketed = part.binds < within or draw.random() < 0.1
        texts.append(f"({part.text})" if bracketed else part.text)
    return Written(template.text.format(*texts), template.binds, tuple(parts))


def _fair(value: Any) -> bool:
    """Whether a value is neither empty nor so large that it says little."""
    largest = np.max(np.abs(value.astype(float)), initial=0.0)
    return bool(largest < 1e4) and 0 not in value.shape and 1 not in value.shape
