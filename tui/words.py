"""Times, versions and figures in the few words that a panel has room for."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from core.units import show_duration
from core.versions import version_name


def moment(at: datetime, now: datetime) -> str:
    """ "02:14" today, "Tue 13:02" within six days, "11-20 13:02" before, in nine or ten cells."""
    at = at.astimezone(now.tzinfo)
    if at.date() == now.date():
        return f"{at:%H:%M}"
    if abs((now - at).total_seconds()) < 6 * 86400:
        return f"{at:%a %H:%M}"
    return f"{at:%m-%d %H:%M}"


def ago(at: datetime, now: datetime) -> str:
    return show_duration(max(0.0, (now - at).total_seconds()))


def share(fraction: float) -> str:
    """Percent without the sign: 0.05 is "5", 0.0025 is "0.25"."""
    return f"{fraction * 100:.4g}"


def traffic(live: Mapping[str, float], shadow: Mapping[str, float]) -> str:
    """ "v12 95 v13 5, shadow v14 10", the largest share first."""
    parts = [f"{version_name(v)} {share(x)}" for v, x in sorted(live.items(), key=_largest) if x]
    text = " ".join(parts) or "no traffic"
    mirrored = " ".join(f"{version_name(v)} {share(x)}" for v, x in shadow.items() if x)
    return f"{text}, shadow {mirrored}" if mirrored else text


def _largest(item: tuple[str, float]) -> tuple[float, str]:
    return (-item[1], item[0])


def plural(count: int, word: str) -> str:
    return f"{count:,} {word}" if count == 1 else f"{count:,} {word}s"
