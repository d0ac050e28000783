"""Results are read back as they were written, and nothing else is taken for one."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from optserve.errors import ConfigError
from optserve.jobs.record.result import read_result, result_json_schema
from tests.reports.records import evaluated, failed, fit, minimum


@pytest.mark.parametrize("made", [fit, minimum, evaluated, failed])
def test_a_result_is_read_as_it_was_written(made: object, tmp_path: Path) -> None:
    result = made()  # type: ignore[operator]
    path = tmp_path / "result.json"
    path.write_text(result.to_json())
    assert read_result(path).to_json() == result.to_json()


def test_the_schema_names_every_field_that_is_written() -> None:
    assert set(result_json_schema()["properties"]) == set(json.loads(fit().to_json()))


@pytest.mark.parametrize(
    ("change", "word"),
    [({"version": 2}, "version"), ({"loss": "low"}, "loss"), ({"extra": 1}, "extra")],
)
def test_what_is_no_result_is_refused(change: dict[str, object], word: str, tmp_path: Path) -> None:
    path = tmp_path / "result.json"
    path.write_text(json.dumps(json.loads(fit().to_json()) | change))
    with pytest.raises(ConfigError, match=word):
        read_result(path)


def test_a_file_that_is_not_there_or_no_json(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot read"):
        read_result(tmp_path / "absent.json")
    (tmp_path / "text.json").write_text("not json")
    with pytest.raises(ConfigError, match="JSON"):
        read_result(tmp_path / "text.json")
