"""What is written elsewhere as primitives of optserve: programs, JAX functions, PyTorch modules.

It brings no names of its own; the hook of your plugin returns what these make.

>>> import sys
>>> from optserve_bridge import command
>>> double = command("double", [sys.executable, "-c", '''
... import json, sys
... for line in sys.stdin:
...     asked = json.loads(line)
...     x = asked["operands"]["x"]
...     if "cotangent" in asked:
...         print(json.dumps({"cotangents": {"x": 2.0 * asked["cotangent"]}}), flush=True)
...     else:
...         print(json.dumps({"value": 2.0 * x}), flush=True)
... '''], operands=["x"], shape=lambda x: ())
>>> float(double(21.0))
42.0
"""

from __future__ import annotations

from optserve_bridge.command import command
from optserve_bridge.from_jax import from_jax
from optserve_bridge.from_torch import from_torch

__all__ = ["command", "from_jax", "from_torch"]
