"""Bad input: each case gives one block with a place, an excerpt, what was expected, a remedy.

The blocks are golden files, one a topic; `pytest --regen` writes them and a person reads the diff.
What is wrong inside an expression is tested with the expressions.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from optserve.config import load
from optserve.errors import OptserveError
from optserve.registry import Registry

VALID = """\
version: 1
parameters: {b: 1}
loss: (b - 2)**2
"""

FILES: Mapping[str, str | bytes] = {
    "again.csv": "x,x,y\n1,2,3\n",
    "semicolons.csv": "x;y\n1;2\n",
    "d.csv": "x,y,site\n1,2,a\n2,4.5,b\n3,7,a\n",
    "d.xls": "",
    "d.parquet": "",
    "gaps.csv": "x,y,note\n1,2,\n2,,ok\n3,7,\n",
    "words.csv": "x,y\n1,2\n2,many\n",
    "nameless.csv": "1,2,3\n4,5,6\n",
    "ragged.csv": "x,y\n1,2\n3\n",
    "twice.csv": "x,x\n1,2\n",
    "empty.csv": "",
    "folds.csv": "x,y,fold\n1,2,test\n2,4,validation\n",
    "empty_columns.csv": "x,y\n1,\n2,NA\n",
    "header.csv": "x,y\n",
    "latin.csv": b"x,y\n1,2\n3,\xe9\n",
    "base.yaml": "version: 1\nparameters: {b: 1}\nloss: (b - 2)**2\nstop: {steps: 9}\n",
    "loop.yaml": "extends: loop.yaml\n",
}

YAML: Mapping[str, str | bytes] = {
    "an empty file": "",
    "only a comment": "# nothing\n",
    "a list": "- version: 1\n",
    "a number": "12\n",
    "not UTF-8": b"version: 1\nname: caf\xe9\n",
    "UTF-16": "version: 1\n".encode("utf-16"),
    "binary": b"version: 1\nname: \x00\x01\x02\n",
    "a duplicate key": VALID + "stop: {steps: 1}\nloss: b\n",
    "a duplicate key in a flow mapping": VALID + "stop: {steps: 1, seconds: 2, steps: 3}\n",
    "an alias": VALID + "stop: &here {steps: 1}\n",
    "an expression that begins with *": "version: 1\nparameters: {b: 1}\nloss: *b\n",
    "a tag": VALID + "name: !!python/object:os.system x\n",
    "a merge key": VALID + "<<: {seed: 1}\n",
    "two documents": VALID + "---\n" + VALID,
    "a directive": "%YAML 1.1\n---\n" + VALID,
    "a key that is a number": VALID + "1: 2\n",
    "a key that is a list": VALID + "? [a, b]\n: 2\n",
    "an infinite number": VALID + "stop: {seconds: .inf}\n",
    "not a number": VALID + "stop: {seconds: .nan}\n",
    "a number beyond float64": VALID + "stop: {seconds: 1.0e999}\n",
    "a number of 200,000 digits": VALID + f"seed: {'9' * 200_000}\n",
    "a number of 200,000 digits in an expression": VALID.replace("2)", f"{'9' * 200_000})"),
    "nested too deeply": VALID + "name: " + "[" * 5000 + "]" * 5000 + "\n",
    "a tab": VALID + "stop:\n\tsteps: 1\n",
    "a quote that is not closed": VALID + "name: 'fit\n",
    "a bracket that is not closed": VALID + "stop: {steps: 1\n",
    "a colon in a text": VALID + "name: fit: the second\n",
    "a text that begins with a minus and a blank": VALID.replace("(b - 2)**2", "- (b - 2)**2"),
    "a text that begins with a bar": VALID.replace("(b - 2)**2", "| b"),
    "a text that begins with a question mark": VALID.replace("(b - 2)**2", "? b"),
    "a text of which a part is quoted": VALID.replace("(b - 2)**2", '"b" * 2'),
    "a text that begins with @": VALID.replace("(b - 2)**2", "@b"),
    "a text that begins with a bracket": VALID.replace("(b - 2)**2", "[b, b] @ b"),
    "a function cut by an inline map": VALID + "define: {f(a, b): a * b}\n",
    "a call cut by an inline map": VALID + "define: {g: f(1, 2)}\n",
    "a subscript in an inline map": VALID + "define: {g: b[0]}\n",
    "a comment inside an expression": VALID.replace("(b - 2)**2", "(b - 2 # of the second\n  )"),
    "a comment that cuts an expression": VALID.replace("(b - 2)**2", "(b - 2 # of the second"),
    "an indentation": VALID + "stop:\n    steps: 1\n  seconds: 2\n",
}

KEYS: Mapping[str, str] = {
    "no version": "parameters: {b: 1}\nloss: b\n",
    "another version": VALID.replace("1", "2", 1),
    "the version in quotes": VALID.replace("1", "'1'", 1),
    "an unknown key": VALID + "optimiser: adam\n",
    "an unknown key, unlike any": VALID + "zzz: 1\n",
    "a key for later": VALID + "checkpoint: {seconds: 10}\n",
    "a key for later in a section": VALID + "stop: {constraint: 3}\n",
    "a number where a text belongs": VALID + "name: 3\n",
    "a text where a number belongs": VALID + "stop: {steps: many}\n",
    "a quoted number": VALID + 'stop: {steps: "100"}\n',
    "digits with separators": VALID + "stop: {steps: 10_000}\n",
    "a fraction where a whole number belongs": VALID + "stop: {steps: 1.5}\n",
    "inf where a number belongs": VALID + "stop: {seconds: inf}\n",
    "yes where true belongs": VALID.replace("b: 1", "b: {init: 1, fixed: yes}"),
    "a list where a mapping belongs": VALID + "stop: [100]\n",
    "a negative tolerance": VALID + "stop: {gradient: -1}\n",
    "another precision": VALID + "precision: float46\n",
    "a name that is a path": VALID + "name: ../fit\n",
    "no parameters": "version: 1\nparameters: {}\nloss: 1\n",
    "no loss": "version: 1\nparameters: {b: 1}\n",
    "two losses": VALID + "log_likelihood: b\n",
    "a loss that is a list": VALID.replace("(b - 2)**2", "[b, b]"),
    "a loss that is a truth value": VALID.replace("(b - 2)**2", "true"),
    "an incomplete comparison": VALID.replace("loss: (b - 2)**2", "least_squares: {observed: b}"),
    "a robust loss": VALID.replace(
        "loss: (b - 2)**2", "least_squares: {observed: b, predicted: 1, robust: {huber: 1}}"
    ),
    "a definition that says nothing": VALID + "define: {f: {g: 1}}\n",
    "a body with something after return": VALID + "define:\n  f(x): {return: x, y: 1}\n",
    "a composition of two forms": VALID + "define: {f: {compose: [exp], pipe: [log]}}\n",
    "a composition that is no list": VALID + "define: {f: {compose: exp}}\n",
    "a value with locals": VALID + "define:\n  f: {x: 1, return: x}\n",
    "a starting point for nobody": VALID + "starts: {points: [{bb: 1}]}\n",
    "a random start": VALID + "starts: {n: 20}\n",
    "an expectation of nothing": VALID + "expect: {los: {max: 1}}\n",
    "an expectation of no parameter": VALID + "expect: {parameters.bb: {max: 1}}\n",
    "an expectation of no entry": VALID + "expect: {'parameters.b[0]': {max: 1}}\n",
    "an expectation without tolerance": VALID + "expect: {loss: {near: 1}}\n",
    "an empty expectation": VALID + "expect: {loss: {}}\n",
}

DATA: Mapping[str, str] = {
    "a missing file": "data: {read: e.csv}",
    "a misspelt file": "data: {read: dd.csv}",
    "a path that escapes": "data: {read: ../secret.csv}",
    "an absolute path": "data: {read: /etc/passwd}",
    "a link that escapes": "data: {read: link.csv}",
    "a folder": "data: {read: .}",
    "an empty parquet file": "data: {read: d.parquet}",
    "an unknown format": "data: {read: d.xls}",
    "a name without a suffix": "data: {read: d}",
    "two columns of one name": "data: {read: again.csv}",
    "a column that has another name": "data: {read: d.csv, columns: {x: x, z: y}}",
    "values between semicolons": "data: {read: semicolons.csv}",
    "no table": "data: {header: true}",
    "an unknown key of a table": "data: {read: d.csv, heador: true}",
    "a wrong digest": f"data: {{read: d.csv, sha256: '{'0' * 64}'}}",
    "an unknown column": "data: {read: d.csv, columns: {x: z, y: y}}",
    "a misspelt column": "data: {read: d.csv, columns: {x: x, y: Y}}",
    "a position beyond": "data: {read: d.csv, columns: {x: 0, y: 3}}",
    "a range beyond": 'data: {read: d.csv, columns: {x: {take: "0:9"}, y: y}}',
    "a glob without a match": "data: {read: d.csv, columns: {x: z*, y: y}}",
    "a name where there are none": "data: {read: nameless.csv, header: false, columns: {x: x}}",
    "columns without names": "data: {read: nameless.csv, header: false}",
    "a scaled category": "data: {read: d.csv, columns: {x: {take: site, as: category, divide: 2}}}",
    "a column called twice": "data: {read: twice.csv, columns: {x: x, y: 1}}",
    "a missing value in a used column": "data: {read: gaps.csv}",
    "a text in a used column": "data: {read: words.csv}",
    "a fraction in an integer column": (
        "data: {read: d.csv, columns: {x: x, y: {take: y, as: integer}}}"
    ),
    "a ragged file": "data: {read: ragged.csv}",
    "an empty data file": "data: {read: empty.csv}",
    "a file without rows": "data: {read: header.csv}",
    "a data file not in UTF-8": "data: {read: latin.csv}",
    "inline columns of two lengths": "data: {inline: {x: [1, 2], y: [1, 2, 3]}}",
    "a missing value inline": "data: {inline: {x: [1, 2], y: [1, null]}}",
    "a name twice": "data: {inline: {x: [1], y: [2], b: [3]}}",
}

ROWS: Mapping[str, str] = {
    "a split of nothing": "data: {read: d.csv, split: {seed: 1}}",
    "a split by two means": "data: {read: d.csv, split: {column: site, test: 0.1}}",
    "a seed that is too large": f"data: {{read: d.csv, split: {{test: 0.4, seed: {2**128}}}}}",
    "a split that leaves nothing": "data: {read: d.csv, split: {validation: 0.5, test: 0.5}}",
    "a negative fraction": "data: {read: d.csv, split: {test: -0.1}}",
    "a misspelt split": "data: {read: d.csv, split: {tset: 0.1}}",
    "a fraction of too few rows": "data: {read: d.csv, split: {test: 0.1}}",
    "a fraction of almost all rows": "data: {read: d.csv, split: {test: 0.9}}",
    "a split by no column": "data: {read: d.csv, split: {column: fold}}",
    "a split by another column": "data: {read: d.csv, split: {column: site}}",
    "a split without training rows": "data: {read: folds.csv, split: {column: fold}}",
    "strata of no column": "data: {read: d.csv, split: {test: 0.4, stratify: sight}}",
    "strata that are too small": "data: {read: d.csv, split: {test: 0.4, stratify: site}}",
    "strata of a matrix": (
        "data: {read: d.csv, columns: {x: x, y: y, X: [x, y]}, split: {test: 0.4, stratify: X}}"
    ),
    "rows of constants": "data: {read: d.csv, rows: false, where: x > 1}",
    "two tables, one split": (
        "data:\n  a: {read: d.csv, split: {test: 0.4}}\n  c: {inline: {z: [1, 2]}}"
    ),
    "rows of a table in blocks": "data: {read: d.csv, in_memory: false, where: x > 1}",
    "a condition that never holds": "data: {read: d.csv, where: x > 9}",
    "a condition that is a number": "data: {read: d.csv, where: x * 2}",
    "a condition on all rows": "data: {read: d.csv, where: x > mean(x)}",
    "a condition on the number of rows": "data: {read: d.csv, where: 'x < x.shape[0]'}",
    "a condition on a neighbour": "data: {read: d.csv, where: cumsum(x) > 1}",
    "a condition on a parameter": "data: {read: d.csv, where: x > b}",
    "a condition on what is derived": "data: {read: d.csv, derive: {xc: x * 2}, where: xc > 1}",
    "a condition of two words": "data: {read: d.csv, where: x > 1 and y > 1}",
    "a derived name twice": "data: {read: d.csv, derive: {x: x * 2}}",
    "a derived name that is used too early": "data: {read: d.csv, derive: {u: v, v: x}}",
    "a derived column of neighbours": "data: {read: d.csv, derive: {d: x - sort(x)}}",
    "a derived column of other rows": 'data: {read: d.csv, derive: {d: "x[1:]"}}',
    "a derived column of row numbers": "data: {read: d.csv, derive: {d: 'arange(x.shape[0])'}}",
    "a derived column of no number": "data: {read: d.csv, derive: {d: '(x, x)'}}",
    "a derived column of a misspelt one": "data: {read: d.csv, derive: {d: xx - 1}}",
    "a derived column that is not finite": (
        "data: {read: d.csv, columns: {x: x}, derive: {y: log(x - 2)}}"
    ),
    "no row without gaps": "data: {read: empty_columns.csv, missing: drop}",
    "another way with gaps": "data: {read: gaps.csv, missing: skip}",
}

EPOCHS: Mapping[str, str] = {
    "a batch of nothing": "minibatch: {rows: 0}",
    "a batch of no size": "minibatch: {shuffle: false}",
    "a batch without data": "minibatch: {rows: 2}",
    "a batch of constants": "data: {read: d.csv, rows: false}\nminibatch: {rows: 2}\nloss: sum(x)",
    "a batch of two tables": (
        "data:\n  u: {read: d.csv}\n  v: {read: d.csv}\nminibatch: {rows: 2}\n"
        "loss: sum(u.x * b) + sum(v.x * b)"
    ),
    "a batch for a search": "{DATA}\noptimizer: lbfgs",
    "a batch for the method that is chosen": "{DATA}",
    "a batch for nobody": "{DATA}\noptimizer: none",
    "a batch that is never full": (
        "data: {read: d.csv}\nminibatch: {rows: 9, last: drop}\nloss: sum(x * b)\noptimizer: adam"
    ),
    "epochs without batches": "stop: {epochs: 3}",
    "a plateau without batches": "stop: {plateau: {metric: loss}}",
    "a plateau of nothing": "{DATA}\noptimizer: adam\nstop: {plateau: {mode: max}}",
    "a plateau of no metric": "{DATA}\noptimizer: adam\nstop: {plateau: {metric: metrics.train.a}}",
    "a plateau of a misspelt metric": (
        "{DATA}\noptimizer: adam\nmetrics: {error: mean(x * b)}\n"
        "stop: {plateau: {metric: metrics.train.eror}}"
    ),
    "a plateau of another split": (
        "{DATA}\noptimizer: adam\nmetrics: {error: mean(x * b)}\n"
        "stop: {plateau: {metric: metrics.validation.error}}"
    ),
    "a metric that is no scalar": "data: {read: d.csv}\nmetrics: {error: x * b}",
    "a metric that is a truth value": "data: {read: d.csv}\nmetrics: {error: b > 1}",
    "a metric of a misspelt name": "data: {read: d.csv}\nmetrics: {error: sum(xx)}",
    "a metric with a dot": "data: {read: d.csv}\nmetrics: {a.b: sum(x)}",
    "a metric called as the loss": "metrics: {loss: 2 * b}",
    "a loss of no split": (
        "data: {read: d.csv, split: {test: 0.4}}\nloss: sum(x * b)\n"
        "expect: {metrics.validation.loss: {max: 1}}"
    ),
    "a batch for a loss that it would bias": (
        "data: {read: d.csv}\nminibatch: {rows: 2}\nloss: sqrt(mean(square(x * b)))\n"
        "optimizer: adam"
    ),
    "an expectation of no metric": "expect: {metrics.test.error: {max: 1}}",
}

PARAMETERS: Mapping[str, str] = {
    "no start and no shape": "b: {bounds: [0, 1]}",
    "an unknown initializer": "b: {shape: [2], init: glorot}",
    "an unknown option of an initializer": "b: {shape: [2], init: {normal: {sd: 1}}}",
    "a wrong option of an initializer": "b: {shape: [2], init: {normal: {std: wide}}}",
    "a negative scale": "b: {shape: [2], init: {normal: {std: -1}}}",
    "a ragged start": "b: [[1, 2], [3]]",
    "a start of another shape": "b: {shape: [3], init: [1, 2]}",
    "a negative shape": "b: {shape: [-1], init: 0}",
    "a huge shape": "b: {shape: [100000, 100000], init: 0}",
    "an overflowing shape": f"b: {{shape: [{'9' * 40}], init: 0}}",
    "a shape that is a fraction": "b: {shape: [1.5], init: 0}",
    "a shape that depends on the rows": 'b: {shape: ["x.shape[0]"], init: 0}',
    "bounds upside down": "b: {init: 1, bounds: [2, 0]}",
    "a start outside of the bounds": "b: {init: 5, bounds: [0, 2]}",
    "one bound": "b: {init: 1, bounds: [0]}",
    "a log of a negative start": "b: {init: -1, transform: log}",
    "an unknown transform": "b: {init: 1, transform: logg}",
    "a prior": "b: {init: 1, prior: {normal: {}}}",
    "an l1 penalty": "b: {init: 1, penalty: {l1: 1}}",
    "a negative penalty": "b: {init: 1, penalty: {l2: -1}}",
    "entries fixed that are not there": 'b: {init: [1, 2], fixed: "[5]"}',
    "a start that is true": "b: true",
    "a start beyond float32": "b: 1.0e300",
    "a keyword as a name": "lambda: 1",
    "a function as a name": "b(x): 1",
}

LOSS: Mapping[str, str] = {
    "a loss that is no scalar": "loss: x * b",
    "a loss that is a tuple": "loss: (b, b)",
    "a comparison of two shapes": "least_squares: {observed: y, predicted: 'b * x[:, None]'}",
    "a likelihood of truth values": "log_likelihood: y > b",
    "a misspelt column": "loss: sum(xx * b)",
    "a misspelt primitive": "loss: sun(x * b)",
    "a function of other languages": "loss: asinh(b)**2",
    "a method in capitals": "loss: b**2\noptimizer: LBFGS",
    "an unknown method": "loss: b**2\noptimizer: adamm",
    "an unknown option of a method": "loss: b**2\noptimizer: {adam: {rate: 1}}",
    "a wrong option of a method": "loss: b**2\noptimizer: {adam: {beta1: high}}",
    "an option that the method refuses": "loss: b**2\noptimizer: {adam: {beta1: 2}}",
    "an unknown schedule": "loss: b**2\noptimizer: {adam: {learning_rate: {cosin: {start: 1}}}}",
    "a schedule without its start": "loss: b**2\noptimizer: {adam: {learning_rate: cosine}}",
    "a method for residuals": "loss: b**2\noptimizer: levenberg_marquardt",
    "a modifier alone": "loss: b**2\noptimizer: {clip: 1}",
    "a method before a method": "loss: b**2\noptimizer: {adam: {}, momentum: {}}",
    "a plugin that is not there": 'loss: b**2\nplugins: {require: ["optserve-nothing>=1"]}',
    "a requirement that is none": 'loss: b**2\nplugins: {require: ["=1"]}',
    "another config that is missing": "loss: b**2\nextends: bas.yaml",
    "a config that extends itself": "loss: b**2\nextends: loop.yaml",
    "another config that escapes": "loss: b**2\nextends: ../base.yaml",
}

OVERRIDES: Mapping[str, str] = {
    "no value": "stop.steps",
    "no key": "=3",
    "an unknown key": "stop.stepz=3",
    "a value of another type": "stop.steps=many",
    "a value that is no YAML": "stop.steps=[1",
    "a key in a number": "parameters.b.init=3",
    "a number that is not finite": "stop.seconds=1e999",
    "an expression": "loss=bb**2",
}


@pytest.fixture
def error_block(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, registry: Registry
) -> Callable[..., str]:
    folder = tmp_path / "configs"
    folder.mkdir()
    (tmp_path / "secret.csv").write_text("x,y\n1,2\n")
    (tmp_path / "base.yaml").write_text(VALID)
    for name, content in FILES.items():
        data = content if isinstance(content, bytes) else content.encode()
        (folder / name).write_bytes(data)
    (folder / "link.csv").symlink_to(tmp_path / "secret.csv")
    monkeypatch.chdir(folder)

    def block(config: str | bytes, *overrides: str) -> str:
        data = config if isinstance(config, bytes) else config.encode()
        Path("fit.yaml").write_bytes(data)
        with pytest.raises(OptserveError) as caught:
            load(Path("fit.yaml"), registry=registry, overrides=overrides)
        assert caught.value.exit_code in (2, 6)
        return caught.value.block()

    return block


Golden = Callable[[str, str], None]
ErrorBlock = Callable[..., str]


def report(blocks: Mapping[str, str]) -> str:
    return "\n".join(f"## {title}\n\n{block}\n" for title, block in blocks.items())


def test_yaml(error_block: ErrorBlock, golden: Golden) -> None:
    golden("yaml.txt", report({title: error_block(text) for title, text in YAML.items()}))


def test_keys(error_block: ErrorBlock, golden: Golden) -> None:
    golden("keys.txt", report({title: error_block(text) for title, text in KEYS.items()}))


def test_data(error_block: ErrorBlock, golden: Golden) -> None:
    head = "version: 1\nparameters: {b: 1}\nleast_squares: y - b * x\n"
    golden("data.txt", report({title: error_block(head + text) for title, text in DATA.items()}))


def test_rows(error_block: ErrorBlock, golden: Golden) -> None:
    head = "version: 1\nparameters: {b: 1}\nloss: mean((y - b * x)**2)\n"
    blocks = {
        title: error_block((head if "two tables" not in title else VALID) + text)
        for title, text in ROWS.items()
    }
    golden("rows.txt", report(blocks))


def test_epochs(error_block: ErrorBlock, golden: Golden) -> None:
    data = "data: {read: d.csv}\nminibatch: {rows: 2}\nloss: sum(x * b)"
    blocks = {}
    for title, text in EPOCHS.items():
        text = text.replace("{DATA}", data)
        loss = "" if "\nloss:" in text else "loss: b**2\n"
        blocks[title] = error_block(f"version: 1\nparameters: {{b: 1}}\n{loss}{text}")
    golden("epochs.txt", report(blocks))


def test_parameters(error_block: ErrorBlock, golden: Golden) -> None:
    loss = "loss: sum(x) * sum(b)"
    head = f"version: 1\nprecision: float32\ndata: {{read: d.csv}}\n{loss}\nparameters:\n  "
    blocks = {title: error_block(head + text) for title, text in PARAMETERS.items()}
    golden("parameters.txt", report(blocks))


def test_loss(error_block: ErrorBlock, golden: Golden) -> None:
    head = "version: 1\ndata: {read: d.csv}\nparameters: {b: 1}\n"
    golden("loss.txt", report({title: error_block(head + text) for title, text in LOSS.items()}))


def test_overrides(error_block: ErrorBlock, golden: Golden) -> None:
    blocks = {title: error_block(VALID, text) for title, text in OVERRIDES.items()}
    golden("overrides.txt", report(blocks))
