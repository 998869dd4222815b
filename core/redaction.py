"""Secrets are kept out of everything that is shown or stored, by their values."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from core.text import clean

_SHORTEST = 4
"""Shorter values are not redacted: they would blot out half of every text."""
_FIELD = re.compile("[a-z_]+")
_SECRET: list[str] = []
"""Every form of every secret, longest first."""


def remember(value: str) -> None:
    """From now on the value is left out, also where it is quoted or made visible."""
    from urllib.parse import quote

    forms = {value, quote(value, safe=""), json.dumps(value)[1:-1], repr(value)[1:-1], clean(value)}
    known = {*_SECRET, *(form for form in forms if len(form) >= _SHORTEST)}
    _SECRET[:] = sorted(known, key=len, reverse=True)


def redact(text: str) -> str:
    """The text without any secret that this process has loaded."""
    for form in _SECRET:
        if form in text:
            text = text.replace(form, "[redacted]")
    return text


def shown(text: object) -> str:
    """The text as it may stand on a terminal: without secrets, and harmless."""
    return clean(redact(str(text)))


def redacted(value: Any) -> Any:
    """JSON values with every text redacted. The names of fields are a contract and stay."""
    if not _SECRET:
        return value
    if isinstance(value, str):
        return redact(value)
    if isinstance(value, Mapping):
        return {
            key if _FIELD.fullmatch(str(key)) else redact(str(key)): redacted(item)
            for key, item in value.items()
        }
    if isinstance(value, list | tuple):
        return [redacted(item) for item in value]
    return value if value is None or isinstance(value, bool | int | float) else redact(str(value))
