"""``resolved_text``: the config that a job ran, as YAML, with everything merged into it."""

from __future__ import annotations

import io

from ruamel.yaml import YAML

from optserve.jobs.problem import Problem

__all__ = ["resolved_text"]


def resolved_text(problem: Problem) -> str:
    """The config of ``problem``: what it extends merged in, ``--set`` and ``--seed`` applied.

    It is a config again, in the folder of the file it came from.
    """
    writer = YAML(typ="safe", pure=True)
    writer.default_flow_style = False
    writer.sort_base_mapping_type_on_output = False  # type: ignore[assignment]
    text = io.StringIO()
    writer.dump({**problem.metadata["config"], "seed": problem.seed}, text)
    return text.getvalue()
