"""What abort goes back to, as the journal has it."""

from __future__ import annotations

from typing import Any

from backends.journal.base import Change, Step
from commands.sources.service import blocked_versions, previous_split, returned_to
from core.plan import Plan, Set
from core.refs import Value, alias_ref, block_ref, traffic_ref
from core.split import Split
from tests.core.planning import BLUE, CANARY, GREEN, TAKEN

TRAFFIC = traffic_ref("fraud")


def change(state: Any, before: Value, after: Value, step: Any = "done", **more: Any) -> Change:
    ref = more.pop("ref", TRAFFIC)
    sets, goal = (Set(ref, before, after),), more.pop("goal", "forward")
    plan = Plan(more.pop("kind", "cutover"), "fraud", goal, "", sets, (), more.pop("evidence", {}))
    steps = (Step(0, ref, before, after, step),)
    texts = {"actor": "ana", "reason": "", "command": "", "key": None, "holder": "h", "note": ""}
    rest: dict[str, Any] = {"epoch": 1, "created": TAKEN, "ended": TAKEN, "verified": True}
    return Change(
        "id", 1, plan, plan.goal, state, False, release=None, steps=steps, **texts, **rest
    )


WITH_CANARY = change("done", BLUE, CANARY)


def test_before_a_canary_is_what_the_canary_set_out_from() -> None:
    assert previous_split([WITH_CANARY, change("done", GREEN, BLUE)]) == BLUE


def test_a_cutover_that_was_put_back_is_not_what_was_before() -> None:
    for state in ("unfinished", "undone", "superseded", "needs_person"):
        put_back = change(state, CANARY, GREEN, "undone")
        assert previous_split([put_back, WITH_CANARY]) == BLUE, state


def test_a_cutover_that_failed_where_its_traffic_stands_was_still_never_done() -> None:
    assert previous_split([change("unfinished", CANARY, GREEN), WITH_CANARY]) == BLUE


def test_a_way_back_that_got_as_far_as_the_traffic_counts() -> None:
    assert previous_split([change("unfinished", CANARY, GREEN, goal="back")]) == GREEN
    half = change("unfinished", CANARY, GREEN, "failed", goal="back")
    assert previous_split([half, WITH_CANARY]) == BLUE


def test_what_a_change_set_out_from_was_seen_even_if_it_came_to_nothing() -> None:
    moved_outside = change("undone", BLUE, Split.of({"blue": 1, "green": 9999}), "undone")
    assert previous_split([moved_outside, change("done", BLUE, GREEN)]) == BLUE


def test_of_a_conflict_nothing_is_believed() -> None:
    assert previous_split([change("conflict", GREEN, CANARY, "foreign"), WITH_CANARY]) == BLUE


def test_blocks_are_known_without_the_registry() -> None:
    ref = block_ref("fraud", "13")
    left = change("done", None, "errors", ref=ref, goal="back")
    undone = change("undone", None, "errors", "undone", ref=block_ref("fraud", "14"))
    other = change("done", "12", "13", ref=alias_ref("fraud", "champion"))
    assert blocked_versions([left, undone, other], "fraud") == {"13"}
    assert blocked_versions([left], "another") == set()
    promoted_again = change("done", "errors", None, ref=ref)
    assert blocked_versions([promoted_again, left], "fraud") == set()
    assert blocked_versions([left, promoted_again], "fraud") == {"13"}


BACK = change(
    "done", GREEN, BLUE, kind="rollback", goal="back", evidence={"release": "r1", "leaves": ["13"]}
)
"""Without the registry: nothing but traffic was set."""


def test_what_a_way_back_left_is_known_where_the_registry_could_not_be_told() -> None:
    assert blocked_versions([BACK], "fraud") == {"13"}
    promoted_again = change("done", "12", "13", ref=alias_ref("fraud", "champion"))
    assert blocked_versions([promoted_again, BACK], "fraud") == set()
    assert blocked_versions([BACK, promoted_again], "fraud") == {"13"}


def test_where_a_rollback_led_counts_until_traffic_is_moved_again() -> None:
    assert returned_to([BACK, WITH_CANARY], BLUE) == "r1"
    assert returned_to([change("undone", BLUE, CANARY, "undone"), BACK], BLUE) == "r1"
    assert returned_to([WITH_CANARY, BACK], CANARY) is None
    assert returned_to([], BLUE) is None


def test_a_way_back_that_was_cut_off_right_after_its_write_has_moved_the_traffic() -> None:
    """Nobody noted it: without a look at what is live, the next rollback would lead forward again."""
    evidence = {"release": "r1"}
    cut_off = change(
        "superseded", GREEN, BLUE, "intent", goal="back", kind="rollback", evidence=evidence
    )
    assert returned_to([cut_off], BLUE) == "r1"
    assert returned_to([cut_off], GREEN) is None
    assert returned_to([cut_off], None) is None
