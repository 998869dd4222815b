"""Freezes: while one is on nobody promotes; going back stays allowed."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Annotated

from core.history import EVERY
from core.schema import Leaf
from core.units import show_time

_DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_WEEKLY = re.compile(
    r"([A-Za-z]{3}) (\d{2}):(\d{2})\s*/\s*([A-Za-z]{3}) (\d{2}):(\d{2})(?: ([\w+/-]+))?"
)
_WEEK = 7 * 24 * 60


@dataclass(frozen=True, slots=True)
class Window:
    """A freeze that the config names, every week or once.

    `first` and `last` are minutes since Monday 00:00 on the wall clock of `zone`; where `once` is
    set they are not looked at, and it holds the two times.
    """

    text: str
    first: int = 0
    last: int = 0
    zone: tzinfo = UTC
    once: tuple[datetime, datetime] | None = None

    def until(self, now: datetime) -> datetime | None:
        """When the window that `now` lies in ends; None outside of it."""
        if self.once is not None:
            first, last = self.once
            return last if first <= now < last else None
        local = now.astimezone(self.zone)
        minute = (local.weekday() * 24 + local.hour) * 60 + local.minute
        if (minute - self.first) % _WEEK >= (self.last - self.first) % _WEEK:
            return None
        left = timedelta(minutes=(self.last - minute) % _WEEK)
        # Adding to a zoned time moves its wall clock, which is what the window is written in.
        return (local.replace(second=0, microsecond=0) + left).astimezone(UTC)


def parse_window(text: str) -> Window:
    """ "Fri 16:00/Mon 08:00 Europe/Berlin", or two ISO 8601 times with a zone and "/" between.

    Without a zone a weekly window is in UTC. Raises ValueError.
    """
    words = " ".join(text.split())
    weekly = _WEEKLY.fullmatch(words)
    if weekly is not None:
        first, last = _minute(*weekly.groups()[:3]), _minute(*weekly.groups()[3:6])
        if first == last:
            raise ValueError(f"{text!r} begins when it ends")
        return Window(words, first, last, _zone(weekly[7]) if weekly[7] else UTC)
    begin, slash, end = words.partition("/")
    if not slash:
        raise ValueError(f"{text!r} is no window")
    times = datetime.fromisoformat(begin.strip()), datetime.fromisoformat(end.strip())
    if any(time.tzinfo is None for time in times) or times[0] >= times[1]:
        raise ValueError(f"{text!r} needs a zone on both times, the earlier one first")
    return Window(words, once=times)


def _minute(day: str, hour: str, minute: str) -> int:
    if day.lower() not in _DAYS or int(hour) > 23 or int(minute) > 59:
        raise ValueError(f"{day} {hour}:{minute} is no time of a week")
    return (_DAYS.index(day.lower()) * 24 + int(hour)) * 60 + int(minute)


def _zone(name: str) -> tzinfo:
    if name.upper() in ("UTC", "Z"):
        return UTC
    from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, OSError) as error:
        raise ValueError(f"{name!r} is no time zone that this machine knows") from error


AsWindow = Annotated[
    Window,
    Leaf(
        'a window such as "Fri 16:00/Mon 08:00 Europe/Berlin" (a zone that this machine knows) or '
        '"2026-12-20T00:00Z/2027-01-04T08:00Z"',
        parse_window,
    ),
]


@dataclass(frozen=True, slots=True)
class Freeze:
    """One `modeldeck freeze`. `service` is EVERY where it is of every service."""

    number: int
    service: str
    actor: str
    reason: str
    begun: datetime
    until: datetime
    ended: datetime | None = None
    """When somebody ended it before its time."""
    ended_by: str = ""
    ended_reason: str = ""

    def active(self, now: datetime) -> bool:
        return self.ended is None and now < self.until

    def of(self, service: str) -> bool:
        return self.service in (EVERY, service)


@dataclass(frozen=True, slots=True)
class Frozen:
    """That a service is frozen now, in words, and until when."""

    because: str
    until: datetime


def frozen(
    service: str, freezes: Iterable[Freeze], windows: Iterable[Window], now: datetime
) -> Frozen | None:
    """What freezes the service now; of several the one that lasts longest."""
    found = []
    for freeze in freezes:
        if freeze.active(now) and freeze.of(service):
            what = "every service" if freeze.service == EVERY else service
            why = f": {freeze.reason}" if freeze.reason else ""
            said = f"{what} is frozen until {show_time(freeze.until)} by {freeze.actor}{why}"
            found.append(Frozen(said, freeze.until))
    for window in windows:
        until = window.until(now)
        if until is not None:
            said = f"the freeze window {window.text} of the config lasts until {show_time(until)}"
            found.append(Frozen(said, until))
    return longest(*found)


def longest(*found: Frozen | None) -> Frozen | None:
    """The one that lasts longest, None where there is none."""
    there = [one for one in found if one is not None]
    return max(there, key=lambda one: one.until, default=None)
