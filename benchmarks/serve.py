"""``python -m benchmarks.serve WORKLOAD CONTENDER``: the process that one contender runs in.

It reads ``first`` and ``run``, a line each, and answers what each took, a line of JSON each.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Sequence

from benchmarks.runners import Here
from benchmarks.workloads import load

__all__ = ["main"]


def main(arguments: Sequence[str]) -> None:
    """Answer until there are no more questions."""
    name, label = arguments
    workload = load(name)
    [contender] = [one for one in workload.contenders if one.label == label]
    here = Here(workload, contender)
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "w", encoding="utf-8", buffering=1)
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())  # whatever a library prints is no answer
    for question in sys.stdin:
        try:
            taken = here.first() if question.strip() == "first" else here.run()
        except ImportError as error:
            print(json.dumps({"absent": str(error)}), file=answers)
        else:
            print(json.dumps({"taken": taken}), file=answers)


if __name__ == "__main__":
    main(sys.argv[1:])
