"""Data files as people and accidents make them, each with a config that reads it, drawn by seed.

``drawn(seed)`` is a small valid table in a random format and dialect, and a config that says so; as
often as not, some bytes of the file or of the config are then changed.
"""

from __future__ import annotations

import gzip
import io
import json
from collections.abc import Callable, Sequence
from random import Random
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

__all__ = ["Input", "drawn", "mutated"]

Columns = dict[str, list[Any]]


class Input(NamedTuple):
    """A data file, its name, and the text of the config beside it."""

    name: str
    content: bytes
    config: str


NUMBERS = ["0", "1", "-2.5", "1e3", "1.0D+02", ".5", "7.", "007", "1e-300", "1e308", "12345678"]
TEXTS = ["a", "b", "c c", "é", "e\u0301", "male", "x;y", 'say "hi"', "1", "none", "train", "test"]
MOMENTS = ["2024-01-01", "2024-02-29T12:30:00", "1969-12-31T23:59:59Z", "2024-01-01T00:00+14:00"]
NAMES = ["x", "y", "g", "t", "k", "Größe", "no name", "sum", "lambda", "x", "", "µ", "p1", "p2"]
PIECES = [
    *(",", ";", "\t", " ", "|", "\n", "\r", "\r\n", '"', "'", "#", "\\", "\0", "\ufeff", "\x1a"),
    *("NA", "nan", "inf", "-inf", "1e999", "9" * 30, "-", "+", ".", "0x10", "1_0", "1,5", "\u0661"),
    *("9007199254740993", "-9223372036854775809", "2024-13-01", "9999-12-31T23:59:59-23:00"),
    *("\x85", "\u2028", "\U0001f600", "true", "=1+1", "e", "D", "  ", "\n\n\n", '""', '"\n"'),
]
RAW = [
    b"\xff",
    b"\xfe\xff",
    b"\xc3",
    b"\x80" * 3,
    b"\x1f\x8b",
    b"PK\x03\x04",
    b"\x00" * 4,
    b"NUMPY",
]


def drawn(seed: int) -> Input:
    """The input of this seed."""
    random = Random(seed)
    columns = _columns(random)
    name, content, keys = random.choice(_WRITERS)(random, columns)
    config = _config(random, name, list(columns), keys)
    if random.random() < 0.6:
        content = mutated(random, content)
    if random.random() < 0.15:
        config = mutated(random, config.encode()).decode("utf-8", "replace")
    return Input(name, content, config)


def mutated(random: Random, content: bytes) -> bytes:
    """``content`` with some of its bytes changed, moved, doubled or gone."""
    made = bytearray(content)
    for _ in range(random.choice([1, 1, 1, 2, 3, 8])):
        at = random.randrange(len(made) + 1)
        until = min(len(made), at + random.choice([0, 1, 1, 2, 5, 40]))
        match random.randrange(6):
            case 0:
                made[at:until] = random.choice(PIECES).encode("utf-8", "surrogatepass")
            case 1:
                made[at:at] = random.choice(PIECES).encode("utf-8", "surrogatepass")
            case 2:
                del made[at:until]
            case 3:
                made[at:until] = random.choice(RAW)
            case 4:
                made[at:at] = made[at:until] * random.choice([1, 2, 30])
            case _:
                if until > at:
                    made[at] ^= 1 << random.randrange(8)
        if random.random() < 0.05:
            del made[random.randrange(len(made) + 1) :]
    return bytes(made)


def _columns(random: Random) -> Columns:
    rows = random.choice([0, 1, 2, 3, 7, 7, 20])
    gap = random.choice([0.0, 0.0, 0.1])
    kinds: Sequence[Sequence[str]] = [NUMBERS, NUMBERS, TEXTS, MOMENTS, ["0", "1", "2"]]
    columns: Columns = {}
    for number in range(random.choice([1, 2, 3, 5, 5])):
        kind = kinds[number]
        name = "xygtk"[number] if random.random() < 0.8 else random.choice(NAMES)
        columns[name] = [
            random.choice(["", "NA", "null"]) if random.random() < gap else random.choice(kind)
            for _ in range(rows)
        ]
    return columns


def _text(random: Random, columns: Columns) -> tuple[str, bytes, str]:
    suffix = random.choice(["csv", "csv", "CSV", "tsv", "txt", "dat"])
    usual = {"csv": ",", "tsv": "\t"}.get(suffix.lower(), " ")
    separator = random.choice([usual, usual, ",", ";", "\t", "|", " "])
    decimal = random.choice([".", ".", ","])
    header = random.random() < 0.8
    comment = random.choice(["", "", "#", "//"])
    skip = random.choice([0, 0, 0, 1, 3])
    encoding = random.choice(["utf-8", "utf-8", "latin-1", "cp1252", "utf-16", "utf-8-sig"])
    end = random.choice(["\n", "\n", "\r\n", "\r"])
    lines = [random.choice(['a title, "', "", "# x", ";;"]) for _ in range(skip)]
    rows = [list(columns)] if header else []
    rows += [list(row) for row in zip(*columns.values(), strict=True)]
    for row in rows:
        cells = [_cell(random, cell, separator, decimal) for cell in row]
        lines.append(
            (separator * random.choice([1, 1, 3]) if separator == " " else separator).join(cells)
        )
        if comment and random.random() < 0.3:
            lines[-1] += f" {comment} note"
        if random.random() < 0.05:
            lines.append(random.choice(["", "  ", comment]))
    content = (end.join(lines) + random.choice(["", end])).encode(encoding, "replace")
    keys = [] if header and random.random() < 0.9 else [f"header: {json.dumps(header)}"]
    if separator != usual:
        keys.append(f"separator: {json.dumps(separator)}")
    if decimal != ".":
        keys.append(f"decimal: {json.dumps(decimal)}")
    if encoding not in ("utf-8", "utf-8-sig"):
        keys.append(f"encoding: {encoding}")
    if comment:
        keys.append(f"comment: {json.dumps(comment)}")
    if skip:
        keys.append(f"skip: {skip}")
    name = f"d.{suffix}"
    if random.random() < 0.15:
        name, content = f"{name}.gz", gzip.compress(content, mtime=0)
    return name, content, ", ".join(key for key in keys if random.random() < 0.95)


def _cell(random: Random, cell: str, separator: str, decimal: str) -> str:
    if decimal == "," and cell in NUMBERS:
        cell = cell.replace(".", ",")
    quoted = separator in cell or '"' in cell or cell == "" or random.random() < 0.1
    return '"' + cell.replace('"', '""') + '"' if quoted else cell


def _parquet(random: Random, columns: Columns) -> tuple[str, bytes, str]:
    arrays: dict[str, Any] = {}
    for name, cells in columns.items():
        there = [None if cell in ("", "null") else cell for cell in cells]
        if all(cell is None or cell in NUMBERS for cell in there):
            values = [None if cell is None else float(cell.replace("D", "e")) for cell in there]
            arrays[name] = pa.array(values, random.choice([pa.float64(), pa.float32(), None]))
        else:
            texts = pa.array(there, pa.string())
            arrays[name] = texts.dictionary_encode() if random.random() < 0.3 else texts
    if random.random() < 0.3:
        arrays["t"] = pa.array(range(len(next(iter(columns.values())))), pa.timestamp("us"))
    sink = io.BytesIO()
    pq.write_table(pa.table(arrays), sink, row_group_size=random.choice([1, 3, 100]))
    return "d.parquet", sink.getvalue(), ""


def _numbers(random: Random, columns: Columns) -> np.ndarray[Any, Any]:
    rows = len(next(iter(columns.values())))
    dtype = random.choice(
        ["<f8", "<f4", "<i8", ">i2", "|b1", "<U3", "<M8[s]", "<c16", "|S2", "<u8"]
    )
    raw = np.random.default_rng(random.randrange(100)).integers(0, 9, (rows, len(columns)))
    return raw.astype(dtype)


def _npy(random: Random, columns: Columns) -> tuple[str, bytes, str]:
    array = _numbers(random, columns)
    array = random.choice([array, np.asfortranarray(array), array[:, 0], array[:0]])
    sink = io.BytesIO()
    np.save(sink, array)
    return "d.npy", sink.getvalue(), ""


def _npz(random: Random, columns: Columns) -> tuple[str, bytes, str]:
    array = _numbers(random, columns)
    sink = io.BytesIO()
    arrays: dict[str, Any] = {name or "e": array[:, at] for at, name in enumerate(columns)}
    random.choice([np.savez, np.savez_compressed])(sink, **arrays)
    return "d.npz", sink.getvalue(), ""


_WRITERS: Sequence[Callable[[Random, Columns], tuple[str, bytes, str]]] = (
    _text,
    _text,
    _text,
    _text,
    _parquet,
    _npy,
    _npz,
)


def _config(random: Random, name: str, names: Sequence[str], keys: str) -> str:
    columns = {
        "x": random.choice(["x", "0", "{take: 0, standardize: true}", "{take: x, divide: 3}"]),
        "y": random.choice(["y", "1", "{take: y, as: integer}", "{take: 1, origin: 3}"]),
        "g": random.choice(
            [
                "{take: g, as: category}",
                "{take: 2, as: category, levels: [a, b, c c, é]}",
                "{take: g, as: bool}",
            ]
        ),
        "t": random.choice(
            [
                "{take: t, as: time, origin: 2024-01-01}",
                "{take: 3, as: time, origin: 1970-01-01, unit: seconds}",
            ]
        ),
        "P": random.choice(["'*'", "'0:2'", "[x, y]", "[0, 0]"]),
    }
    listed = [f"{key}: {value}" for key, value in columns.items() if random.random() < 0.4]
    table = [f"read: {name}"] + ([keys] if keys else [])
    if listed or random.random() < 0.5:
        table.append(f"columns: {{{', '.join(listed)}}}")
    for key, values, chance in (
        ("in_memory", ["true", "false", "auto"], 0.4),
        ("missing", ["drop", "error"], 0.3),
        ("where", ["x > 0", "'(x > 0) & (g == \"a\")'", "'g != \"male\"'", "t >= 0"], 0.2),
        ("derive", ["{d: x - mean(x)}", "{d: log(x)}"], 0.2),
        ("split", ["{test: 0.3}", "{column: g}", "{validation: 0.2, stratify: g}"], 0.15),
        ("rows", ["false"], 0.05),
        ("sha256", ["00"], 0.02),
    ):
        if random.random() < chance:
            table.append(f"{key}: {random.choice(values)}")
    loss = random.choice(
        [
            "loss: mean((y - b * x)**2)",
            "least_squares: y - b * x - c[g]",
            "least_squares: {observed: y, predicted: b * t}",
            "log_likelihood: -0.5 * (x - b)**2",
            "loss: mean(sum(P, axis=1) * b)**2",
            "loss: sum(exp(b * x) * g)",
        ]
    )
    method = random.choice(["", "optimizer: lbfgs\n", "optimizer: none\n", "optimizer: adam\n"])
    return (
        f"version: 1\ndata: {{{', '.join(table)}}}\n"
        f"parameters: {{b: 0.1, c: {{shape: [9], init: 0}}}}\n{loss}\n{method}stop: {{steps: 4}}\n"
    )
