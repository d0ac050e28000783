"""`optserve primitives`: what expressions may call."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Annotated, Any

import typer

from optserve.cli.failures import ending
from optserve.cli.shared_options import PluginFiles
from optserve.cli.streams import output_width, write_output

if TYPE_CHECKING:
    from optserve.graph.primitive import Primitive
    from optserve.registry import Entry, Registry

__all__ = ["primitives"]


def primitives(
    *,
    name: Annotated[
        str | None,
        typer.Argument(metavar="NAME", help="The one to tell all about.", show_default=False),
    ] = None,
    plugin: PluginFiles,
) -> None:
    """List the functions that expressions may call.

    With a NAME, show all about one: its derivative rule, domain, provider, and an example.
    """
    with ending():
        from optserve.registry import check_files, load

        registry = load(files=plugin)
        check_files(registry, plugin)
        macros = registry.vocabulary().macros
        if name is None:
            lines = _listing(registry, macros)
        elif name in macros:
            lines = _of_macro(name, macros[name])
        else:
            lines = _of_primitive(registry.find("primitives", name))
        write_output("\n".join(lines))


def _listing(registry: Registry, macros: Any) -> Iterator[str]:
    """One line a function: the built-in ones by name, then those of plugins."""
    from optserve.reports.text_table import table

    entries = [
        (n, entry) for n, entry in registry.primitives.items() if not entry.value.call.internal
    ]
    ordered = sorted(entries, key=lambda item: (not item[1].builtin, item[1].distribution, item[0]))
    rows = [
        [
            _call(name, entry.value.call.signature),
            entry.distribution,
            _first_sentence(entry.value.doc),
        ]
        for name, entry in ordered
    ]
    rows += [
        [_call(name, inspect.signature(macro)), "optserve", _first_sentence(macro.__doc__ or "")]
        for name, macro in sorted(macros.items())
    ]
    width = output_width()
    for line in table([["function", "provider", "what it is"], *rows], indent=0):
        yield line if width is None or len(line) <= width else f"{line[: width - 3]}..."


def _of_macro(name: str, macro: Callable[..., Any]) -> Iterator[str]:
    yield _call(name, inspect.signature(macro))
    doc = inspect.getdoc(macro) or ""
    yield from _indented(doc.partition(">>>")[0].rstrip())  # its examples are for Python
    yield ""
    yield "  kind        a function over primitives; the derivatives are theirs"
    yield "  provider    optserve"


def _of_primitive(entry: Entry[Primitive]) -> Iterator[str]:
    from optserve.cli.example import example

    primitive = entry.value
    domain = primitive.call.domain
    domains = domain if isinstance(domain, tuple) else (domain,)
    facts = {
        "kind": primitive.kind,
        "derivative": _derivative(primitive),
        "domain": ", ".join(domain.text for domain in domains),
        "provider": f"{entry.distribution} {entry.version} ({entry.module})",
        "example": example(primitive),
    }
    yield _call(primitive.name, primitive.call.signature)
    yield from _indented(primitive.doc)
    yield ""
    yield from (f"  {key:<11} {value}" for key, value in facts.items())


def _derivative(primitive: Primitive) -> str:
    """Which kind of derivative rule it has."""
    own = primitive.derivative
    if not primitive.differentiable:
        return "none"
    if own.partials is not None:
        return "a partial derivative for each operand"
    if own.transpose is not None:
        return "a transpose, since it is linear " + (
            "in all operands together" if own.joint else "in each operand"
        )
    if own.pullback is not None or own.rule is not None:
        return "a pullback of its own"
    return "that of its body"


def _call(name: str, signature: inspect.Signature) -> str:
    """How it is called, without annotations.

    >>> _call("sum", inspect.signature(lambda x, /, axis=None: x))
    'sum(x, axis=None)'
    """
    parameters = [
        parameter.replace(annotation=parameter.empty) for parameter in signature.parameters.values()
    ]
    plain = str(signature.replace(parameters=parameters, return_annotation=signature.empty))
    return name + plain.replace(", /", "")


def _first_sentence(doc: str) -> str:
    """A summary of one line: up to the first full stop or semicolon that ends a clause.

    >>> _first_sentence("Absolute value; its derivative\\nat 0 is 0.")
    'Absolute value'
    """
    return re.split(r"[.;:](?:\s|$)", " ".join(doc.split()), maxsplit=1)[0]


def _indented(doc: str) -> Iterator[str]:
    return (f"  {line}".rstrip() for line in doc.splitlines())
