"""``plan``: which jobs a config stands for: one, or all that its ``sweep`` names."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import product
from random import Random
from typing import Any, NamedTuple

from optserve.config.nodes import Node, ScalarNode, SequenceNode, plain
from optserve.config.overrides import apply
from optserve.config.parse_yaml import parse_value
from optserve.config.ranges import check_range
from optserve.config.schema.sweep import Draw, Sweep
from optserve.config.schema.validation import validated
from optserve.config.source import Source
from optserve.config.suggest import choices, did_you_mean
from optserve.config.written import Read
from optserve.errors import ConfigError, Place

__all__ = ["Planned", "Settings", "plan", "swept_on_command_line"]

Settings = Mapping[str, Any]
"""Values by path of the config."""

MOST = 100_000
"""Jobs that one config may stand for."""

LONGEST = 40
"""Characters of a value that stand in an id."""


class Planned(NamedTuple):
    """One job of a config: what tells it apart, its settings, and the config that they make."""

    label: str
    settings: Settings
    read: Read


def plan(read: Read, given: Mapping[str, Sequence[Any]]) -> tuple[Sweep | None, Sequence[Planned]]:
    """The sweep of a config, if there is one, and its jobs; ``given`` is swept besides.

    The label of a job depends on its settings alone.

    >>> from pathlib import Path
    >>> from optserve.config.parse_yaml import parse
    >>> text = "{version: 1, parameters: {b: 1}, loss: b, sweep: {grid: {seed: [0, 1]}}}"
    >>> tree: Any = parse(Source("fit.yaml", text))
    >>> [job.label for job in plan(Read(Path("fit.yaml"), tree), {"stop.steps": [5]})[1]]
    ['[seed=0,steps=5]', '[seed=1,steps=5]']
    """
    entry = read.tree.entries.get("sweep")
    rest = {key: one for key, one in read.tree.entries.items() if key != "sweep"}
    tree = replace(read.tree, entries=rest)
    sweep = None if entry is None else validated(Sweep, entry.value)
    if sweep is None and not given:
        return None, [Planned("", {}, Read(read.file, tree))]
    place = None if entry is None else entry.value.place
    settings = [{**own, **dict(pairs)} for own, pairs in _combined(sweep, given)]
    paths = list(dict.fromkeys(path for one in settings for path in one))
    if sweep is not None:
        _check_expectations(sweep, paths)
    names = _short_names(paths)
    jobs, seen = list[Planned](), set[str]()
    for number, one in enumerate(settings):
        label = ",".join(f"{names[path]}={_shown(value, number)}" for path, value in one.items())
        if label in seen:
            if set(one) & set(given) or sweep is None or sweep.random is None:
                raise ConfigError(
                    f"two jobs of the sweep have the same settings: {label}",
                    place=place or Place(str(read.file)),
                    expected="each value once",
                    code="contradiction",
                )
            continue  # drawn twice
        seen.add(label)
        texts = [f"{path}={json.dumps(value)}" for path, value in one.items()]
        made = apply(tree, texts, read.file.parent, origin="sweep")
        jobs.append(Planned(f"[{label}]", one, Read(read.file, made)))
    return sweep, jobs


def swept_on_command_line(texts: Sequence[str]) -> Mapping[str, Sequence[Any]]:
    """The values by path of ``a.b=1,2,3`` texts.

    >>> swept_on_command_line(["seed=0,1", "optimizer=[adam, lbfgs]"])
    {'seed': [0, 1], 'optimizer': ['adam', 'lbfgs']}
    """
    found = dict[str, Sequence[Any]]()
    for text in texts:
        path, equals, written = (part.strip() for part in text.partition("="))
        inner = written if written.startswith("[") else f"[{written}]"
        node: Node | None = None
        if path and equals and written:
            node = parse_value(Source("--sweep", inner))
        if not isinstance(node, SequenceNode) or not node.items:
            raise ConfigError(
                f"--sweep {text}: there is no `path=value,value` here",
                expected="--sweep seed=0,1,2",
                code="override",
            )
        if path.partition(".")[0] == "sweep":
            inside = path.partition(".")[2].partition(".")[2] or "seed"
            raise ConfigError(
                f"--sweep {text}: a sweep itself cannot be swept",
                expected="the path of a setting that jobs are to have: --sweep seed=0,1,2",
                remedy=f"for other values than the config's own: --sweep {inside}={written}",
                code="override",
            )
        found[path] = [plain(item) for item in node.items]
    return found


def _combined(
    sweep: Sweep | None, given: Mapping[str, Sequence[Any]]
) -> Iterator[tuple[Settings, Sequence[tuple[str, Any]]]]:
    """The settings of each job: those of the config, and those that are given besides."""
    besides = [[(path, value) for value in values] for path, values in given.items()]
    own: list[Settings] = [{}]
    if sweep is not None:
        own = [
            {path: value for path, value in one.items() if path not in given} for one in _own(sweep)
        ]
        if any(not one for one in own):
            own = [{}]
    count = len(own) * math.prod(map(len, besides))
    if count > MOST:
        raise ConfigError(
            f"the sweep has {count} jobs", expected=f"at most {MOST}", code="too-large"
        )
    return product(own, product(*besides))


def _own(sweep: Sweep) -> Sequence[Settings]:
    if sweep.grid is not None:
        if math.prod(map(len, sweep.grid.values())) > MOST:
            return [{}] * (MOST + 1)
        return [dict(zip(sweep.grid, one, strict=True)) for one in product(*sweep.grid.values())]
    if sweep.zipped is not None:
        rows = zip(*sweep.zipped.values(), strict=True)
        return [dict(zip(sweep.zipped, row, strict=True)) for row in rows]
    if sweep.listed is not None:
        return sweep.listed
    drawn = sweep.random
    assert drawn is not None
    return [
        {
            path: _drawn(how, Random(f"{drawn.seed} {number} {path}"))
            for path, how in drawn.values.items()
        }
        for number in range(drawn.n)
    ]


def _drawn(how: list[Any] | Draw, random: Random) -> Any:
    """One value, of six digits where it is a real number."""
    if isinstance(how, list):
        return how[int(random.random() * len(how))]
    share = random.random()
    if how.integers is not None:
        low, high = map(int, how.integers)
        return low + int(share * (high - low + 1))
    if how.log_uniform is not None:
        low_log, high_log = map(math.log, how.log_uniform)
        return float(f"{math.exp(low_log + share * (high_log - low_log)):.6g}")
    assert how.uniform is not None
    return float(f"{how.uniform[0] + share * (how.uniform[1] - how.uniform[0]):.6g}")


def _short_names(paths: Sequence[str]) -> Mapping[str, str]:
    """The last key of each path, where that is enough to tell them apart."""
    last = [path.rpartition(".")[2] for path in paths]
    return {
        path: short if last.count(short) == 1 else path
        for path, short in zip(paths, last, strict=True)
    }


def _shown(value: Any, number: int) -> str:
    text = value if isinstance(value, str) else json.dumps(value, separators=(",", ":"))
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 8]}..{number}"


def _check_expectations(sweep: Sweep, paths: Sequence[str]) -> None:
    """Hold that what a statistic is over is swept, and that it can be what is expected."""
    for path, statistic in sweep.expect.items():
        check_range(f"the {statistic.statistic} of {path}", statistic)
        over = (statistic.over,) if isinstance(statistic.over, str) else statistic.over
        for one in over:
            if one not in paths:
                node = statistic.node_of("over")
                raise ConfigError(
                    f"`{one}` is not swept, so nothing of {path} is over it",
                    place=node.place if isinstance(node, ScalarNode) else statistic.place,
                    expected=f"one of {choices(paths)}",
                    remedy=did_you_mean(one, paths),
                    code="unknown-path",
                )
