"""The keys of text files beside ``read``: what each means, and what is said of a misuse."""

from __future__ import annotations

import gzip
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from optserve.config.options import options_model
from optserve.errors import ConfigError
from optserve.jobs.problem import Problem
from optserve.jobs.run import run
from optserve.tables.csv import csv, dat, tsv, txt
from tests.docs.session import ROOT

Load = Callable[..., Problem]
FIT = "parameters: {a: 0, b: 0}\nloss: mean((y - a - b * x)**2)\noptimizer: lbfgs\n"
X, Y = [1.0, 2.0, 3.5], [2.0, 4.0, 6.5]


@pytest.mark.parametrize(
    ("name", "content", "keys"),
    [
        ("d.csv", "x,y\n1,2\n2,4\n3.5,6.5\n", ""),
        ("D.CSV", "x,y\n1,2\n2,4\n3.5,6.5\n", ""),
        ("d.tsv", "x\ty\n1\t2\n2\t4\n3.5\t6.5\n", ""),
        ("d.Txt", "x y\n1 2\n2 4\n3.5 6.5\n", ""),
        ("d.dat", "  x  y\n  1  2\n  2  4\n  3.5D0  6.5\n", ""),
        ("d.csv", "x;y\n1;2\n2;4\n3.5;6.5\n", 'separator: ";"'),
        ("d.txt", "x\ty\n1\t2\n2\t4\n3.5\t6.5\n", 'separator: "\\t"'),
        ("d.csv", "x;y\n1;2\n2,0;4\n3,5;6,5\n", 'separator: ";", decimal: ","'),
        ("d.csv", "x,y,Größe\n1,2,3\n2,4,3\n3.5,6.5,3\n", "encoding: latin-1"),
        ("d.csv", "# a\nx,y\n1,2\n2,4 # b\n3.5,6.5\n", 'comment: "#"'),
        ("d.csv", "one, two, three\nx,y\n1,2\n2,4\n3.5,6.5\n", "skip: 1"),
        ("d.csv", "1,2\n2,4\n3.5,6.5\n", "header: false, columns: {x: 0, y: 1}"),
    ],
)
def test_a_key_reads_what_it_is_for(
    name: str, content: str, keys: str, problem: Load, tmp_path: Path
) -> None:
    encoded = content.encode("latin-1" if "latin-1" in keys else "utf-8")
    (tmp_path / name).write_bytes(encoded)
    (tmp_path / f"{name}.gz").write_bytes(gzip.compress(encoded))
    keys = f", {keys}" if keys else ""
    results = []
    for read in (name, f"{name}.gz"):
        for in_memory in ("true", "false"):
            made = problem(f"data: {{read: {read}, in_memory: {in_memory}{keys}}}\n{FIT}")
            assert made.objective.data["x"][0:3].tolist() == X
            assert made.objective.data["y"][0:3].tolist() == Y
            assert made.objective.streamed == (in_memory == "false")
            results.append(run(made).parameters)
    assert all(result == results[0] for result in results)


@pytest.mark.parametrize(
    ("keys", "says"),
    [
        ("separator: 3", r"`data\.separator` is the number 3.*expected: a text"),
        ('separator: ";;"', r"the separator ';;' does not part values.*expected: one sign"),
        ("decimal: x", r"decimal sign 'x' is none.*a point"),
        ("encoding: utf-9", r"no encoding 'utf-9'.*such as utf-8, latin-1"),
        ("comment: x", r"comment 'x' may be part of a value.*such as \"#\""),
        ("skip: -1", r"`data\.skip` is the number -1.*at least 0"),
        ("skip: 9", r"nothing after the first 9 lines"),
        ("header: 1", r"`data\.header` is the number 1.*true or false"),
        ("separater: x", r"no key `separater`.*separator"),
    ],
)
def test_a_misuse_of_a_key_is_placed_and_told(
    keys: str, says: str, problem: Load, tmp_path: Path
) -> None:
    with pytest.raises(ConfigError) as caught:
        problem(f"data: {{read: d.csv, {keys}}}\n{FIT}")
    assert re.search(says, " ".join(str(caught.value).split())), str(caught.value)


@pytest.mark.parametrize("columns", ["", ", columns: {x: x, y: y}", ", columns: {x: 0, y: 1}"])
@pytest.mark.parametrize(
    ("content", "keys"),
    [
        ("x;y\n1,5;3,1\n2,5;5,0\n", '`separator: ";"` and `decimal: ","`'),
        ("x;y\n1;3\n2;5\n", '`separator: ";"`'),
        ("x\ty\n1\t2\n2\t4\n", '`separator: "\\t"`'),
    ],
)
def test_the_error_names_the_keys(
    content: str, keys: str, columns: str, problem: Load, tmp_path: Path
) -> None:
    (tmp_path / "d.csv").write_text(content)
    with pytest.raises(ConfigError) as caught:
        problem(f"data: {{read: d.csv{columns}}}\n{FIT}")
    assert caught.value.remedy == f"write {keys} beside `read`"


def test_a_comma_that_may_part_thousands_is_not_said_to_be_decimal(
    problem: Load, tmp_path: Path
) -> None:
    (tmp_path / "d.csv").write_text('x,y\n1,"1,234"\n2,"5,678"\n')
    with pytest.raises(ConfigError) as caught:
        problem(f"data: {{read: d.csv}}\n{FIT}")
    assert caught.value.remedy == (
        'write `decimal: ","` beside `read`, unless its commas part groups of digits: '
        "then take them out of the file"
    )


def test_a_number_beyond_all_floats(problem: Load, tmp_path: Path) -> None:
    (tmp_path / "d.csv").write_text("x,y\n1,1e400\n")
    with pytest.raises(ConfigError) as caught:
        problem(f"data: {{read: d.csv}}\n{FIT}")
    assert caught.value.remedy == "no float is so large: divide the column in the file"


def test_the_page_lists_every_key() -> None:
    page = (ROOT / "docs" / "data.md").read_text(encoding="utf-8")
    table = page[page.index("## Text files") : page.index("```python")]
    listed = re.findall(r"^\| `(\w+)` \|", table, re.MULTILINE)
    for reader in (csv, tsv, txt, dat):
        assert listed == list(options_model(reader).model_fields)
