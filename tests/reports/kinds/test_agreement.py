"""All kinds of reports tell the same of the same jobs, and keep the rules of their formats."""

from __future__ import annotations

import re

import pytest

from optserve.jobs.record.ended import EndedJob
from optserve.reports.builtin import optserve_reports
from tests.reports.jobs import FAILS, HARD, JOBS, PASSES, REFUSED
from tests.reports.kinds.readers import READERS, read_openmetrics

WRITERS = {kind.__name__: kind() for kind in optserve_reports() if kind.__name__ != "pdf"}
"""All but the one whose file no reader is written for: tests/reports/pdf has its tests."""

WANTED = {
    (job.name, case.name): case.message for job in JOBS for case in job.cases if not case.holds
}


def written(kind: str, *jobs: EndedJob) -> str:
    text = WRITERS[kind](jobs)
    assert isinstance(text, str)
    return text


def bare(text: str) -> str:
    """Letters and digits alone, which no format writes in another way."""
    return "".join(re.findall(r"[a-zA-Z0-9]+", text.replace("\x1b", "x1b")))


def test_every_kind_has_a_reader() -> None:
    assert READERS.keys() == WRITERS.keys()


def test_what_fails_is_what_should() -> None:
    assert [name for _, name in WANTED] == [
        "termination",
        "expect.parameters.b1",
        "unknown-function",
        "unknown-function 2",
    ]


@pytest.mark.parametrize("kind", ["junit", "tap", "json", "openmetrics", "markdown", "html"])
def test_the_same_cases_fail_in_every_kind(kind: str) -> None:
    found = READERS[kind](written(kind, *JOBS))
    assert {(bare(job), bare(name)) for job, name in found} == {
        (bare(job), bare(name)) for job, name in WANTED
    }


@pytest.mark.parametrize("kind", ["junit", "tap", "json", "markdown", "html"])
def test_the_same_words_are_told_in_every_kind(kind: str) -> None:
    found = {
        bare(name): bare(told) for (_, name), told in READERS[kind](written(kind, *JOBS)).items()
    }
    for (_, name), told in WANTED.items():
        assert found[bare(name)].startswith(bare(told))


@pytest.mark.parametrize("kind", ["sarif", "gitlab"])
def test_issues_are_the_cases_that_fail_and_the_warnings(kind: str) -> None:
    found = [bare(told) for told in READERS[kind](written(kind, *JOBS)).values()]
    wanted = [bare(one.message) for job in JOBS for one in job.findings if not one.holds]
    assert len(found) == len(wanted) == len(WANTED) + 3
    assert all(any(want in told for told in found) for want in wanted)


@pytest.mark.parametrize("kind", WRITERS)
def test_a_job_that_passes_fails_nowhere(kind: str) -> None:
    quiet = EndedJob(
        "fit", 0, "fit.yaml", PASSES.result and PASSES.result.model_copy(update={"warnings": []})
    )
    assert not READERS[kind](written(kind, quiet))


@pytest.mark.parametrize("kind", WRITERS)
def test_no_job_is_no_error(kind: str) -> None:
    if kind == "openmetrics":
        assert read_openmetrics(written(kind)) == {}
    else:
        assert not READERS[kind](written(kind))


def test_numbers_are_those_of_the_result() -> None:
    found = read_openmetrics(written("openmetrics", *JOBS))
    result = PASSES.result
    assert result is not None
    assert found["optserve_loss"]["fit",] == result.loss
    assert found["optserve_duration_seconds"]["fit",] == result.seconds
    assert found["optserve_parameter"]["fit", "b1"] == result.parameters["b1"]
    assert found["optserve_standard_error"]["fit", "b2"] == result.standard_errors["b2"]
    assert found["optserve_exit_code"] == {
        ("fit",): 0,
        (f"other {HARD}",): 4,
        ("wrong",): 2,
    }


def test_places_are_lines_of_the_config() -> None:
    [failure] = [one for one in FAILS.cases if one.name == "expect.parameters.b1"]
    assert (failure.place.file, failure.place.line) == ("fits/other.yaml", 9)
    warning = FAILS.warnings[0]
    assert (warning.place.file, warning.place.line) == ("fits/other.yaml", 4)
    assert warning.message == HARD
    assert [one.place.file for one in REFUSED.findings] == ["fits/wrong.yaml"] * 2
