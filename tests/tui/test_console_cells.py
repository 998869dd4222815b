"""Rows have exactly the width that they are given, and hold nothing that steers a terminal."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from core.text import clean
from tui.cells import blank, cut, fit, line, overlay, row_width, width_of
from tui.lines import changed_runs

NASTY = st.text(
    st.one_of(
        st.characters(),
        st.sampled_from("\x1b\x07\x9b\n\r\t\u202e\u200b[]日本語é́👍🏽‍\ufe0f"),
    ),
    max_size=60,
)
WIDTHS = st.integers(0, 80)
quick = settings(max_examples=150, deadline=None)


@quick
@given(NASTY, WIDTHS, st.sampled_from("<>^"))
def test_a_fitted_text_takes_exactly_its_cells(text: str, width: int, align: str) -> None:
    fitted = fit(text, width, align)  # type: ignore[arg-type]
    assert width_of(fitted) == width
    assert clean(fitted) == fitted


def test_a_text_that_does_not_fit_says_so() -> None:
    assert fit("fraud-scoring", 8) == "fraud-s…"
    assert fit("fraud", 8, ">") == "   fraud"
    assert fit("x\x1b[31mred", 20).rstrip() == "x\\x1b[31mred"


def test_a_thousand_combining_marks_do_not_reach_the_terminal() -> None:
    assert len(fit("a" + "\u0301" * 1000, 10)) <= 50


@quick
@given(st.lists(NASTY, max_size=6), WIDTHS)
def test_a_row_is_cut_or_filled_to_its_width(texts: list[str], width: int) -> None:
    assert row_width(line(width, [(clean(text), "") for text in texts])) == width


@quick
@given(st.lists(NASTY, max_size=5), st.integers(1, 60), st.data())
def test_a_part_of_a_row_takes_the_cells_that_were_asked_for(
    texts: list[str], width: int, data: st.DataObject
) -> None:
    row = line(width, [(clean(text), str(place)) for place, text in enumerate(texts)])
    start = data.draw(st.integers(0, width))
    end = data.draw(st.integers(start, width))
    assert row_width(cut(row, start, end)) == end - start


@quick
@given(NASTY, st.integers(10, 60), st.data())
def test_a_box_over_a_row_leaves_its_width(text: str, width: int, data: st.DataObject) -> None:
    box = [line(data.draw(st.integers(1, width)), [("box", "")])]
    x = data.draw(st.integers(0, width - row_width(box[0])))
    laid = overlay([line(width, [(clean(text), "")])], box, x, 0, width)
    assert row_width(laid[0]) == width


def test_a_box_hides_what_is_below_and_nothing_else() -> None:
    rows = [(("0123456789", ""),), blank(10)]
    laid = overlay(rows, [(("abc", "b"),)], 4, 0, 10)
    assert "".join(text for text, _ in laid[0]) == "0123abc789"
    assert laid[1] == rows[1]


def test_only_the_cells_that_changed_are_repainted() -> None:
    old = (("chat   41.0 ms", ""), ("   ok          and a long rest", "ok"))
    new = (("chat   43.0 ms", ""), ("   ok          and a long rest", "ok"))
    assert changed_runs(old, new, 44) == [(8, 9)]
    assert changed_runs(old, old, 44) == []


def test_a_changed_style_is_a_change() -> None:
    assert changed_runs((("abc", "ok"),), (("abc", "critical"),), 3) == [(0, 3)]


def test_changes_far_apart_are_written_apart() -> None:
    old, new = (("a" + "." * 30 + "a", ""),), (("b" + "." * 30 + "b", ""),)
    assert changed_runs(old, new, 32) == [(0, 1), (31, 32)]


def test_a_row_of_wide_characters_is_repainted_whole() -> None:
    assert changed_runs((("日本", ""),), (("日木", ""),), 4) == [(0, 4)]
