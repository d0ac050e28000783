"""docs/numpy.md says of every function of NumPy what it does with traced values, by calling it."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest

from optserve.errors import OptserveError
from optserve.primitives.numpy_meaning import MEANING
from optserve.primitives.numpy_refused import REFUSED
from optserve.transforms.functions import vjp
from tests.docs.session import ROOT
from tests.primitives.numpy_tables import KNOWN
from tests.primitives.test_numpy_calls import RIGHT, TRACED, calls, evaluated

PAGE = ROOT / "docs" / "numpy.md"

HEAD = """\
# NumPy's functions on traced values

<!-- All of this page is written by: pytest tests/docs/test_numpy.py --regen -->

What NumPy's functions do where Python code is differentiated, compiled or fitted. Each is called as
NumPy's is, by position and by name; an option that has no meaning here is refused by name. The
tests call every one of them, compare what it gives with NumPy, and its derivative with differences.
"""

SIZES = ("arange", "eye", "identity", "ones", "tri", "zeros")
"""Which take sizes alone, and never see a traced value."""

MADE = ("array", "asanyarray", "asarray", "ascontiguousarray", "full")
"""Which NumPy asks nobody about: they are lent to its module while a function is traced."""

ASKED = """
abs absolute add all allclose amax amin angle any append apply_along_axis arange arccos arccosh
arcsin arcsinh arctan arctan2 arctanh argmax argmin argsort around array array_split asarray astype
atleast_1d atleast_2d atleast_3d average block broadcast_arrays broadcast_to cbrt ceil choose clip
column_stack compress concatenate convolve copysign corrcoef correlate cos cosh count_nonzero cov
cross cumprod cumsum deg2rad degrees delete diag diagonal diff digitize divide divmod dot dsplit
dstack ediff1d einsum equal exp exp2 expand_dims expm1 eye fabs fix flip fliplr flipud float_power
floor floor_divide fmax fmin fmod frexp full full_like gradient greater heaviside hsplit hstack
hypot i0 identity inner insert interp isclose isfinite isinf isnan kron ldexp less linspace log
log10 log1p log2 logaddexp logaddexp2 logical_and logical_not logical_or logical_xor logspace matmul
max maximum mean median meshgrid min minimum mod modf moveaxis multiply nan_to_num nanmax nanmean
nanmedian nanmin nanpercentile nanprod nanquantile nanstd nansum nanvar negative nextafter nonzero
not_equal ones ones_like outer pad percentile piecewise place polyder polyint polyval positive power
prod ptp put_along_axis quantile rad2deg radians ravel real reciprocal remainder repeat reshape
resize rint roll rollaxis rot90 round searchsorted select sign sin sinc sinh size sort split sqrt
square squeeze stack std subtract sum swapaxes take take_along_axis tan tanh tensordot tile trace
transpose trapezoid tri tril triu true_divide trunc unique unravel_index unwrap vander var vdot
vsplit vstack where zeros zeros_like iscomplexobj conj conjugate imag real_if_close partition
"""

ELSEWHERE = {
    "np.ndim": "x * np.ndim(t)",
    "np.shape": "x * np.shape(t)[0]",
    "np.size": "x * np.size(t)",
    **{f"np.{one.__name__}": f"np.{one.__name__}(x / 2)" for one in MEANING.ufuncs if one.nin == 1},
    "np.arccosh": "np.arccosh(1.0 + abs(x))",
    "np.bitwise_count": "np.bitwise_count(np.argsort(x))",
    "np.invert": "np.invert(np.argsort(x))",
    "np.logical_not": "np.logical_not(x)",
    **{
        f"np.{one.__name__}": f"np.{one.__name__}(np.argsort(x), 2)"
        for one in MEANING.ufuncs
        if one.nin == 2 and one.__name__.startswith(("bitwise", "left", "right", "gcd", "lcm"))
    },
    **{
        f"np.{name}": f"np.{name}(abs(x), y)"
        for name in ("power", "floor_divide", "equal", "greater", "greater_equal", "less")
    },
    **{f"np.{name}": f"np.{name}(x, y)" for name in ("less_equal", "not_equal", "logical_or")},
}
"""A call of those that are written as operators in the tables."""


SAME = {
    "np.abs": "np.absolute",
    "np.true_divide": "np.divide",
    "np.conj": "np.conjugate",
    "np.mod": "np.remainder",
}
"""Another name of the same function."""


def _name(function: Any) -> str:
    module = getattr(function, "__module__", "") or ""
    room = next((one for one in ("linalg", "fft") if module.startswith(f"numpy.{one}")), "")
    return f"np.{room}.{function.__name__}" if room else f"np.{function.__name__}"


def _kind(call: str) -> str:
    """Whether the value of a call has a derivative at all."""
    code = compile(call, call, "eval")
    with np.errstate(all="ignore"):
        value, pullback = vjp(lambda *values: evaluated(code, *values), *TRACED.values())
        if not isinstance(value, np.ndarray | np.generic) or value.dtype.kind != "f":
            return "no derivative"
        back = pullback(np.ones(value.shape, value.dtype))
    return "works" if any(np.any(np.asarray(one) != 0) for one in back) else "no derivative"


def _listed() -> dict[str, tuple[str, str]]:
    """Each function with what it does, and what may be written instead."""
    rows: dict[str, tuple[str, str]] = {}
    every = [(call, "") for call in RIGHT]
    every += [(call, "where the numbers are known, as to `if`") for call in calls(KNOWN)]
    named = {
        _name(one) for one in (*MEANING.ufuncs, *MEANING.functions) if hasattr(one, "__name__")
    }
    named |= {f"np.{name}" for name in (*ASKED.split(), *MADE)}
    named -= {_name(one) for one in REFUSED} | {"np.getitem"}
    for name in sorted(named):
        found = [one for one in every if one[0].startswith(f"{name}(")]
        found = found or [one for one in every if re.search(rf"{re.escape(name)}\(", one[0])]
        found = found[:6]
        if name in SAME:
            found = [(call.replace(SAME[name], name), more) for call, more in every]
            found = [one for one in found if f"{name}(" in one[0]][:6]
        if name in ELSEWHERE and not found:
            found = [(ELSEWHERE[name], "")]
        if name[3:] in SIZES:
            rows[name] = "works", "of sizes, which are known"
            continue
        assert found, f"no table calls {name}"
        kinds = {_kind(call) for call, _ in found}
        rows[name] = "works" if "works" in kinds else "no derivative", found[0][1]
    rows |= {_name(one): ("refused", remedy) for one, remedy in REFUSED.items()}
    return dict(sorted(rows.items()))


@pytest.fixture(scope="module")
def rows() -> dict[str, tuple[str, str]]:
    return _listed()


def test_every_function_is_listed_as_what_it_is(
    rows: dict[str, tuple[str, str]], pytestconfig: pytest.Config
) -> None:
    table = ["| function | with traced values | |", "|---|---|---|"]
    table += [f"| `{name}` | {kind} | {more} |" for name, (kind, more) in rows.items()]
    page = HEAD + "\n" + "\n".join(table) + "\n"
    if pytestconfig.getoption("--regen"):
        PAGE.write_text(page, encoding="utf-8")
    assert PAGE.read_text(encoding="utf-8") == page


def test_every_function_that_people_asked_for_is_listed(rows: dict[str, tuple[str, str]]) -> None:
    assert {f"np.{name}" for name in ASKED.split()} - rows.keys() <= {
        f"np.{one}"
        for one in ("abs", "amax", "amin", "conj", "mod", "round", "around", "true_divide")
    }


@pytest.mark.parametrize("function", REFUSED, ids=_name)
def test_what_is_refused_says_what_to_write(function: Any) -> None:
    told = []
    for count in range(1, 5):
        try:
            vjp(lambda x, n=count: function(*[x] * n), np.ones((2, 2)))
        except (TypeError, OptserveError) as error:  # NumPy's own, of a wrong number of arguments
            told.append(str(error))
    assert any(REFUSED[function] in text for text in told)
