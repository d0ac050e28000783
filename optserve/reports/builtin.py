"""The reports that ship with optserve, contributed through the hook of every plugin."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from optserve.jobs.record.ended import ReportWriter
from optserve.registry.hookspecs import hookimpl
from optserve.reports.kinds.gitlab import gitlab
from optserve.reports.kinds.html import html
from optserve.reports.kinds.json import json
from optserve.reports.kinds.junit import junit
from optserve.reports.kinds.markdown import markdown
from optserve.reports.kinds.openmetrics import openmetrics
from optserve.reports.kinds.pdf import pdf
from optserve.reports.kinds.sarif import sarif
from optserve.reports.kinds.tap import tap

__all__ = ["optserve_reports"]


@hookimpl
def optserve_reports() -> Sequence[Callable[..., ReportWriter]]:
    """The kinds of ``--report KIND=FILE``."""
    return [junit, sarif, gitlab, openmetrics, markdown, html, pdf, tap, json]
