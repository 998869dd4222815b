"""Every screen at every size: exact widths, no control character, no doubt taken for certainty."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.card import FIELDS, Card, CardField
from core.errors import Unreachable
from core.lineage import Item, Lineage
from core.lineage_keys import TITLES
from core.snapshot import Snapshot
from tests.tui.drawn import PAGES, assert_exact, picture, store_of, text
from tests.tui.hostile import NAME, hostile_backend
from tests.tui.scripted import NOW, busy
from tui.feeds import Feed, coarse
from tui.keys import footer_keys
from tui.panels.bars import footer, header
from tui.screens.scene import PageName
from tui.seam import SlotView, TrafficView

quick = settings(max_examples=60, deadline=None)


@pytest.mark.parametrize("page", PAGES)
@pytest.mark.parametrize("hostile", [False, True])
@quick
@given(width=st.integers(40, 200), height=st.integers(10, 70))
def test_every_screen_has_exact_rows(
    page: PageName, hostile: bool, width: int, height: int
) -> None:
    backend = hostile_backend() if hostile else busy()
    name = NAME if hostile else "chat"
    assert_exact(picture(backend, page, width, height, name).rows, width, height)


@quick
@given(st.text(min_size=1, max_size=40), st.sampled_from(PAGES), st.sampled_from((80, 120)))
def test_no_string_breaks_a_screen(bad: str, page: PageName, width: int) -> None:
    backend = hostile_backend(bad, bad)
    assert_exact(picture(backend, page, width, 30, bad).rows, width, 30)


@quick
@given(st.text(max_size=40), st.integers(40, 200))
def test_header_and_footer_have_exact_rows(bad: str, width: int) -> None:
    backend = hostile_backend(bad, bad)
    feeds = list(store_of(backend, bad).values())
    top = header(backend.facts, feeds, width, NOW, paused=True)
    assert_exact([top, footer(footer_keys("overview"), width)], width, 2)


def test_before_any_answer_every_panel_says_that_it_is_asking() -> None:
    shown = text(picture(busy(), store={}).rows)
    assert shown.count("asking…") >= 5
    for state in ("✔", "ok"):
        assert state not in shown


def stale_store(seconds: float) -> dict[str, Feed[object]]:
    return {
        key: Feed(replace(feed.snapshot, taken_at=NOW - timedelta(seconds=seconds)), 2.0)
        for key, feed in store_of(busy(), "chat").items()
    }


@pytest.mark.parametrize("page", ["overview", "service", "gpus"])
@pytest.mark.parametrize("width", [80, 120])
def test_stale_values_never_look_ok(page: PageName, width: int) -> None:
    found = picture(busy(), page, width, store=stale_store(40))
    assert "STALE 45s" in text(found.rows)
    about_now = [line for line in text(found.rows).split("\n") if "passed" not in line and "good" not in line]  # fmt: skip
    assert "✔" not in "\n".join(about_now)


def test_a_dead_source_says_so_in_its_own_panel_and_dims_no_other() -> None:
    error = Unreachable("nothing answers at :9901", backend="envoy", operation="", hint="is it up?")
    store = store_of(busy(), "chat")
    old = store["figures/chat"].snapshot
    store["figures/chat"] = Feed(
        replace(old, error=error, next_try=NOW + timedelta(seconds=8)), 2.0
    )
    shown = text(picture(busy(), store=store).rows)
    assert "FAILED" in shown
    assert "nothing answers at :9901" in shown
    assert "next try 02:14:15" in shown
    assert "1.90 s" in shown
    assert "✔ 3 ok" in shown
    assert shown.count("FAILED") == 1


def test_the_service_screen_shows_stages_traffic_slots_gate_and_releases() -> None:
    shown = text(picture(busy(), "service", height=40).rows)
    for said in (
        "Draft 1", "Staging 1", "Production 1", "Archived 1", "v31 @champion", "BLOCKED",
        "95 %   94.8 %", "10 % of live requests are mirrored", "✔ ready", "? no answer",
        "? headline  no evidence", "LIVE ✔ good", "? not watched",
    ):  # fmt: skip
        assert said in shown


def test_a_long_page_scrolls_to_its_end() -> None:
    first = picture(busy(), "service", 80, 22)
    assert first.length > 22
    last = picture(busy(), "service", 80, 22, top=10_000)
    assert last.top == last.length - 22
    assert "cutover v30" in text(last.rows)


def test_gpus_show_what_the_driver_gave_and_never_zero_for_nothing() -> None:
    shown = text(picture(busy(), "gpus").rows)
    lost = next(line for line in shown.split("\n") if "gpu-c:3" in line)
    assert "critical: LOST Xid 79 02:01" in lost
    assert "–" in lost
    assert " 0 " not in lost
    assert "40.0 GiB of 80.0 GiB" in shown
    assert "412 / 700 W" in shown


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(0.2, "2s"), (2.9, "2s"), (3.1, "5s"), (31, "45s"), (61, "2m"), (7200, "3h"), (None, "never")],
)
def test_ages_move_in_steps(seconds: float | None, said: str) -> None:
    assert coarse(seconds) == said


def test_an_age_does_not_flicker_between_two_polls() -> None:
    feed = Feed(Snapshot("x", 1, NOW), every=5.0)
    notes = {feed.note(NOW + timedelta(seconds=tenth / 10)) for tenth in range(56)}
    assert len(notes) == 1


def test_a_reason_is_seen_also_where_everything_shares_it() -> None:
    because = "run 7: nothing answers at :5000"
    backend = busy()
    fields = tuple(CardField(name, "unreachable", because=because) for name in FIELDS)
    items = tuple(Item(name, "missing", because=because) for name in TITLES)
    backend.reads["card"] = Card("32", fields)
    backend.reads["lineage"] = Lineage("32", "7", items)
    shown = text(picture(backend, "service", 120, 60).rows)
    assert "and 4 more" in shown
    assert "and 7 more" in shown
    assert shown.count(":5000") == 2


def test_a_service_without_a_router_says_so() -> None:
    backend = busy()
    backend.reads["traffic"] = ()
    assert "no router is configured for this service" in text(picture(backend, "service").rows)


def test_versions_that_have_a_name_are_told_in_full_where_there_is_room() -> None:
    backend = busy()
    name = "helpdesk-stand-in-small"
    backend.reads["traffic"] = (TrafficView(name, "main", 1.0, 0.0, 1.0, 51, 0),)
    backend.reads["slots"] = (SlotView("main", name, True, 1, "http://10.0.0.5:8000"),)
    shown = text(picture(backend, "service", 160, 40).rows)
    assert shown.count(name) == 2
    narrow = text(picture(backend, "service", 80, 60).rows)
    assert narrow.count(name) == 2
    assert "51" in narrow
