"""docs/gallery.md is written of the examples: each with its picture, its config, its known answer.

``tests/configs`` runs the configs; ``python -m benchmarks.gallery`` draws the pictures.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "gallery.md"
TOLD: dict[str, dict[str, Any]] = YAML(typ="safe").load(
    Path(__file__).with_name("gallery.yaml").read_text(encoding="utf-8")
)
HEAD = """\
# Gallery

<!-- All of this page is written by: pytest tests/docs/test_gallery.py --regen -->

Published models, each with a picture of its fit, its whole config, and the answer that is known
from elsewhere. Their data are listed in [configs](../configs/README.md). For example
`optserve run configs/garch.yaml` runs one, and a test runs all.

Where a program of one piece exists for the same model, the table counts its lines (without blanks
and comments) beside those of the config (without what it expects). Stan's are those of
[posteriordb](https://github.com/stan-dev/posteriordb), less `generated quantities`; they draw from
the posterior, where optserve finds its mode. Those of networks read the larger images of MNIST.

| config | lines | elsewhere | lines |
|---|---|---|---|
"""


def config(name: str) -> str:
    return (ROOT / "configs" / f"{name}.yaml").read_text(encoding="utf-8")


def lines(name: str) -> int:
    """The lines of a config that say something, up to what it expects."""
    text = config(name).partition("\nexpect:")[0]
    return sum(
        not line.lstrip().startswith("#") and bool(line.strip()) for line in text.split("\n")
    )


def page() -> str:
    table = [
        f"| [{name}](#{name}) | {lines(name)} | {told['peer']} | {told['lines']} |\n"
        for name, told in TOLD.items()
        if "peer" in told
    ]
    sections = [
        f"\n## {name}\n\n**{told['title']}.** {told['shows']}\n\n"
        f"![{told['title']}](gallery/{name}.png)\n\n"
        f"```yaml\n{config(name)}```\n\nKnown: {told['answer']}\n"
        for name, told in TOLD.items()
    ]
    return HEAD + "".join(table) + "".join(sections)


def test_the_page_is_as_written(request: pytest.FixtureRequest) -> None:
    if request.config.getoption("--regen"):
        PAGE.write_text(page(), encoding="utf-8")
    assert PAGE.read_text(encoding="utf-8") == page()


@pytest.mark.parametrize("name", TOLD)
def test_a_picture_is_there(name: str) -> None:
    picture = ROOT / "docs" / "gallery" / f"{name}.png"
    assert picture.read_bytes().startswith(b"\x89PNG")
    assert picture.stat().st_size < 60_000


@pytest.mark.parametrize("name", [name for name, told in TOLD.items() if "peer" in told])
def test_a_config_is_shorter_than_its_peer(name: str) -> None:
    assert lines(name) < TOLD[name]["lines"]
