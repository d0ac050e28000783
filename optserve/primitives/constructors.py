"""The four ways to make a primitive: ``elementwise``, ``linear``, ``composite``, ``opaque``.

Each is a shorthand for the general rule ``rule(*operands, **attributes) -> out, pullback``. Rules
are written in NumPy functions or in other primitives, so that they run on arrays and on tracers
alike: a derivative compiles on every backend and differentiates again. A rule states mathematics
and nothing else: un-broadcasting, pruning and accumulation are the engine's.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Sequence
from types import FunctionType
from typing import Any, TypedDict, Unpack

import numpy as np

from optserve.errors import ShapeError
from optserve.graph.aval import Aval, DType, broadcast_shapes
from optserve.graph.axes import aligned, mixed
from optserve.graph.domain import Domain, Example, real
from optserve.graph.facts import NOTHING, Facts
from optserve.graph.primitive import Calling, Derivative, Primitive, Value
from optserve.graph.ufuncs import CONTRIBUTED
from optserve.primitives.called_pullback import traced_or_called

__all__ = ["Options", "composite", "elementwise", "linear", "opaque"]


class Options(TypedDict, total=False):
    """What every constructor takes beside the mathematics.

    ``domain`` says where operands may lie (one for all, or one each), ``examples`` at which shapes
    and attributes to test it, ``tolerance`` which relative error values and derivatives may have:
    of what is noisy, or iterates. ``arguments`` maps the call that a person writes to (operands,
    attributes). ``selects`` says that it selects between its operands, as ``where`` and ``maximum``
    do. ``floating`` says whether integer operands are made floats first, ``promotes`` whether
    operands are cast to one dtype, but those that it ``keeps``. ``like_operands`` says of a
    function applied entry by entry that of floats of one dtype its result has that dtype; without
    it, it is evaluated once to find out. ``means`` is the ufunc that becomes this primitive on
    traced values. An ``internal`` primitive only stands in graphs. ``facts`` are what others must
    know of it, ``doc`` is its documentation.
    """

    domain: Domain | tuple[Domain, ...]
    examples: Sequence[Example]
    tolerance: float
    arguments: Callable[..., tuple[Sequence[Value], dict[str, Any]]]
    selects: bool
    floating: bool
    promotes: bool
    keeps: Sequence[int]
    like_operands: bool
    means: np.ufunc | None
    internal: bool
    facts: Facts
    doc: str


def elementwise(
    name: str,
    body: Callable[..., Value] | None = None,
    *,
    ufunc: Callable[..., Value] | None = None,
    partials: Callable[..., tuple[Value | None, ...]] | None = None,
    **options: Unpack[Options],
) -> Primitive:
    """A function applied entry by entry, its operands broadcast against each other.

    Parameters
    ----------
    body, ufunc:
        What it computes: a function written in plain NumPy over other primitives (positional
        parameters are operands and may have defaults, keyword-only ones are attributes), or a
        ufunc.
    partials:
        ``(out, *operands, **attributes) -> (d out / d operand, ...)``; ``None`` in place of one
        that has no derivative. Without it the body is differentiated.

    >>> import numpy as np
    >>> from optserve.primitives.constructors import elementwise
    >>> cube = elementwise("cube", lambda x: x * x * x, partials=lambda out, x: (3 * x * x,))
    >>> cube(np.array([1.0, 2.0])).tolist()
    [1.0, 8.0]
    """
    impl = ufunc or body
    if impl is None:
        raise TypeError(f"elementwise({name!r}) needs a body or a ufunc")
    floating, like_operands = True, options.get("like_operands", False)
    if isinstance(ufunc, np.ufunc):
        floating = _is_floating(ufunc)
        options.setdefault("means", ufunc)

    @functools.lru_cache(maxsize=256)
    def result_dtype(dtypes: tuple[DType, ...], attributes: tuple[tuple[str, Any], ...]) -> DType:
        try:
            with np.errstate(all="ignore"):
                out = impl(*(np.ones((), dtype) for dtype in dtypes), **dict(attributes))
        except TypeError as error:
            listed = " and ".join(dtype.name for dtype in dtypes)
            raise ShapeError(f"is not defined for {listed}: {error}") from error
        return np.asarray(out).dtype

    def shape(*avals: Aval, **attributes: Any) -> Aval:
        dtypes = tuple(aval.dtype for aval in avals)
        if like_operands and dtypes[0].kind == "f" and len({*dtypes}) == 1:
            dtype = dtypes[0]
        else:
            dtype = result_dtype(dtypes, tuple(attributes.items()))
        return Aval(broadcast_shapes(*(aval.shape for aval in avals)), dtype)

    made = Primitive(
        name=name,
        kind="elementwise",
        impl=impl,
        body=body,
        shape=shape,
        axes=aligned,
        derivative=Derivative(partials=partials, selects=options.get("selects", False)),
        call=_call(impl, options, floating=floating),
        facts=options.get("facts", NOTHING),
        doc=_doc(options, body),
    )
    CONTRIBUTED.note(made)
    return made


def linear(
    name: str,
    impl: Callable[..., Value],
    *,
    shape: Callable[..., Aval],
    transposes: Sequence[Callable[..., Value] | None] | Callable[..., Value | None],
    joint: bool = False,
    axes: Callable[..., Any] = mixed,
    **options: Unpack[Options],
) -> Primitive:
    """A function that is linear in each floating operand, or ``joint``ly in all of them.

    Parameters
    ----------
    impl, shape:
        ``impl(*arrays, **attributes)`` computes; ``shape(*avals, **attributes)`` gives the aval.
    transposes:
        One ``(cotangent, *operands, **attributes) -> cotangent of the operand`` for each operand,
        ``None`` for one that has none (indices). For any number of operands, one function
        ``(index, cotangent, *operands, **attributes)``.
    joint:
        ``True`` for a sum-like function (concatenate); ``False`` for a product-like one (matmul).
    """
    if callable(transposes):
        transpose = transposes
    else:
        listed = tuple(transposes)

        def transpose(index: int, ct: Value, *operands: Value, **attributes: Any) -> Value | None:
            rule = listed[index]
            return None if rule is None else rule(ct, *operands, **attributes)

    selects = options.get("selects", False)
    return Primitive(
        name=name,
        kind="linear",
        impl=impl,
        shape=shape,
        axes=axes,
        derivative=Derivative(transpose=transpose, joint=joint, selects=selects),
        call=_call(impl, options, floating=False),
        facts=options.get("facts", NOTHING),
        doc=_doc(options, impl),
    )


def composite(
    name: str,
    body: Callable[..., Value],
    *,
    impl: Callable[..., Value] | None = None,
    pullback: Callable[..., tuple[Value | None, ...]] | None = None,
    rule: Callable[..., Any] | None = None,
    jvp: Callable[..., tuple[Value, Value]] | None = None,
    axes: Callable[..., Any] | None = None,
    **options: Unpack[Options],
) -> Primitive:
    """A function written over other primitives; its shape, jvp and axis rule follow from the body.

    Where it is more stable or cheaper than the derivative of the body, give ``pullback(cotangent,
    out, *operands, **attributes)``, or the general ``rule(*operands, **attributes) -> (out,
    pullback)``, which may keep what it computed on the way; ``impl`` where NumPy computes the value
    better.

    >>> import numpy as np
    >>> from optserve.primitives.constructors import composite
    >>> rms = composite("rms", lambda x: np.sqrt(np.mean(x * x)))
    >>> float(rms(np.array([3.0, 3.0])))
    3.0
    """
    selects = options.get("selects", False)
    return Primitive(
        name=name,
        kind="composite",
        impl=impl or body,
        body=body,
        axes=axes,
        derivative=Derivative(pullback=pullback, rule=rule, jvp=jvp, selects=selects),
        call=_call(body, options, floating=True),
        facts=options.get("facts", NOTHING),
        doc=_doc(options, body),
    )


def opaque(
    name: str,
    impl: Callable[..., Value],
    *,
    shape: Callable[..., Aval | tuple[Aval, ...]],
    pullback: Callable[..., tuple[Value | None, ...]] | None = None,
    jvp: Callable[..., tuple[Value, Value]] | None = None,
    axes: Callable[..., Any] = mixed,
    **options: Unpack[Options],
) -> Primitive:
    """A function that only NumPy code can compute: a simulator, a C library.

    ``pullback(cotangent, out, *operands, **attributes)`` gives a cotangent for each operand
    (``None`` for none); of a function of several results, the first two are tuples. Where it is
    written in primitives it is differentiated again. Otherwise it is called out to, and a second
    derivative raises, naming this primitive; without a ``jvp``, forward mode then calls it once for
    each entry of the results.
    """
    selects = options.get("selects", False)
    pull = None if pullback is None else traced_or_called(name, pullback)
    return Primitive(
        name=name,
        kind="opaque",
        impl=impl,
        shape=shape,
        axes=axes,
        derivative=Derivative(pullback=pull, jvp=jvp, selects=selects),
        call=_call(impl, options, floating=True),
        facts=options.get("facts", NOTHING),
        doc=_doc(options, impl),
    )


def _call(function: Callable[..., Any], options: Options, *, floating: bool) -> Calling:
    """How it is called: as ``function`` is, unless the options say otherwise."""
    arguments = options.get("arguments")
    signed = functools.cache(functools.partial(_signature, arguments or function))
    if not isinstance(arguments or function, FunctionType):
        signed()  # fails here and now where there is none
    return Calling(
        signed=signed,
        means=options.get("means"),
        arguments=arguments or _arguments(signed),
        internal=options.get("internal", False),
        promotes=options.get("promotes", True),
        keeps=frozenset(options.get("keeps", ())),
        floating=options.get("floating", floating),
        domain=options.get("domain", real),
        examples=tuple(options.get("examples", ())),
        tolerance=options.get("tolerance", 0.0),
    )


def _signature(function: Callable[..., Any]) -> inspect.Signature:
    if isinstance(function, np.ufunc):
        return _ufunc_signature(function)
    return inspect.signature(function).replace(return_annotation=inspect.Signature.empty)


def _ufunc_signature(ufunc: np.ufunc) -> inspect.Signature:
    kind = inspect.Parameter.POSITIONAL_ONLY
    names = "xyz" if ufunc.nin <= 3 else [f"x{i}" for i in range(ufunc.nin)]
    return inspect.Signature([inspect.Parameter(name, kind) for name in names[: ufunc.nin]])


def _is_floating(ufunc: np.ufunc) -> bool:
    """Whether the ufunc has no loop for integers of its own."""
    return not any(types.split("->")[0] == "l" * ufunc.nin for types in ufunc.types)


def _arguments(
    signed: Callable[[], inspect.Signature],
) -> Callable[..., tuple[Sequence[Value], dict[str, Any]]]:
    """Split a call into operands (positional parameters) and attributes (keyword-only ones)."""

    @functools.cache
    def counted() -> tuple[inspect.Signature, set[str], int]:
        signature = signed()
        keyword_only = {
            name
            for name, parameter in signature.parameters.items()
            if parameter.kind is inspect.Parameter.KEYWORD_ONLY
        }
        kinds = inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD
        plain = sum(one.kind in kinds for one in signature.parameters.values())
        if plain + len(keyword_only) < len(signature.parameters):  # any number of operands
            plain = -1
        return signature, keyword_only, plain

    def arguments(*values: Value, **keywords: Any) -> tuple[Sequence[Value], dict[str, Any]]:
        signature, keyword_only, plain = counted()
        if len(values) == plain and keywords.keys() == keyword_only:  # nothing to sort out
            return values, keywords
        bound = signature.bind(*values, **keywords)
        bound.apply_defaults()
        attributes = {name: bound.kwargs[name] for name in keyword_only}
        return bound.args, attributes

    return arguments


def _doc(options: Options, function: Callable[..., Any] | None) -> str:
    """The documentation that is given, or else that of ``function``."""
    own = inspect.getdoc(function) if function is not None else ""
    return inspect.cleandoc(options.get("doc", "") or own or "")
