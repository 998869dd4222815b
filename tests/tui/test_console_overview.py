"""The first screen: what is wrong stands at its top, and nothing of it is left out."""

from __future__ import annotations

from dataclasses import replace

import pytest

from core.errors import Unreachable
from core.snapshot import Snapshot
from core.status import State
from tests.tui.drawn import picture, store_of, text
from tests.tui.scripted import NOW, busy, status
from tui.feeds import Feed
from tui.panels.bars import header


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
