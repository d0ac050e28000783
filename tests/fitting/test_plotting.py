"""`optserve.plot`: a picture of a result, by name, as text and as SVG."""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest

import optserve
from optserve.errors import ConfigError

T = np.arange(6.0)
Y = np.array([1.0, 2.2, 2.9, 4.1, 5.0, 5.8])


def fitted() -> optserve.Result:
    config = {
        "version": 1,
        "data": {"inline": {"t": T.tolist(), "y": Y.tolist()}},
        "parameters": {"a": 0, "b": 1},
        "least_squares": {"observed": "y", "predicted": "a + b * t"},
    }
    return optserve.run(optserve.load(config))


def test_every_picture_is_shown(tmp_path: Path) -> None:
    first = optserve.plot(fitted())
    assert first.name == "fit"
    for name in (first.name, *first.others):
        shown = optserve.plot(fitted(), name)
        assert {shown.name, *shown.others} == {first.name, *first.others}
        assert str(shown).startswith(shown.picture.caption)
        assert repr(shown) == str(shown)
        saved = shown.save(tmp_path / f"{name}.svg")
        root = ElementTree.fromstring(saved.read_text(encoding="utf-8"))
        assert root.tag == "{http://www.w3.org/2000/svg}svg"
        assert saved.read_text(encoding="utf-8") == shown.svg == shown._repr_svg_()


def test_a_fit_of_a_function_has_pictures_too() -> None:
    fit = optserve.curve_fit(lambda t, a, b: a + b * t, T, Y)
    assert optserve.plot(fit).picture.caption == optserve.plot(fit.result).picture.caption


def test_what_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="has no picture 'fits'") as caught:
        optserve.plot(fitted(), "fits")
    assert caught.value.remedy == "did you mean 'fit'?"
    with pytest.raises(ConfigError, match="what is to be drawn is a dict"):
        optserve.plot({})  # type: ignore[arg-type]
    with pytest.raises(ConfigError, match="is no name of an SVG"):
        optserve.plot(fitted()).save(tmp_path / "a.png")
    with pytest.raises(ConfigError, match="cannot write"):
        optserve.plot(fitted()).save(tmp_path / "none" / "a.svg")
