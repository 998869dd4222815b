"""Freezes and their windows."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.freeze import Freeze, frozen, parse_window
from core.history import EVERY

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)


def at(text: str) -> datetime:
    return datetime.fromisoformat(text)


@pytest.mark.parametrize(
    ("window", "now", "until"),
    [
        ("Fri 16:00/Mon 08:00", "2026-11-20T15:59Z", None),
        ("Fri 16:00/Mon 08:00", "2026-11-20T16:00Z", "2026-11-23T08:00Z"),
        ("Fri 16:00/Mon 08:00", "2026-11-23T07:59:59Z", "2026-11-23T08:00Z"),
        ("Fri 16:00/Mon 08:00", "2026-11-23T08:00Z", None),
        ("Fri 16:00/Mon 08:00 Europe/Berlin", "2026-11-20T15:00Z", "2026-11-23T07:00Z"),
        # Summer time ends on the Sunday in between: 08:00 stays 08:00 on the wall clock.
        ("Fri 16:00/Mon 08:00 Europe/Berlin", "2026-10-23T14:00Z", "2026-10-26T07:00Z"),
        ("fri 16:00 / mon 08:00 UTC", "2026-11-21T00:00Z", "2026-11-23T08:00Z"),
        ("Mon 09:00/Tue 09:00", "2026-11-23T12:00Z", "2026-11-24T09:00Z"),
        ("2026-12-20T00:00Z/2027-01-04T08:00+01:00", "2027-01-04T06:59Z", "2027-01-04T07:00Z"),
        ("2026-12-20T00:00Z/2027-01-04T08:00+01:00", "2027-01-04T07:00Z", None),
        ("2026-12-20T00:00Z/2027-01-04T08:00Z", "2026-12-19T23:59Z", None),
    ],
)
def test_when_a_window_is_on_and_until_when(window: str, now: str, until: str | None) -> None:
    assert parse_window(window).until(at(now)) == (at(until) if until else None)


@pytest.mark.parametrize(
    "text",
    [
        "", "weekends", "Fri 16:00", "Fri 16:00/Fri 16:00", "Fri 25:00/Mon 08:00",
        "Foo 16:00/Mon 08:00", "Fri 16:00/Mon 08:00 Nowhere/Town", "Fri 16:00/Mon 08:00 ../etc",
        "2026-12-20T00:00/2027-01-04T08:00", "2027-01-04T08:00Z/2026-12-20T00:00Z",
    ],
)  # fmt: skip
def test_what_is_no_window(text: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011
        parse_window(text)


@given(
    st.datetimes(datetime(2026, 1, 1), datetime(2027, 1, 1), timezones=st.just(UTC)),
    st.integers(0, 7 * 24 * 60 - 1),
    st.integers(1, 7 * 24 * 60 - 1),
)
def test_a_week_has_one_end_and_the_end_is_ahead(now: datetime, first: int, length: int) -> None:
    def said(minute: int) -> str:
        days = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
        return f"{days[minute // 1440]} {minute // 60 % 24:02}:{minute % 60:02}"

    window = parse_window(f"{said(first)}/{said((first + length) % (7 * 1440))}")
    until = window.until(now)
    if until is None:
        return
    assert timedelta(0) < until - now <= timedelta(minutes=length)
    assert window.until(until) is None
    assert window.until(until - timedelta(seconds=1)) == until


def freeze(number: int, service: str, hours: float, **more: object) -> Freeze:
    end = NOW + timedelta(hours=hours)
    return Freeze(number, service, "ana", "release week", NOW, end, **more)  # type: ignore[arg-type]


def test_of_several_freezes_the_longest_is_told() -> None:
    own, all_of_them = freeze(1, "fraud", 1), freeze(2, EVERY, 2)
    found = frozen("fraud", [own, all_of_them], [], NOW)
    assert found is not None
    assert found.because == (
        "every service is frozen until 2026-11-23T14:00:00Z by ana: release week"
    )
    window = parse_window("Mon 09:00/Tue 09:00")
    longest = frozen("fraud", [own, all_of_them], [window], NOW)
    assert longest is not None
    assert "freeze window Mon 09:00/Tue 09:00" in longest.because


@pytest.mark.parametrize(
    "one",
    [
        freeze(1, "chat", 1),
        freeze(1, "fraud", 0),
        freeze(1, EVERY, -1),
        freeze(1, "fraud", 1, ended=NOW),
    ],
)
def test_what_does_not_freeze_a_service(one: Freeze) -> None:
    assert frozen("fraud", [one], [], NOW) is None
