"""The parts of MLflow's answers, each read distrustfully. Every function raises `Malformed`."""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Malformed(ValueError):
    """An answer that is not what MLflow's REST interface says."""


def metric_in(item: Mapping[str, Any]) -> float:
    value = item.get("value", 0.0)
    if isinstance(value, str):
        # The only figures that JSON has no number for; anything else is not a metric.
        if value in ("NaN", "Infinity", "-Infinity"):
            return float(value.replace("Infinity", "inf"))
        raise Malformed(f"metric value {value[:40]!r} is no number")
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise Malformed(f"a metric value is {_kind(value)}")
    try:
        return float(value)
    except OverflowError:
        return math.copysign(math.inf, value)


_REQUIRED: Any = object()


def text_in(item: Mapping[str, Any], key: str, default: Any = _REQUIRED) -> str:
    value = item.get(key, default)
    if value is _REQUIRED:
        raise Malformed(f"lacks {key!r}")
    if value is None and default is not _REQUIRED:
        return str(default)
    if not isinstance(value, str):
        raise Malformed(f"{key!r} is {_kind(value)}, not a string")
    return value


def number_in(item: Mapping[str, Any], key: str) -> str:
    """A version number: a string of digits, though some servers send a number."""
    value = item.get(key)
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value) if 0 <= value < 10**18 else None
    if not isinstance(value, str) or not (value.isascii() and value.isdigit() and len(value) < 19):
        raise Malformed(f"{key!r} is no version number")
    return value


def moment_in(item: Mapping[str, Any], key: str) -> datetime | None:
    value = item.get(key)
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 19:
        value = int(value)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise Malformed(f"{key!r} is {_kind(value)}, not milliseconds")
    try:
        return _EPOCH + timedelta(milliseconds=value)
    except (OverflowError, ValueError) as error:
        raise Malformed(f"{key!r} is no time") from error


def items_in(item: Mapping[str, Any], key: str) -> list[Mapping[str, Any]]:
    value = item.get(key)
    if value is None:
        return []
    if not isinstance(value, list):
        raise Malformed(f"{key!r} is {_kind(value)}, not a list")
    for entry in value:
        if not isinstance(entry, dict):
            raise Malformed(f"{key!r} holds {_kind(entry)}, not an object")
    return value


def table_in(item: Mapping[str, Any], key: str, default: Any = None) -> Mapping[str, Any]:
    value = item.get(key, default)
    if value is None:
        raise Malformed(f"lacks {key!r}")
    if not isinstance(value, dict):
        raise Malformed(f"{key!r} is {_kind(value)}, not an object")
    return value


def _kind(value: Any) -> str:
    names = {dict: "an object", list: "a list", str: "a string", bool: "a truth value"}
    return names.get(type(value), "null" if value is None else "a number")
