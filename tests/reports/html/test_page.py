"""The page: what is on it, that it loads nothing, and how a browser lays it out."""

from __future__ import annotations

import re
import shutil
import subprocess
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest

from optserve import load, run
from optserve.jobs.record.ended import EndedJob
from optserve.reports.html.page import page
from tests.reports.jobs import FAILS, HARD, JOBS, PASSES, REFUSED

ROOT = Path(__file__).resolve().parents[3]
CHROMIUM = shutil.which("chromium")

VOID = {"meta", "br"}


class Reader(HTMLParser):
    """Holds that every element is closed, and gathers texts, and what would be loaded or run."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.open: list[str] = []
        self.texts: list[str] = []
        self.loads: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in VOID:
            self.open.append(tag)
        names = dict(attrs)
        self.loads += [str(names[name]) for name in ("src", "href", "data") if name in names]
        assert tag not in {"script", "link", "iframe", "object", "img"}
        assert not [name for name in names if name.startswith("on")]

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        pass

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.texts.append(data)


def read(*jobs: EndedJob) -> Reader:
    reader = Reader()
    reader.feed(page(jobs))
    reader.close()
    assert reader.open == []
    return reader


@pytest.mark.parametrize("job", JOBS, ids=["passes", "fails", "refused"])
def test_a_page_is_whole_and_loads_nothing(job: EndedJob) -> None:
    reader = read(job)
    assert reader.loads == []
    text = " ".join(reader.texts)
    assert job.verdict.replace("\x1b", "\\x1b") in text
    for one in job.findings:
        if not one.holds:
            assert one.message.split("\n")[0].replace("\x1b", "\\x1b") in text


def test_several_jobs_are_listed_first() -> None:
    reader = read(*JOBS)
    assert reader.loads == ["#job1", "#job2", "#job3"]
    assert "1 of 3 jobs passed" in " ".join(reader.texts)


def test_no_name_becomes_an_element() -> None:
    assert HARD.split("&")[0] not in page([FAILS])


def test_verdicts_are_words_and_not_colours_alone() -> None:
    for job, word in ((PASSES, "Passed"), (FAILS, "Failed"), (REFUSED, "Refused")):
        assert f"<b>{word}</b>" in page([job])


@pytest.fixture(scope="module")
def fitted(tmp_path_factory: pytest.TempPathFactory) -> EndedJob:
    """A real fit with everything that there are pictures of."""
    t = np.linspace(0, 5, 40)
    y = 3 * np.exp(-0.7 * t) + 0.05 * np.cos(np.arange(40) * 7.0)
    config = {
        "version": 1,
        "name": "decay",
        "data": {"inline": {"t": t.tolist(), "y": y.tolist()}},
        "parameters": {"A": 1, "k": 0.3, "c": 0.1},
        "define": {"mu": "A * exp(-k * t) + c"},
        "least_squares": {"observed": "y", "predicted": "mu"},
        "starts": {"points": [{"A": 5, "k": 1}]},
        "outputs": {
            "half_life": "log(2) / k",
            "curve": {"value": "mu", "at": {"t": "linspace(0, 6, 61)"}},
        },
        "expect": {"parameters.k": {"near": 0.7, "abs": 0.1}, "loss": {"max": 1e-3}},
    }
    result = run(load(config))
    return EndedJob("decay", result.exit_code, "decay.yaml", result, text="version: 1\n")


def test_a_limit_that_ended_a_descent_is_no_answer() -> None:
    config = {
        "version": 1,
        "name": "walk",
        "parameters": {"x": 3.0},
        "loss": "x**2",
        "optimizer": {"gradient_descent": {"learning_rate": 0.001}},
        "stop": {"steps": 5},
    }
    result = run(load(config))
    text = page([EndedJob("walk", 0, result=result)])
    assert result.exit_code == 0
    assert "whether it came to a minimum was not asked" in text
    assert "The answer can be used" not in text


def test_a_fit_has_its_pictures(fitted: EndedJob) -> None:
    text = page([fitted])
    labels = re.findall(r'aria-label="([^"]+)"', text)
    assert labels == [
        "observed and predicted over t",
        "residuals over t",
        "curve over t",
        "correlations of the estimates",
        "loss by evaluation",
        "gradient by evaluation",
    ]
    for heading in ("Estimates", "Fit", "Outputs", "Correlations", "Descent", "Starts", "Config"):
        assert f"<h2>{heading}</h2>" in text


MEASURE = """<script>
const all = query => [...document.querySelectorAll(query)];
const wide = all("body *").filter(one => !one.closest(".wide") && !one.closest("svg")
  && one.getBoundingClientRect().right > innerWidth + 1);
const cut = all("svg text").filter(one => {
  const a = one.getBoundingClientRect(), b = one.closest("svg").getBoundingClientRect();
  return a.left < b.left - 1 || a.right > b.right + 1 || a.bottom > b.bottom + 1; });
document.title = `wide ${wide.length} cut ${cut.length} seen ${all("svg").length}`;
</script>"""


@pytest.mark.skipif(CHROMIUM is None, reason="chromium is not installed")
@pytest.mark.nightly
@pytest.mark.parametrize("width", [360, 820, 1500])
def test_a_browser_lays_it_out_without_cutting_anything(
    fitted: EndedJob, tmp_path: Path, width: int
) -> None:
    file = tmp_path / "page.html"
    text = re.sub(r'<meta http-equiv="Content-Security-Policy"[^>]*>', "", page([fitted, *JOBS]))
    file.write_text(text.replace("</body>", f"{MEASURE}</body>"), encoding="utf-8")
    command = [
        str(CHROMIUM),
        "--headless",
        "--no-sandbox",
        "--disable-gpu",
        f"--user-data-dir={tmp_path / 'profile'}",
        f"--window-size={width},2000",
        "--dump-dom",
        file.as_uri(),
    ]
    found = subprocess.run(command, capture_output=True, text=True, check=True, timeout=120)
    title = re.search(r"<title>([^<]*)</title>", found.stdout)
    assert title is not None
    assert title[1].startswith("wide 0 cut 0 seen ")
