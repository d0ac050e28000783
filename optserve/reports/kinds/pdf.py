"""The report on paper: see ``optserve.reports.pdf``."""

from __future__ import annotations

from importlib.util import find_spec

from optserve.errors import ConfigError
from optserve.jobs.record.ended import ReportWriter

__all__ = ["pdf"]


def pdf() -> ReportWriter:
    """The page of `html` on sheets of A4, by matplotlib, which `pip install "optserve[report]"`
    installs.

    The same jobs make the same bytes.
    """
    if find_spec("matplotlib") is None:
        raise ConfigError(
            "the report pdf is drawn by matplotlib, which is not installed",
            remedy='pip install "optserve[report]", or take html, which a browser prints',
            code="not-installed",
        )
    from optserve.reports.pdf.document import document

    return document
