from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

pytest.importorskip("llvmlite")

from benchmarks.mathematics.cases import CASES, Case
from benchmarks.mathematics.measure import peer, worst
from benchmarks.mathematics.native import SCALARS, NativeFunction, compiled, module
from benchmarks.mathematics.reference import spacing
from optserve.backends.llvm.ir.builder import Builder, IRValue, constant
from optserve.backends.llvm.ir.engine import engine
from optserve.backends.llvm.ir.target import definitions
from optserve.backends.llvm.mathematics import FUNCTIONS

DTYPES = ("float64", "float32")
Functions = dict[tuple[str, str], NativeFunction]

UNARY = sorted({case.function for case in CASES} - {"arctan2", "hypot", "logaddexp", "power"})
BINARY = ("arctan2", "floor_divide", "hypot", "logaddexp", "power", "remainder")

EXTREMES = (
    *(0.0, 1.0, np.inf, 0.5, 1.5, 2.0, 2.5, 3.0, 7.0, 10.0, 30.0, 88.0, 100.0, 700.0, 709.9, 745.1),
    *(5e-324, 1e-310, 2.2250738585072014e-308, 1e-300, 1e-45, 1e-40, 1.1754943508222875e-38),
    *(1e-20, 1e-8, 0.1, 1e5, 1e10, 2.0**24, 2.0**53 - 1, 2.0**53 + 2, 3.4e38, 1e300, 1.79e308),
)
SPECIAL = np.array([*EXTREMES, *(-x for x in EXTREMES), np.nan])


@pytest.fixture(scope="module")
def functions() -> Functions:
    return compiled(DTYPES)


def same(found: NDArray[Any], expected: NDArray[Any], units: float) -> NDArray[np.bool_]:
    """Equal, signs of zeros included; or both NaN; or some units in the last place apart."""
    with np.errstate(all="ignore"):
        equal = (found == expected) & (np.signbit(found) == np.signbit(expected))
        near = np.abs(found - expected) <= units * np.spacing(np.abs(expected))
    return np.asarray(equal | (np.isnan(found) & np.isnan(expected)) | near)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.function}-{case.note[:5]}")
def test_errors_are_within_the_limits(case: Case, dtype: str, functions: Functions) -> None:
    pytest.importorskip("flint")
    found = worst(case, functions[case.function, dtype], 600)
    assert found.count > 500
    assert found.error <= case.limit, found


@pytest.mark.nightly
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.function}-{case.note[:5]}")
def test_errors_of_many_are_within_the_limits(case: Case, dtype: str, functions: Functions) -> None:
    pytest.importorskip("flint")
    found = worst(case, functions[case.function, dtype], 300_000, seed=1)
    assert found.error <= case.limit, found


@pytest.mark.nightly
@pytest.mark.parametrize("name", UNARY)
def test_one_float_in_257_against_double_precision(name: str, functions: Functions) -> None:
    if name in ("sigmoid", "gammaln", "digamma"):
        pytest.skip("its peer is no more precise than it in double, or is measured for x < 0")
    limit = max(case.limit for case in CASES if case.function == name)
    for start in range(0, 2**32, 2**26):
        patterns = np.arange(start + start // 2**26, start + 2**26, 257, dtype=np.uint32)
        x = patterns.view(np.float32)
        x = x[np.isfinite(x)]
        with np.errstate(all="ignore"):
            wide = x.astype(np.float64)
            exact = peer(name)(wide, out=np.empty_like(wide))
            single = exact.astype(np.float32)
            found = functions[name, "float32"](x)
            finite = np.isfinite(single) & np.isfinite(found)
        units = spacing(np.abs(exact[finite]), np.dtype(np.float32))
        assert np.abs((found[finite] - exact[finite]) / units).max(initial=0.0) <= limit
        largest = np.finfo(np.float32).max
        border = np.abs(np.where(np.isfinite(found), found, single)[~finite]) == largest
        same_kind = same(found[~finite], single[~finite], 0.0)
        assert (same_kind | border).all()


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", UNARY)
def test_special_values_are_those_of_numpy(name: str, dtype: str, functions: Functions) -> None:
    with np.errstate(all="ignore"):
        x = SPECIAL.astype(dtype)
        if name == "gammaln":  # SciPy overflows, and underflows, where it need not
            x = x[(np.abs(x) > 1e-306) | (x == 0.0)]
        if name == "sigmoid":
            x = x[~((x > -750.0) & (x < -709.0))]
        expected = np.empty_like(x)
        peer(name)(x, out=expected)
    found = functions[name, dtype](x)
    wrong = ~same(found, expected, 64.0)  # errors are another test's; the peers have their own
    assert not wrong.any(), list(zip(x[wrong], found[wrong], expected[wrong], strict=True))


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", BINARY)
def test_special_pairs_are_those_of_numpy(name: str, dtype: str, functions: Functions) -> None:
    with np.errstate(all="ignore"):
        x, y = (grid.ravel() for grid in np.meshgrid(SPECIAL.astype(dtype), SPECIAL.astype(dtype)))
        expected = peer(name)(x, y)
    found = functions[name, dtype](x, y)
    exact = name in ("floor_divide", "remainder")
    wrong = ~same(found, expected, 0.0 if exact else 4.0)
    assert not wrong.any(), list(
        zip(x[wrong], y[wrong], found[wrong], expected[wrong], strict=True)
    )


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", ["floor_divide", "remainder"])
def test_division_has_the_bits_of_numpy(name: str, dtype: str, functions: Functions) -> None:
    generator = np.random.default_rng(0)
    sizes = np.uint64 if dtype == "float64" else np.uint32
    for spread in (5, 60):  # quotients of a few digits, and of hundreds
        x, y = (
            np.ldexp(generator.uniform(-1, 1, 20_000), generator.integers(-spread, spread, 20_000))
            for _ in range(2)
        )
        x, y = x.astype(dtype), y.astype(dtype)
        found = functions[name, dtype](x, y)
        assert np.array_equal(found.view(sizes), getattr(np, name)(x, y).view(sizes))


def test_division_of_integers_is_that_of_numpy() -> None:
    found = compiled(("int64",), ("floor_divide", "remainder"))
    generator = np.random.default_rng(0)
    x = np.concatenate([generator.integers(-(2**63), 2**63 - 1, 1000), np.arange(-50, 50)])
    y = np.resize([-3, -2, -1, 0, 1, 2, 3, 7, 2**40], len(x))
    x[:9] = -(2**63)
    with np.errstate(all="ignore"):
        for name in ("floor_divide", "remainder"):
            expected = getattr(np, name)(x, y)
            assert np.array_equal(found[name, "int64"](x, y), expected)


def test_exact_values_are_exact(functions: Functions) -> None:
    for dtype in DTYPES:
        for name, x, value in (
            *(("exp", 0, 1), ("cos", 0, 1), ("cosh", 0, 1), ("erfc", 0, 1), ("log", 1, 0)),
            *(("arccos", 1, 0), ("gammaln", 1, 0), ("gammaln", 2, 0), ("sigmoid", 0, 0.5)),
            *(("tanh", 30, 1), ("erf", 7, 1), ("cbrt", 27, 3), ("cbrt", -8, -2)),
        ):
            assert functions[name, dtype](x)[0] == value, (name, x)
        for x, y, value in ((3, 2, 9), (2, -1074, 5e-324), (10, 2, 100), (4, 0.5, 2), (-2, 3, -8)):
            found = functions["power", dtype](x, y)[0]
            assert found == np.dtype(dtype).type(value), (x, y)


@pytest.mark.parametrize("name", ["sin", "cos", "tan"])
def test_the_hardest_angles(name: str, functions: Functions) -> None:
    """The double nearest to a multiple of pi / 2 (Kahan), the float nearest, and pi itself."""
    pytest.importorskip("flint")
    from benchmarks.mathematics.reference import errors

    for dtype, hardest in (
        ("float64", (6381956970095103.0 * 2.0**797, np.pi, 2.0**30, 1.79e308)),
        ("float32", (16367173.0 * 2.0**72, np.pi, 2.0**16, 3.4e38)),
    ):
        x = np.array([*hardest, *np.negative(hardest)], dtype)
        found = errors(name, [x], functions[name, dtype](x))
        assert np.abs(found).max() <= 1.0


def test_constant_exponents_are_powers(functions: Functions) -> None:
    """Small ones are multiplications: the same special values, within four units."""

    def constant_power(exponent: float) -> Any:
        def operation(b: Builder, x: IRValue) -> IRValue:
            return FUNCTIONS["power"](b, x, constant(exponent, x.type))

        return operation

    exponents = (-2.0, -1.0, -0.5, 0.5, 1.0, 1.5, 2.0, 3.0, 4.0)
    operations = {f"power{k}": constant_power(y) for k, y in enumerate(exponents)}
    for dtype in DTYPES:
        found = compiled((dtype,), tuple(operations), operations=operations)
        with np.errstate(all="ignore"):
            x = SPECIAL.astype(dtype)
            for k, exponent in enumerate(exponents):
                expected = np.power(x, np.full_like(x, exponent))
                wrong = ~same(found[f"power{k}", dtype](x), expected, 4.0)
                assert not wrong.any(), (exponent, x[wrong])


@pytest.mark.parametrize("lanes", [1, 4])
def test_the_bits_do_not_depend_on_the_number_of_lanes(lanes: int, functions: Functions) -> None:
    names = ("exp", "power", "sin", "remainder", "gammaln", "arctan2")
    other = compiled(DTYPES, names, lanes)
    generator = np.random.default_rng(0)
    for name in names:
        for dtype in DTYPES:
            x, y = (generator.normal(0.0, 1e3, 64).astype(dtype) for _ in range(2))
            operands = (x, y)[: functions[name, dtype].arity]
            found = other[name, dtype](*operands)
            assert np.array_equal(found, functions[name, dtype](*operands), equal_nan=True)


def test_no_function_calls_another_library() -> None:
    """Not even through an intrinsic that the processor has no instruction for; nor on ARM."""
    from llvmlite import binding

    here = engine()
    binding.initialize_all_targets()
    binding.initialize_all_asmprinters()
    for triple, processor, features in (
        (here.triple, here.processor, here.features),
        ("x86_64-unknown-linux-gnu", "haswell", ""),
        ("aarch64-unknown-linux-gnu", "generic", ""),
    ):
        text = module([(name, dtype) for name in FUNCTIONS for dtype in DTYPES])
        text += definitions(text, triple, features)
        parsed = binding.parse_assembly(f'target triple = "{triple}"\n{text}')
        machine = binding.Target.from_triple(triple).create_target_machine(
            cpu=processor, opt=1, reloc="pic", codemodel="default"
        )
        assembly = machine.emit_assembly(parsed)
        called = set(re.findall(r"^\s+(?:callq?|jmpq?|bl?)\s+([\w*].*)", assembly, re.MULTILINE))
        assert {name.removesuffix("@PLT") for name in called} == {
            "optserve.large_angles",
            "optserve.long_division",
            "target.scaled.v8f32",
            "target.scaled.v8f64",
        }


def test_every_function_is_measured() -> None:
    measured = {case.function for case in CASES} | {"floor_divide", "remainder"}
    assert measured == set(FUNCTIONS)
    assert set(UNARY) | set(BINARY) == measured
    assert set(DTYPES) < set(SCALARS)


@pytest.mark.nightly
def test_the_coefficients_are_those_of_the_fits() -> None:
    pytest.importorskip("mpmath")
    import inspect

    from benchmarks.mathematics.coefficients import source
    from optserve.backends.llvm.mathematics import coefficients

    assert inspect.getsource(coefficients) == source()
