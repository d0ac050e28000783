"""All that is wrong with a config is told at once, and nothing that only follows from it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from optserve.config import load
from optserve.errors import ConfigErrors, OptserveError
from optserve.registry import Registry

HEAD = "version: 1\ndata: {read: d.csv}\nparameters: {a: 1, b: 2}\n"

FILES: Mapping[str, str] = {
    "d.csv": "x,y,site\n1,2,u\n2,4.5,v\n3,7,u\n4,9,v\n",
    "gaps.csv": "x,y,z\n1,,2\n2,many,5\n",
}

TOLD: Mapping[str, tuple[str, list[str]]] = {
    "names, columns, options, expectations, files": (
        "version: 1\n"
        "data:\n"
        "  u: {read: d.csv, columns: {x: x, y: Y}}\n"
        "  v: {read: e.csv}\n"
        "parameters: {a: 1}\n"
        "define: {mu: a * u.x + v.x, nu: aa * u.x}\n"
        "least_squares: {observed: u.y, predicted: mu}\n"
        "optimizer: {adam: {rate: 1}}\n"
        "expect: {los: {max: 1}}\n",
        ["3:39 there is no column 'Y'", "4:13 e.csv does not exist", "6:33 no value is called 'aa'"]
        + ["8:20 there is no key `rate` here", "9:10 `los` names nothing in the result"],
    ),
    "each name of one expression": (
        HEAD + "loss: sum(sun(x) + xx * y - yy)\n",
        ["4:11 no function is called 'sun'", "4:20 no value is called 'xx'"]
        + ["4:29 no value is called 'yy'"],
    ),
    "every wrong column of a file": (
        HEAD.replace("d.csv", "gaps.csv") + "loss: sum((y - a * x)**2)\nstop: {epochs: 2}\n",
        ["2:3 the column 'y' has a missing value in row 1"]
        + ["5:16 `epochs` counts epochs, and without batches there are none"],
    ),
    "each derived column, and what selects": (
        "version: 1\n"
        "data:\n"
        "  read: d.csv\n"
        "  derive: {u: xx * 2, v: u + 1, w: sort(x), s: yy}\n"
        "  split: {test: 0.25, stratify: sight}\n"
        "parameters: {a: 1}\n"
        "loss: sum(a * v + w + s)\n",
        ["4:15 no value is called 'xx'", "4:36 sort looks at other rows than its own"]
        + ["4:48 no value is called 'yy'", "5:33 there is no column 'sight'"],
    ),
    "what cannot be parsed, and what can": (
        HEAD + "define: {f(t): t +, g: a +}\nloss: f(x) + g + sum(x) + (\n"
        "metrics: {m: sum(qq)}\noptimizer: lbgfs\n",
        ["4:18 a value is missing after '+'", "4:26 a value is missing after '+'"]
        + ["5:27 '(' is never closed", "6:18 no value is called 'qq'"]
        + ["7:12 no optimizer is called 'lbgfs'"],
    ),
    "starts and shapes": (
        HEAD.replace("a: 1, b: 2", 'a: {init: 9, bounds: [0, 1]}, b: {shape: ["aa"]}')
        + "starts: {points: [{a: 2, c: 1}, {c: 1}]}\nloss: sum(b) * a * qq\n",
        ["3:24 'a' starts outside of its bounds", "3:57 no value is called 'aa'"]
        + ["4:26 there is no key `c` here", "4:34 there is no key `c` here"]
        + ["5:20 no value is called 'qq'"],
    ),
    "what priors say": (
        HEAD.replace("a: 1", "a: {init: 1, prior: {normal: {mean: qq, std: 1}}}")
        + "log_likelihood: -(y - aa * x)**2\n",
        ["3:50 no value is called 'qq'", "4:23 no value is called 'aa'"],
    ),
    "batches": (
        HEAD + "minibatch: {rows: 9, last: drop}\nloss: sum(x * a) + b\noptimizer: adamm\n"
        "stop: {plateau: {metric: metrics.train.m}}\n",
        ["6:12 no optimizer is called 'adamm'"]
        + ["7:26 `metrics.train.m` names nothing in the result"],
    ),
}

FOLLOWS: Mapping[str, tuple[str, str]] = {
    "the users of a definition": (
        HEAD + "define: {mu: aa * x, nu: mu + 1, f(t): nu * t}\nloss: sum(f(x))\n"
        "metrics: {m: mean(mu), n: max(nu)}\nexpect: {metrics.train.m: {max: 1}}\n",
        "no value is called 'aa'",
    ),
    "the users of a function": (
        HEAD + "define: {f(t): t +, mu: f(x)}\nloss: sum(mu)\nmetrics: {m: max(f(y))}\n",
        "a value is missing after '+'",
    ),
    "the users of a column": (
        HEAD.replace("d.csv", "d.csv, columns: {x: X, y: y}") + "loss: sum(y - a * x)\n",
        "there is no column 'X'",
    ),
    "the columns of a file that is missing": (
        HEAD.replace("d.csv", "e.csv") + "define: {mu: a * x}\nloss: sum(y - mu)\n"
        "minibatch: {rows: 2}\noptimizer: adam\n",
        "e.csv does not exist",
    ),
    "the columns of one file of two": (
        "version: 1\ndata: {u: {read: d.csv}, v: {read: e.csv}}\nparameters: {a: 1}\n"
        "loss: sum(u.x * a) + sum(v.x)\n",
        "e.csv does not exist",
    ),
    "the rows of a wrong condition": (
        HEAD.replace("d.csv", "gaps.csv, where: xx > 1") + "loss: sum(y - a * x)\n",
        "no value is called 'xx'",
    ),
    "the starts and expectations of a parameter": (
        HEAD.replace("a: 1", "a: {init: 5, bounds: [0, 2]}")
        + "loss: (a - b)**2\nstarts: {points: [{a: 7}]}\nexpect: {'parameters.a[0]': {max: 1}}\n",
        "'a' starts outside of its bounds",
    ),
    "the batches of a wrong method": (
        HEAD + "loss: sum(a * x + b)\noptimizer: adamm\nminibatch: {rows: 2}\nstop: {epochs: 2}\n",
        "no optimizer is called 'adamm'",
    ),
    "the epochs of a wrong batch": (
        HEAD + "loss: a * b\noptimizer: adam\nminibatch: {rows: 2}\nstop: {epochs: 2}\n",
        "there are no rows to make batches of",
    ),
    "functions of a plugin that is not there": (
        HEAD + "loss: nothing_loss(a) + b\nplugins: {require: ['optserve-nothing']}\n",
        "optserve-nothing is not installed",
    ),
}


@pytest.fixture
def caught(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, registry: Registry
) -> Callable[[str], OptserveError]:
    monkeypatch.chdir(tmp_path)
    for name, text in FILES.items():
        Path(name).write_text(text)

    def error(text: str) -> OptserveError:
        Path("fit.yaml").write_text(text)
        with pytest.raises(OptserveError) as caught:
            load("fit.yaml", registry=registry)
        return caught.value

    return error


@pytest.mark.parametrize("title", TOLD)
def test_all_is_told(title: str, caught: Callable[[str], OptserveError]) -> None:
    text, expected = TOLD[title]
    error = caught(text)
    assert isinstance(error, ConfigErrors)
    told = [(str(one.place).partition(":")[2], one.message) for one in error.errors]
    assert [" ".join(one) for one in told] == expected
    assert error.block().count("\n\n") == len(expected) - 1


@pytest.mark.parametrize("title", FOLLOWS)
def test_what_follows_is_not_told(title: str, caught: Callable[[str], OptserveError]) -> None:
    text, expected = FOLLOWS[title]
    error = caught(text)
    assert (error.message, isinstance(error, ConfigErrors)) == (expected, False), str(error)
