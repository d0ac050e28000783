from __future__ import annotations

from pathlib import Path

import pytest

from optserve.config.source import LIMIT, Source, read_source
from optserve.errors import ConfigError


def test_a_place_has_line_column_excerpt_and_width() -> None:
    source = Source("fit.yaml", "version: 1\n  name: fit  \nseed: 0")
    place = source.place(13, 22, "name")
    assert (str(place), place.excerpt, place.width) == ("fit.yaml:2:3", "  name: fit", 9)
    assert source.text[13:22] == "name: fit"


def test_a_place_ends_with_its_line() -> None:
    assert Source("fit.yaml", "a:\n  b: 1\n").place(0, 9).width == 2


def test_a_tab_of_the_excerpt_is_as_wide_as_the_caret_line_thinks() -> None:
    assert Source("fit.yaml", "a\tb").place(2, 3).excerpt == "a b"


def test_the_byte_order_mark_is_no_character(tmp_path: Path) -> None:
    path = tmp_path / "fit.yaml"
    path.write_bytes(b"\xef\xbb\xbfversion: 1\r\n")
    source = read_source(path)
    assert source.text == "version: 1\r\n"
    assert source.place(0, 7).excerpt == "version: 1"


def test_a_config_that_is_too_large_is_refused_unread(tmp_path: Path) -> None:
    path = tmp_path / "fit.yaml"
    path.write_bytes(b"#" * (LIMIT + 1))
    with pytest.raises(ConfigError, match="too large"):
        read_source(path)
    path.write_bytes(b"#" * LIMIT)
    assert len(read_source(path).text) == LIMIT


def test_a_folder_and_a_missing_file_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="Is a directory"):
        read_source(tmp_path)
    (tmp_path / "fit.yaml").touch()
    with pytest.raises(ConfigError, match=r"did you mean 'fit\.yaml'"):
        read_source(tmp_path / "fitt.yaml")
    with pytest.raises(ConfigError, match="there is no folder"):
        read_source(tmp_path / "nowhere" / "fit.yaml")


def test_the_text_of_a_config_is_no_path() -> None:
    with pytest.raises(
        ConfigError, match=r"a text of 2 lines is no path: 'version: 1' \.\.\."
    ) as caught:
        read_source(Path("\nversion: 1\nloss: x**2\n"))
    assert "mapping" in caught.value.remedy
