"""``python -m optserve.testing.package``: examines one module of a plugin, and prints JSON.

Its arguments are the file to write, the module, the distribution and its version, and folders to
import from. ``optserve plugin check`` starts it, so that what a plugin does to its process does
not matter.
"""

from __future__ import annotations

import json
import os
import sys
from dataclasses import asdict
from pathlib import Path

from optserve.testing.package.behaviour import examine

if __name__ == "__main__":
    out, module, name, version, *roots = sys.argv[1:]
    contributed, findings = examine(module, name, version, [Path(root) for root in roots])
    written = {"contributed": contributed, "findings": [asdict(one) for one in findings]}
    Path(out).write_text(json.dumps(written), encoding="utf-8")
    os._exit(0)  # whatever the plugin left running
