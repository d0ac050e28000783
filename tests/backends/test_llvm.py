"""The native backend: what is compiled, what is remembered, what is damaged."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from optserve.backends import llvm
from optserve.backends.llvm.ir import engine
from optserve.graph.interpret import interpret
from tests.backends.losses import LOSSES, Loss

CURVE = LOSSES[0]


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache folder of the test's own."""
    monkeypatch.setenv("OPTSERVE_CACHE_DIR", str(tmp_path))
    return tmp_path / "objects"


def compiled() -> Callable[[], tuple[Any, ...]]:
    call = llvm.compile_graph(CURVE.graph())
    return lambda: call(*CURVE.arguments(100))


def no_compiler(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_self: engine.Engine, _text: str) -> bytes:
        raise AssertionError("object code was made again")

    monkeypatch.setattr(engine.Engine, "object_code", refuse)


def test_object_code_is_remembered(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = compiled()()
    assert len(list(cache.glob("*.o"))) == 1
    no_compiler(monkeypatch)
    for one, same in zip(first, compiled()(), strict=True):
        assert one.tobytes() == same.tobytes()


def test_a_damaged_entry_is_made_again(cache: Path) -> None:
    first = compiled()()
    [entry] = cache.glob("*.o")
    for damaged in (b"", b"short", entry.read_bytes()[:-1], bytes(entry.stat().st_size)):
        entry.write_bytes(damaged)
        np.testing.assert_array_equal(first, compiled()())
        assert entry.stat().st_size > 1000


def test_a_cache_folder_that_others_may_write_in_is_left_alone(cache: Path) -> None:
    cache.mkdir()
    cache.chmod(0o777)
    compiled()()
    assert not list(cache.iterdir())


def test_a_cache_that_cannot_be_made_costs_time_only(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("OPTSERVE_CACHE_DIR", str(tmp_path / "file" / "below"))
    assert np.isfinite(compiled()()[0])


@pytest.mark.parametrize(("terms", "calls"), [(2, False), (40, True)])
def test_in_long_code_functions_are_called(
    terms: int, calls: bool, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    texts: list[str] = []
    original = engine.Engine.object_code

    def listen(self: engine.Engine, text: str) -> bytes:
        texts.append(text)
        return original(self, text)

    monkeypatch.setattr(engine.Engine, "object_code", listen)
    loss = Loss(
        "sines", lambda a, x: sum(np.sum(np.sin(k * a * x)) for k in range(terms)), [()], [()]
    )
    arguments = loss.arguments(1001)
    found = llvm.compile_graph(loss.graph())(*arguments)
    wanted = interpret(loss.graph(), *arguments)
    np.testing.assert_allclose(found, wanted, rtol=1e-11)
    [text] = texts
    assert ("@sin_8_double" in text) is calls
