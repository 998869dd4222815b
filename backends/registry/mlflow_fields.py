"""The fields of MLflow's answers, none of which is trusted to be there or of its kind."""

from __future__ import annotations

import math
import sys
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from core.redaction import redact

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Malformed(ValueError):
    """An answer that is not what MLflow's REST interface says."""


def metric(item: Mapping[str, Any]) -> float:
    """The value of a metric: what JSON has no number for comes as a word, what is left out is NaN."""
    value = item.get("value")
    if value is None:
        return math.nan
    if isinstance(value, str):
        # The only figures that JSON has no number for; anything else is not a metric.
        if value in ("NaN", "Infinity", "-Infinity"):
            return float(value.replace("Infinity", "inf"))
        raise Malformed(f"metric value {redact(value)[:40]!r} is no number")
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise Malformed(f"a metric value is {kind(value)}")
    try:
        read = float(value)
    except OverflowError:
        return math.copysign(math.inf, value)
    # Stores on a database keep the largest float instead of infinity.
    return math.copysign(math.inf, read) if abs(read) >= sys.float_info.max else read


_REQUIRED: Any = object()


def text(item: Mapping[str, Any], key: str, default: Any = _REQUIRED) -> str:
    value = item.get(key, default)
    if value is _REQUIRED:
        raise Malformed(f"lacks {key!r}")
    if value is None and default is not _REQUIRED:
        return str(default)
    if not isinstance(value, str):
        raise Malformed(f"{key!r} is {kind(value)}, not a string")
    return value


def number(item: Mapping[str, Any], key: str) -> str:
    """A version number: a string of digits, though some servers send a number."""
    value = item.get(key)
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value) if 0 <= value < 10**18 else None
    if not isinstance(value, str) or not (value.isascii() and value.isdigit() and len(value) < 19):
        raise Malformed(f"{key!r} is no version number")
    return value


def moment(item: Mapping[str, Any], key: str) -> datetime | None:
    value = item.get(key)
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 19:
        value = int(value)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise Malformed(f"{key!r} is {kind(value)}, not milliseconds")
    try:
        return _EPOCH + timedelta(milliseconds=value)
    except (OverflowError, ValueError) as error:
        raise Malformed(f"{key!r} is no time") from error


def items(item: Mapping[str, Any], key: str) -> list[Mapping[str, Any]]:
    value = item.get(key)
    if value is None:
        return []
    if not isinstance(value, list):
        raise Malformed(f"{key!r} is {kind(value)}, not a list")
    for entry in value:
        if not isinstance(entry, dict):
            raise Malformed(f"{key!r} holds {kind(entry)}, not an object")
    return value


def table(item: Mapping[str, Any], key: str, default: Any = None) -> Mapping[str, Any]:
    value = item.get(key, default)
    if value is None:
        raise Malformed(f"lacks {key!r}")
    if not isinstance(value, dict):
        raise Malformed(f"{key!r} is {kind(value)}, not an object")
    return value


def kind(value: Any) -> str:
    names = {dict: "an object", list: "a list", str: "a string", bool: "a truth value"}
    return names.get(type(value), "null" if value is None else "a number")


def count(item: Mapping[str, Any], key: str) -> int:
    """A step or a time: a whole number, though some servers send a string; 0 where it is left out."""
    value = item.get(key) or 0
    if isinstance(value, str) and value.isascii() and value.removeprefix("-").isdigit():
        value = int(value[:19])
    if isinstance(value, bool) or not isinstance(value, int):
        raise Malformed(f"{key!r} is {kind(value)}, not a whole number")
    return value
