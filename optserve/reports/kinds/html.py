"""One page for a browser and for paper: see ``optserve.reports.html``."""

from __future__ import annotations

from optserve.jobs.record.ended import ReportWriter
from optserve.reports.html.page import page

__all__ = ["html"]


def html() -> ReportWriter:
    """A page with verdict, estimates, pictures of fit and descent, config and versions.

    It needs no network, is light or dark as the reader's screen is, and can be printed.
    """
    return page
