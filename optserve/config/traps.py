"""Where YAML reads something else than a person meant: the traps, recognized and explained."""

from __future__ import annotations

import re

from ruamel.yaml.error import MarkedYAMLError

from optserve.config.nodes import ScalarNode
from optserve.config.source import Source
from optserve.errors import ConfigError, Place

__all__ = ["explain_syntax", "refuse_comment_inside", "refuse_cut"]

_PAIRS = {")": "(", "]": "[", "}": "{"}

# What ruamel.yaml says, and what a person who writes expressions most likely did.
_REMEDIES = {
    r"character '[@`%]' that cannot start": "quote the whole text: CHAR is not for YAML to read",
    r"character '\\t' that cannot start": "indent with spaces; YAML does not allow tabs there",
    "mapping values are not allowed here": (
        "quote a text that holds `: `; or does this line need another indentation?"
    ),
    "sequence entries are not allowed here": "quote a text that begins with `- `",
    "mapping keys are not allowed here": "quote a text that begins with `? `",
    "expected a comment or a line break": (
        "after `>` or `|` a text begins on the next line; or quote a text that begins with them"
    ),
    "expected alphabetic or numeric character": "quote the whole text, not a part of it",
    "could not find expected ':'": "does a `:` lack after the key, or a blank after the `:`?",
    r"expected ',' or '\}', but got '[\[{]'": (
        "inside `{...}` quote a text that holds brackets, or write the mapping on lines of its own"
    ),
    r"expected ',' or '\]', but got '[\[{]'": "inside `[...]` quote a text that holds brackets",
    "expected <block end>, but found": (
        "quote a text that begins with `[`, `{`, a quote or `-`; "
        "or is a line indented differently from its neighbours?"
    ),
}


def explain_syntax(source: Source, begin: int, error: MarkedYAMLError) -> ConfigError:
    """ruamel.yaml's error as ours, with the remedy for the trap that it most likely is."""
    problem = " ".join(str(error.problem or error.context).split())
    mark = error.problem_mark or error.context_mark
    if re.search("end of stream|stream end", problem) and error.context_mark:
        mark, problem = error.context_mark, "what is opened here is not closed"
    index = min(begin + (mark.index if mark else 0), len(source.text))
    remedy = next((text for pattern, text in _REMEDIES.items() if re.search(pattern, problem)), "")
    char = source.text[index : index + 1]
    return ConfigError(
        f"not valid YAML: {problem[:200]}",
        place=source.place(index, index + 1),
        remedy=remedy.replace("CHAR", repr(char)),
        code="yaml",
    )


def refuse_cut(scalar: ScalarNode) -> None:
    """Refuse a plain text of an inline ``{...}`` or ``[...]`` that YAML cut inside brackets."""
    if _unbalanced(scalar.text):
        raise ConfigError(
            f"YAML cut this at a comma: it reads {scalar.text!r} as one item",
            place=scalar.place,
            remedy="quote what holds commas inside brackets, or write it on a line of its own",
            code="yaml",
        )


def refuse_comment_inside(scalar: ScalarNode) -> None:
    """Refuse an expression that a `` #`` cut off inside brackets."""
    if scalar.style != "plain" or not _unbalanced(scalar.text):
        return
    line_end = scalar.source.text.find("\n", scalar.end)
    rest = scalar.source.text[scalar.end : line_end if line_end >= 0 else None]
    if re.match(r"\s+#", rest):
        comment = scalar.end + len(rest) - len(rest.lstrip())
        place: Place = scalar.source.place(comment, comment + 1, scalar.path)
        raise ConfigError(
            "` #` begins a comment here, inside brackets that are still open",
            place=place,
            remedy="quote the whole expression, or close the brackets before the comment",
            code="yaml",
        )


def _unbalanced(text: str) -> bool:
    """Whether brackets are left open, or closed without having been opened."""
    opened: list[str] = []
    for char in text:
        if char in "([{":
            opened.append(char)
        elif char in _PAIRS and (not opened or opened.pop() != _PAIRS[char]):
            return True
    return bool(opened)
