"""The oldest versions that ``pyproject.toml`` allows, as constraints for pip, one a line."""

import sys
import tomllib
from pathlib import Path

project = tomllib.loads(Path(__file__).parents[1].joinpath("pyproject.toml").read_text())["project"]
for requirement in project["dependencies"]:
    name, allowed, versions = requirement.partition(">=")
    if allowed:
        sys.stdout.write(f"{name}=={versions.partition(',')[0]}\n")
