"""Which backend a job gets."""

from __future__ import annotations

import pytest

from optserve.backends.selection import NATIVE_WORK, builtin_backends, choose
from optserve.errors import ConfigError


@pytest.mark.parametrize("name", [backend.name for backend in builtin_backends()])
def test_by_name(name: str) -> None:
    assert choose(name).name == name


def test_auto_goes_by_the_work() -> None:
    assert choose("auto").name == "numpy"
    assert choose("auto", work=NATIVE_WORK).name == "llvm"


def test_auto_does_without_the_code_generator(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("optserve.backends.selection.find_spec", lambda name: None)
    assert choose("auto", work=NATIVE_WORK).name == "numpy"


def test_an_unknown_name_lists_what_there_is() -> None:
    with pytest.raises(ConfigError, match="no backend 'nunpy'") as caught:
        choose("nunpy")
    assert "auto, llvm, numpy" in caught.value.expected
