"""Text without characters that no eye sees, and that formats refuse."""

from __future__ import annotations

import re

__all__ = ["one_line", "visible"]

_HIDDEN = re.compile("[^\t\n\x20-\x7e\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]|[\u2028\u2029]")
"""Controls, halves of surrogate pairs, and what XML 1.0 has no character for (section 2.2)."""


def visible(text: str) -> str:
    r"""``text`` with escapes for control characters, but for tabs and ends of lines.

    >>> print(visible("a\x1bb"))
    a\x1bb
    """
    return _HIDDEN.sub(lambda found: ascii(found[0])[1:-1], text)


def one_line(text: str) -> str:
    r"""``visible`` text on one line, with single blanks.

    >>> one_line("a\n b")
    'a b'
    """
    return " ".join(visible(text).split())
