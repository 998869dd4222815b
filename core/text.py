"""Strings from outside are hostile until shown: control characters are made visible here."""

from __future__ import annotations

import re

# C0, DEL, C1, soft hyphen, zero-width and joining marks, line and paragraph separators,
# bidirectional controls, variation selectors' tag block, the byte order mark, lone surrogates.
_HOSTILE = re.compile(
    "[\x00-\x1f\x7f-\x9f\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u2028-\u202e\u2060-\u206f"
    "\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufffb\ud800-\udfff\U000e0000-\U000e0fff]"
)


def _visible(match: re.Match[str]) -> str:
    code = ord(match.group())
    if code <= 0xFF:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code <= 0xFFFF else f"\\U{code:08x}"


def clean(text: object) -> str:
    """The text with every character that could steer a terminal written out, `ESC` as `\\x1b`."""
    return _HOSTILE.sub(_visible, str(text))


def clean_block(text: str) -> str:
    """Like `clean`, for text of several lines: its own line ends stay."""
    return "\n".join(clean(line) for line in text.split("\n"))
