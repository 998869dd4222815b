"""Durations, times and figures as people write and read them."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

_SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_PART = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h|d)")


def parse_number(text: str) -> int | None:
    """The number that somebody gave a change or a request by, as every database takes it, or
    None."""
    fits = text.isascii() and text.isdigit() and len(text) <= 15
    return int(text) if fits else None


def parse_duration(text: str) -> float:
    """Seconds of "10m", "1h30m", "250ms". Raises ValueError saying how one is written."""
    stripped = text.strip().replace(" ", "")
    parts = _PART.findall(stripped)
    if not parts or "".join(n + u for n, u in parts) != stripped:
        raise ValueError(f"{text!r} is not a duration; write 30s, 10m, 48h or 1h30m")
    return sum(float(number) * _SECONDS[unit] for number, unit in parts)


def show_duration(seconds: float) -> str:
    """The two largest units: "40s", "12m", "1h 5m", "3d"."""
    if seconds < 1:
        return f"{seconds * 1000:.0f}ms" if seconds > 0 else "0s"
    whole = int(seconds)
    if whole < 60:
        return f"{whole}s"
    if whole < 3600:
        return f"{whole // 60}m"
    if whole < 86400:
        hours, minutes = divmod(whole // 60, 60)
        return f"{hours}h {minutes}m" if minutes else f"{hours}h"
    days, hours = divmod(whole // 3600, 24)
    return f"{days}d {hours}h" if hours else f"{days}d"


def show_time(moment: datetime) -> str:
    """RFC 3339 in UTC, to the second, with Z."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def parse_time(text: str) -> datetime:
    moment = datetime.fromisoformat(text)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def since(now: datetime, text: str) -> datetime:
    return now - timedelta(seconds=parse_duration(text))


def show_seconds(value: float) -> str:
    """A latency with three significant figures and its unit: "9.31 ms", "1.90 s"."""
    if value < 1:
        return f"{_three(value * 1000)} ms"
    return f"{_three(value)} s"


def show_share(value: float) -> str:
    """A fraction of 1 in percent."""
    return f"{_three(value * 100)} %"


def show_value(value: float | None, unit: str) -> str:
    """A figure with its unit (`core.figures.Unit`); "–" where there is none."""
    if value is None:
        return "–"
    if unit == "seconds":
        return show_seconds(value)
    if unit == "share":
        return show_share(value)
    text = f"{value:,.0f}" if abs(value) >= 100 or value == int(value) else f"{value:.3g}"
    return f"{text} /s" if unit == "per_second" else text


def show_bytes(value: float) -> str:
    for unit in ("B", "KiB", "MiB", "GiB"):
        if abs(value) < 1024:
            return f"{value:.0f} {unit}" if unit == "B" else f"{_three(value)} {unit}"
        value /= 1024
    return f"{_three(value)} TiB"


def _three(value: float) -> str:
    if value == 0:
        return "0"
    if abs(value) >= 99.95:
        return f"{value:,.0f}"
    return f"{value:.1f}" if abs(value) >= 9.995 else f"{value:.2f}"
