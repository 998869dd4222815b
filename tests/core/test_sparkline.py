"""Sparklines as a person reads them."""

from __future__ import annotations

import math

from hypothesis import given
from hypothesis import strategies as st

from core.sparkline import ASCII_CELLS, CELLS, shared_scale, sparkline


def every_second(*values: float | None) -> list[tuple[float, float | None]]:
    return [(float(at), value) for at, value in enumerate(values)]


def test_half_as_high_is_half_as_much() -> None:
    assert sparkline(every_second(0, 1, 2, 3, 4, 5, 6, 7), 8) == "▁▂▃▄▅▆▇█"
    assert sparkline(every_second(40, 80), 2) == "▅█"


def test_a_steady_figure_is_a_steady_line() -> None:
    assert sparkline(every_second(3, 3, 3), 3) == "███"
    assert sparkline(every_second(0, 0, 0), 3) == "▁▁▁"


def test_a_change_is_marked_where_it_happened() -> None:
    line = sparkline(every_second(1, 1, 1, 1, 7, 7, 7, 7), 8, marks=[3.2, 99.0, -1.0, math.nan])
    assert line == "▂▂▂¦████"
    assert sparkline([], 4, start=0, end=4, marks=[4.0]) == "   ¦"


def test_what_nobody_could_tell_is_a_gap() -> None:
    assert sparkline(every_second(7, None, math.nan, 7), 4) == "█  █"
    assert sparkline([], 5) == "     "


def test_cells_between_two_polls_hold_the_last_value_but_not_for_ever() -> None:
    polls = [(0.0, 7.0), (4.0, 7.0), (10.0, 7.0)]
    assert sparkline(polls, 11, start=0, end=11, hold=4.5) == "█████████ █"


def test_a_value_from_before_the_window_still_holds_at_its_start() -> None:
    assert sparkline([(-1.0, 7.0), (3.0, 7.0)], 4, start=0, end=4) == "████"
    assert sparkline([(-1.0, None), (3.0, 7.0)], 4, start=0, end=4) == "   █"


def test_nothing_is_shown_for_the_time_since_the_last_poll() -> None:
    assert sparkline([(0.0, 7.0), (1.0, 7.0)], 8, start=0, end=8) == "██      "


def test_a_short_peak_is_not_averaged_away() -> None:
    values = [1.0] * 50
    values[20] = 7.0
    assert sparkline(every_second(*values), 5, start=0, end=50) == "▂▂█▂▂"


def test_compared_lines_share_a_scale() -> None:
    champion, candidate = every_second(1, 1, 1, 1), every_second(8, 8, 8, 8)
    scale = shared_scale([champion, candidate])
    assert sparkline(champion, 4, scale=scale) == "▂▂▂▂"
    assert sparkline(candidate, 4, scale=scale) == "████"


def test_a_terminal_without_unicode_gets_ascii() -> None:
    line = sparkline(every_second(0, 1, 2, None, 4, 5, 6, 7), 8, marks=[4.0], ascii_only=True)
    assert line == "_.: |+*#"
    assert line.isascii()


POINTS = st.lists(
    st.tuples(st.floats(0, 1000), st.one_of(st.none(), st.floats())), max_size=40
).map(lambda points: sorted(points, key=lambda point: point[0]))


@given(
    POINTS,
    st.integers(0, 60),
    st.lists(st.floats(), max_size=4),
    st.one_of(st.none(), st.tuples(st.floats(0, 1000), st.floats(0, 1000))),
    st.booleans(),
)
def test_the_width_is_exact_whatever_is_drawn(
    points: list[tuple[float, float | None]],
    width: int,
    marks: list[float],
    window: tuple[float, float] | None,
    ascii_only: bool,
) -> None:
    start, end = window or (None, None)
    line = sparkline(points, width, start=start, end=end, marks=marks, ascii_only=ascii_only)
    assert len(line) == width
    assert set(line) <= set((ASCII_CELLS if ascii_only else CELLS) + "¦| ")
