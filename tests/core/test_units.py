"""Durations, times and figures as people write and read them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.units import (
    parse_duration,
    parse_time,
    show_bytes,
    show_duration,
    show_seconds,
    show_share,
    show_time,
    show_value,
    since,
)
from tests.core.values import quick

PARTS = {"d": 86_400.0, "h": 3_600.0, "m": 60.0, "s": 1.0, "ms": 0.001}


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("30s", 30), ("10m", 600), ("48h", 172_800), ("1h30m", 5_400), ("1h 30m", 5_400),
        ("250ms", 0.25), ("1.5s", 1.5), ("2d", 172_800), (" 5m ", 300), ("0s", 0),
    ],
)  # fmt: skip
def test_durations_are_read(text: str, seconds: float) -> None:
    assert parse_duration(text) == pytest.approx(seconds)


@pytest.mark.parametrize(
    "text", ["", "10", "m", "-5s", "1e3s", "10 minutes", "5m!", "1h30", "٣s x"]
)
def test_what_is_no_duration_is_told_how_one_is_written(text: str) -> None:
    with pytest.raises(ValueError, match="30s, 10m, 48h or 1h30m"):
        parse_duration(text)


@quick
@given(st.dictionaries(st.sampled_from(list(PARTS)), st.integers(0, 999), min_size=1))
def test_parts_add_up(parts: dict[str, int]) -> None:
    text = " ".join(f"{number}{unit}" for unit, number in parts.items())
    wanted = sum(number * PARTS[unit] for unit, number in parts.items())
    assert parse_duration(text) == pytest.approx(wanted)


@quick
@given(st.floats(0, 1e7))
def test_a_duration_shown_is_a_duration_read_and_never_too_long(seconds: float) -> None:
    shown = parse_duration(show_duration(seconds))
    # Rounded down to the smaller of the two units; below a second, to the nearest millisecond.
    step = next((s for s in (86_400, 3_600, 60) if seconds >= s), 1)
    smaller = {86_400: 3_600, 3_600: 60, 60: 60, 1: 1}[step]
    assert shown <= seconds + 0.0005 + 1e-9
    assert seconds - shown < smaller


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0s"), (0.04, "40ms"), (1, "1s"), (59.9, "59s"), (60, "1m"), (3_599, "59m"),
        (3_600, "1h"), (3_900, "1h 5m"), (86_400, "1d"), (90_000, "1d 1h"), (259_200, "3d"),
    ],
)  # fmt: skip
def test_durations_are_shown(seconds: float, text: str) -> None:
    assert show_duration(seconds) == text


@quick
@given(
    st.datetimes(datetime(1970, 1, 2), datetime(2100, 1, 1)),
    st.integers(-14 * 60, 14 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes))),
)
def test_a_time_is_shown_in_utc_and_read_back(moment: datetime, zone: timezone) -> None:
    here = moment.replace(tzinfo=zone)
    shown = show_time(here)
    assert shown.endswith("Z")
    assert parse_time(shown) == here.replace(microsecond=0)


def test_a_time_without_a_zone_is_utc() -> None:
    assert parse_time("2026-03-04T02:14:07") == datetime(2026, 3, 4, 2, 14, 7, tzinfo=UTC)
    now = datetime(2026, 3, 4, tzinfo=UTC)
    assert since(now, "1h") == datetime(2026, 3, 3, 23, tzinfo=UTC)


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        (None, "seconds", "–"), (0.00931, "seconds", "9.31 ms"), (1.9, "seconds", "1.90 s"),
        (0.0, "seconds", "0 ms"), (0.05, "share", "5.00 %"), (1.0, "share", "100 %"),
        (0.0, "share", "0 %"), (214.0, "per_second", "214 /s"), (0.25, "per_second", "0.25 /s"),
        (4310.0, "tokens", "4,310"), (3.0, "count", "3"), (12.345, "count", "12.3"),
    ],
)  # fmt: skip
def test_figures_are_shown(value: float | None, unit: str, text: str) -> None:
    assert show_value(value, unit) == text


@quick
@given(st.floats(1e-6, 1e6))
def test_three_digits_are_kept(value: float) -> None:
    number, unit = show_seconds(value).split()
    read = float(number.replace(",", "")) * (0.001 if unit == "ms" else 1)
    assert read == pytest.approx(value, rel=0.006, abs=0.000_005_1)
    share = float(show_share(value).removesuffix(" %").replace(",", "")) / 100
    assert share == pytest.approx(value, rel=0.006, abs=0.000_051)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0, "0 B"),
        (1023, "1023 B"),
        (1024, "1.00 KiB"),
        (80 * 2**30, "80.0 GiB"),
        (2**41, "2.00 TiB"),
    ],
)
def test_bytes(value: float, text: str) -> None:
    assert show_bytes(value) == text
