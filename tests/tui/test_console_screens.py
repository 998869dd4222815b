"""Every screen at every size: exact widths, no control character, trouble never left out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.errors import Unreachable
from core.freeze import Frozen
from core.history import EVERY, Event
from core.snapshot import Snapshot
from core.status import State
from core.text import clean
from tests.tui.hostile import NAME, hostile_backend
from tests.tui.scripted import NOW, OF_VERSION, Scripted, busy, events, status
from tui.cells import Row, row_width
from tui.feeds import Feed, coarse
from tui.keys import footer_keys
from tui.panels.bars import footer, header
from tui.panels.changed import changed, recent
from tui.panels.services import because
from tui.screens.pages import draw_page
from tui.screens.scene import PageName, Picture, Scene

PAGES: tuple[PageName, ...] = (
    "overview",
    "service",
    "version",
    "gpus",
    "changes",
    "help",
    "answer",
)
FLEET = ("services", "changes", "gpus")
quick = settings(max_examples=60, deadline=None)


def store_of(backend: Scripted, service: str, **more: object) -> dict[str, Feed[object]]:
    found = {}
    for kind, value in backend.reads.items():
        values = {kind if kind in FLEET else f"{kind}/{service}": value}
        if kind in OF_VERSION:
            each = value if isinstance(value, dict) else {value.version: value}
            values = {f"{kind}/{service}@{number}": one for number, one in each.items()}
        for key, one in values.items():
            found[key] = Feed(Snapshot(key, one, NOW, **more), 2.0)  # type: ignore[arg-type]
    return found


def picture(
    backend: Scripted,
    page: PageName = "overview",
    width: int = 120,
    height: int = 34,
    service: str = "chat",
    store: dict[str, Feed[object]] | None = None,
    **more: object,
) -> Picture:
    window = 48 * 3600.0 if page == "changes" else 900.0
    chosen = service if page in ("service", "version") else None
    scene = Scene(
        backend.facts, store_of(backend, service) if store is None else store, width, height, NOW,
        chosen, window=window, **more,  # type: ignore[arg-type]
    )  # fmt: skip
    return draw_page(page, scene, next((a for a in backend.proposals.values() if hasattr(a, "grids")), None))  # fmt: skip


def text(rows: Sequence[Row]) -> str:
    return "\n".join("".join(cell for cell, _ in row) for row in rows)


def assert_exact(rows: Sequence[Row], width: int, height: int) -> None:
    assert len(rows) == height
    for row in rows:
        assert row_width(row) == width
        for cell, _ in row:
            assert clean(cell) == cell


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


def test_the_first_screen_answers_the_three_questions() -> None:
    shown = text(picture(busy()).rows)
    assert "Services: 1 critical 1 warning" in shown
    assert "✖ chat    v31 100           SYS CRIT" in shown
    assert "TTFT p95 1.9 s > 0.8 s" in shown
    assert "since 01:57" in shown
    assert "Tue 13:02 ben" in shown
    assert "OUTSIDE" in shown
    assert "now / on r17 / limit" in shown
    assert "1.90 s   600 ms   800 ms" in shown
    assert "¦" in shown
    assert "R → r17: prompt 9→8" in shown
    assert "GPUs 3/4" in shown
    assert "gpu-c:3 LOST Xid 79" in shown


def test_the_small_screen_answers_them_too() -> None:
    shown = text(picture(busy(), width=80, height=22).rows)
    for said in ("✖ chat", "SYS CRIT", "OUTSIDE", "TTFT p95", "R → r17", "GPUs 3/4", "LOST"):
        assert said in shown


def test_trouble_sorts_to_the_top_and_the_lower_half_follows_it() -> None:
    found = picture(busy())
    assert found.items == ("chat", "fraud", "search")
    assert found.service == "chat"
    assert picture(busy(), cursor="search").service == "search"


@pytest.mark.parametrize(("width", "height"), [(120, 34), (80, 22), (40, 22)])
def test_a_small_terminal_drops_columns_and_never_rows_of_trouble(width: int, height: int) -> None:
    backend = busy()
    fine = [status(f"fine-{number:02}") for number in range(60)]
    bad = [status(f"bad-{number}", State.CRITICAL, "errors 9 %") for number in range(3)]
    backend.reads["services"] = (*fine, *bad)
    shown = text(picture(backend, width=width, height=height).rows)
    for number in range(3):
        assert f"bad-{number}" in shown
    assert "more:" in shown


def test_what_does_not_fit_is_counted_by_state() -> None:
    backend = busy()
    backend.reads["services"] = tuple(
        status(f"s-{number:02}", State.CRITICAL, "down") for number in range(60)
    )
    shown = text(picture(backend, width=80, height=22).rows)
    assert "more: 5" in shown or "critical" in shown.split("more:")[1][:20]


def test_the_list_scrolls_with_the_cursor() -> None:
    backend = busy()
    backend.reads["services"] = tuple(status(f"s-{number:02}") for number in range(60))
    found = picture(backend, cursor="s-41")
    assert "s-41" in text(found.rows)
    row = next(hit.row for hit in found.hits if hit.item == "s-41")
    assert "s-41" in text([found.rows[row]])


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


def test_the_header_counts_sources_and_says_who_may_write() -> None:
    store = store_of(busy(), "chat")
    error = Unreachable("down", backend="x", operation="")
    store["gpus"] = Feed(Snapshot("gpus", error=error), 2.0)
    feeds = list(store.values())
    shown = text([header(busy().facts, feeds, 120, NOW)])
    assert "prod  PRODUCTION  ana WRITE" in shown
    assert f"{len(feeds) - 1} ok 1 DOWN" in shown
    assert "02:14:07 UTC" in shown
    read_only = replace(busy().facts, read_only=True)
    assert "READ-ONLY" in text([header(read_only, feeds, 80, NOW)])


def test_the_header_does_not_call_a_source_ok_that_lacks_a_backend() -> None:
    feeds = list(store_of(busy(), "chat").values())
    lacking = (status("search", errors={"registry": "nothing answers"}),)
    half = Feed(Snapshot("services", value=lacking), 2.0)
    shown = text([header(busy().facts, [*feeds, half], 120, NOW)])
    assert f"{len(feeds)} ok 1 IN PART" in shown


def test_a_champion_that_serves_nothing_is_a_warning() -> None:
    backend = busy()
    backend.reads["services"] = (status("chat", champion="30", traffic={"31": 1.0}),)
    shown = text(picture(backend).rows)
    assert "Services: 1 warning" in shown
    assert "champion v30 serves nothing" in shown


def test_a_change_that_nobody_holds_is_critical_and_says_what_to_do() -> None:
    from core.status import OpenChange

    backend = busy()
    change = OpenChange(214, "canary", "running", "ben", NOW, running=False)
    backend.reads["services"] = (status("search"), status("fraud", open_change=change))
    shown = text(picture(backend).rows)
    assert shown.index("✖ fraud") < shown.index("search")
    assert "canary #214 CUT OFF: recover" in shown
    left = replace(change, state="needs_person")
    backend.reads["services"] = (status("search"), status("fraud", open_change=left))
    shown = text(picture(backend).rows)
    assert shown.index("✖ fraud") < shown.index("search")
    assert "#214 NEEDS A PERSON: recover" in shown


def test_a_canary_line_says_what_is_known_and_when_more_will_be() -> None:
    backend = busy()
    said = "v13 5 %: 3 errors of 812, champion 3 of 15,428, about 4 min to a verdict"
    backend.reads["services"] = (status("fraud", traffic={"12": 0.95, "13": 0.05}, canary=said),)
    assert "v13 5 %: 3 errors of 812" in text(picture(backend, width=160).rows)


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


def test_changes_can_be_narrowed_by_window_and_by_text() -> None:
    backend = busy()
    backend.reads["changes"] = (*events("chat"), *events("fraud"))
    everything = text(picture(backend, "changes").rows)
    assert everything.count("cutover v30") == 2
    assert "between Tue 12:58 and Tue 13:02" in everything
    narrowed = text(picture(backend, "changes", filter="fraud").rows)
    assert narrowed.count("cutover v30") == 1


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


def test_what_holds_up_a_promotion_is_said_in_the_row_and_in_the_header() -> None:
    until = datetime(2026, 3, 4, 8, tzinfo=UTC)
    view = status("fraud")
    held = replace(view.status, frozen=Frozen("audit", until), approvals=("A-3", "A-4"))
    said = because(replace(view, status=held))
    assert "frozen until 2026-03-04T08:00:00Z; A-3, A-4 wait for an approval" in said
    assert "approvals 2" in text([header(busy().facts, [], 120, NOW, approvals=2)])
    assert "approvals" not in text([header(busy().facts, [], 120, NOW)])


def test_approvals_freezes_and_overrides_stand_out_among_the_changes() -> None:
    def said(**more: object) -> str:
        event = Event(NOW, "fraud", "v13 becomes the champion", "ana", **more)  # type: ignore[arg-type]
        return text(changed([event], 120, 1, NOW, with_service=True))

    assert "REQUESTED" in said(kind="request", state="requested")
    assert "APPROVED" not in said(kind="answer", state="approved")
    assert "EXPIRED" in said(kind="expiry", state="expired")
    assert "FROZEN" in said(kind="freeze", state="frozen")
    assert "#7 A-3" in said(change=7, state="done", approval="A-3")
    loud = said(change=7, state="done", override="fire", reason="OVERRIDE: fire")
    assert "OVERRIDE #7 done" in loud
    everywhere = Event(NOW, EVERY, "frozen until tomorrow", "ana", kind="freeze", state="frozen")
    assert recent([everywhere], NOW, 60, "fraud") == [everywhere]
    assert "every service" in text(changed([everywhere], 120, 1, NOW, with_service=True))
