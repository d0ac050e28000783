"""Workflow commands and the summary of a step, within what GitHub shows."""

from __future__ import annotations

from pathlib import Path

import pytest

from optserve.errors import ConfigError, ConfigErrors, OutputFailure, Place
from optserve.jobs.record.ended import EndedJob
from optserve.reports import github
from tests.reports.jobs import FAILS, PASSES


def test_a_job_that_passes_is_annotated_with_its_warnings_alone() -> None:
    lines = [*github.workflow_commands([PASSES])]
    assert lines
    assert all(line.startswith("::warning ") for line in lines)


def test_a_command_is_one_line_that_the_runner_reads_back() -> None:
    found = [*github.workflow_commands([FAILS])]
    [line] = [one for one in found if "line=9" in one]
    assert len(line.splitlines()) == 1
    head, _, message = line.removeprefix("::error ").partition("::")
    unescaped = message.replace("%0A", "\n").replace("%0D", "\r").replace("%25", "%")
    [failure] = [one for one in FAILS.cases if one.name == "expect.parameters.b1"]
    assert unescaped == failure.message
    fields = dict(field.split("=", 1) for field in head.split(","))
    assert (fields["file"], fields["line"], fields["col"]) == ("fits/other.yaml", "9", "3")


def test_of_many_errors_ten_are_shown_and_the_last_counts_the_rest() -> None:
    errors = [ConfigError(f"wrong {n}", place=Place("a.yaml", n), code="x") for n in range(1, 15)]
    job = EndedJob.of_error("a", ConfigErrors(errors), config="a.yaml")
    lines = [*github.workflow_commands([job])]
    assert len(lines) == github.MOST
    assert lines[-1] == "::error title=optserve::5 more of 14: see the step's summary"


def test_a_message_is_cut_at_what_github_takes() -> None:
    job = EndedJob.of_error("a", ConfigError("\u03bc" * 100_000, code="x"))
    [line] = github.workflow_commands([job])
    assert len(line.encode()) <= github.LONGEST + 100


def test_the_summary_is_added_to_and_never_too_large(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(github, "LARGEST", 700)
    file = tmp_path / "summary.md"
    file.write_text("before\n")
    for _ in range(3):
        github.append_summary([PASSES], {github.SUMMARY: str(file)})
    text = file.read_text()
    assert text.startswith("before\n## ")
    assert "does not fit" in text
    assert file.stat().st_size <= 700


def test_without_a_workflow_there_is_no_summary() -> None:
    github.append_summary([PASSES], {})


def test_a_summary_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    with pytest.raises(OutputFailure, match="cannot write the summary"):
        github.append_summary([PASSES], {github.SUMMARY: str(tmp_path / "no" / "file.md")})
