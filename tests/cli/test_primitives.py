"""`optserve primitives`: the list, and one paragraph for each."""

from __future__ import annotations

from pathlib import Path

from optserve.cli.example import example
from optserve.registry import load
from tests.cli.conftest import Invoke

PLUGIN = """
from optserve.plugin import elementwise, hookimpl

gompertz = elementwise("gompertz", lambda t, rate=1.0: t * rate, doc="A law of growth. Not his.")


@hookimpl
def optserve_primitives():
    return [gompertz]
"""


def test_the_list_has_every_function_that_can_be_called_once(invoke: Invoke) -> None:
    result = invoke("primitives")
    registry = load()
    names = [line.split("(")[0] for line in result.output.splitlines()[1:]]
    assert result.exit_code == 0
    callable_ = [n for n, entry in registry.primitives.items() if not entry.value.call.internal]
    assert sorted(names) == sorted([*callable_, *registry.vocabulary().macros])


def test_a_plugin_file_takes_part(invoke: Invoke, here: Path) -> None:
    (here / "growth.py").write_text(PLUGIN)
    listed = invoke("primitives", "--plugin", "growth.py").output.splitlines()
    assert ["gompertz(t,", "rate=1.0)", "growth.py", "A", "law", "of", "growth"] in [
        line.split() for line in listed
    ]
    shown = invoke("primitives", "gompertz", "--plugin", "growth.py").output
    assert "that of its body" in shown
    assert "gompertz(0.5, 1) = 0.5, derivatives 1, 0.5" in shown
    assert "growth.py sha256:" in shown


def test_one_paragraph(invoke: Invoke) -> None:
    assert invoke("primitives", "tanh").output == (
        "tanh(x)\n"
        "  Hyperbolic tangent.\n"
        "\n"
        "  kind        elementwise\n"
        "  derivative  a partial derivative for each operand\n"
        "  domain      real\n"
        "  provider    optserve 0.1.0 (optserve.registry.builtin)\n"
        "  example     tanh(0.5) = 0.46211716, derivative 0.78644773\n"
    )


def test_every_primitive_has_an_example() -> None:
    for name, entry in load().primitives.items():
        assert example(entry.value).startswith(name), name


def test_a_function_over_primitives_is_shown_too(invoke: Invoke) -> None:
    shown = invoke("primitives", "scan").output
    assert shown.startswith("scan(step, init, xs")
    assert ">>>" not in shown


def test_an_unknown_name_gets_the_nearest(invoke: Invoke) -> None:
    result = invoke("primitives", "sofplus")
    assert (result.exit_code, result.stdout) == (2, "")
    assert "did you mean 'softplus'?" in result.stderr
