"""Approvals: who may answer, for how long they count, and for which plan."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import Refused, UsageError
from core.plan import Plan
from core.policy import (
    Answered,
    AnswerVerdict,
    Approval,
    PolicyConfig,
    check_answer,
    difference,
    granted,
    lacking,
    parse_number,
    promotes,
)
from core.promotion import promote
from core.releases import rollback
from core.split import Split
from core.strategies import canary
from core.versions import Stage
from tests.core.planning import PASSED, VERSIONS, release, seen

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
V13 = VERSIONS[1]
PLAN = promote(seen(), V13, Stage.PRODUCTION, PASSED)
MOVED = promote(seen(split=Split.of({"blue": 9500, "green": 500})), V13, Stage.PRODUCTION, PASSED)
LINE = "modeldeck promote fraud 13 --to Production"


def said(actor: str, verdict: AnswerVerdict = "approved", reason: str = "") -> Answered:
    return Answered(actor, verdict, reason, NOW)


def asked(*answers: Answered, number: int = 3, plan: Plan = PLAN, needed: int = 1) -> Approval:
    return Approval(number, plan, LINE, "ana", "", needed, NOW - HOUR, NOW + HOUR, answers)


def test_what_makes_a_champion_is_a_promotion_and_nothing_else_is() -> None:
    assert promotes(PLAN)
    assert not promotes(promote(seen(), VERSIONS[0], Stage.STAGING, None))
    assert not promotes(canary(seen(), V13, 500, None))
    back = rollback(seen(releases=(release(1, "11"),)), None, None, "")
    assert back.find("alias") is not None
    assert not promotes(back), "a way back needs nobody"


@pytest.mark.parametrize(
    ("approval", "state"),
    [
        (asked(), "waiting"),
        (asked(said("ben")), "approved"),
        (asked(said("ana")), "waiting"),
        (asked(said(" ANA ")), "waiting"),
        (asked(said("ben"), needed=2), "waiting"),
        (asked(said("ben"), said("Ben"), needed=2), "waiting"),
        (asked(said("ben"), said("cleo"), needed=2), "approved"),
        (asked(said("ben"), said("cleo", "rejected")), "rejected"),
        (replace(asked(said("ben")), expires=NOW), "expired"),
        (replace(asked(said("ben")), change=7), "used"),
    ],
)
def test_the_states_of_a_request(approval: Approval, state: str) -> None:
    assert approval.state(NOW) == state
    assert approval.said(NOW).startswith("A-3 ")
    assert (granted([approval], PLAN, NOW) is not None) is (state == "approved")


def test_it_counts_until_it_expires_and_no_longer() -> None:
    approval = asked(said("ben"))
    just = timedelta(microseconds=1)
    assert granted([approval], PLAN, approval.expires - just) is approval
    assert granted([approval], PLAN, approval.expires) is None


def test_it_counts_as_the_policy_of_today_says_not_as_it_was_asked_for() -> None:
    approval = asked(said("ben"))
    assert granted([approval.under(2, 4 * 3600)], PLAN, NOW) is None
    assert "waits for 1 approval" in lacking([approval.under(2, 4 * 3600)], PLAN, NOW)
    assert granted([approval.under(1, 3601)], PLAN, NOW)
    assert granted([approval.under(1, 3600)], PLAN, NOW) is None, "an hour is over"
    strict = asked(said("ben"), needed=2)
    assert strict.under(1, 1e30).state(NOW) == "waiting", "a policy takes nothing back"


@pytest.mark.parametrize(
    ("approval", "actor", "verdict", "why"),
    [
        (asked(), "ana", "approved", "another person"),
        (asked(), "Ana ", "rejected", "another person"),
        (asked(said("ben")), "ben", "approved", "has approved"),
        (asked(said("ben")), "cleo", "approved", "already"),
        (asked(said("ben"), needed=2), "BEN", "approved", "has approved"),
        (asked(said("ben", "rejected", "too few labels")), "cleo", "approved", "too few labels"),
        (replace(asked(), expires=NOW), "ben", "approved", "expired"),
        (replace(asked(said("ben")), change=7), "cleo", "rejected", "change 7"),
    ],
)
def test_who_may_not_answer(
    approval: Approval, actor: str, verdict: AnswerVerdict, why: str
) -> None:
    with pytest.raises(Refused, match=why):
        check_answer(approval, actor, verdict, NOW)


def test_an_approval_can_be_taken_back_before_it_is_used() -> None:
    check_answer(asked(said("ben")), "ben", "rejected", NOW)
    check_answer(asked(said("ben")), "cleo", "rejected", NOW)


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["ana", "ben", "cleo", "ANA"]),
            st.sampled_from(["approved", "rejected"]),
        ),
        max_size=8,
    ),
    st.integers(1, 3),
)
def test_no_row_of_answers_lets_one_person_promote_alone(
    tries: list[tuple[str, AnswerVerdict]], needed: int
) -> None:
    approval = asked(needed=needed)
    for actor, verdict in tries:
        try:
            check_answer(approval, actor, verdict, NOW)
        except Refused:
            continue
        approval = replace(approval, answers=(*approval.answers, said(actor, verdict)))
    others = {one.actor for one in approval.answers} - {"ana", "ANA"}
    assert {one.actor for one in approval.answers} == others, "the requester never answers"
    if approval.state(NOW) == "approved":
        assert len(others) >= needed
        assert all(one.verdict == "approved" for one in approval.answers)


def test_whatever_differs_the_approval_does_not_count() -> None:
    approval = asked(said("ben"))
    assert granted([approval], MOVED, NOW) is None
    assert "A-3 is for another plan: traffic:fraud was" in lacking([approval], MOVED, NOW)
    cut = replace(PLAN, kind="cutover")
    assert granted([approval], cut, NOW) is None
    retold = replace(PLAN, title="another title", findings=(), evidence={"gate": {}})
    assert granted([approval], retold, NOW) is approval, "what is said about it is not the plan"


def test_why_nobody_lets_it_through() -> None:
    assert "nobody was asked" in lacking([], PLAN, NOW)
    assert "waits for 1 approval" in lacking([asked()], PLAN, NOW)
    assert "waits for 2 approvals" in lacking([asked(needed=2)], PLAN, NOW)
    newer = asked(said("ben", "rejected", "no"), number=4)
    assert lacking([newer, asked(said("ben"))], PLAN, NOW) == "A-4 was rejected by ben: no"


@given(st.data())
def test_a_difference_is_told_exactly_where_the_sets_differ(data: st.DataObject) -> None:
    def change(plan: Plan) -> Plan:
        sets = list(plan.sets)
        at = data.draw(st.integers(0, len(sets) - 1))
        what = data.draw(st.sampled_from(["before", "after", "drop", "none"]))
        if what == "drop":
            del sets[at]
        elif what != "none":
            sets[at] = replace(sets[at], **{what: "something else"})
        return replace(plan, sets=tuple(sets))

    other = change(PLAN)
    assert (other.hash == PLAN.hash) is (other.sets == PLAN.sets)
    if other.sets != PLAN.sets:
        assert "another command" not in difference(PLAN, other)


@pytest.mark.parametrize("text", ["A-12", "a-12", "12", " A-12 "])
def test_a_request_is_named_with_or_without_its_letter(text: str) -> None:
    assert parse_number(text) == 12


@pytest.mark.parametrize("text", ["", "A-", "B-12", "A--12", "twelve", "A-12.0", "9" * 40, "²"])
def test_what_names_no_request(text: str) -> None:
    with pytest.raises(UsageError):
        parse_number(text)


@pytest.mark.parametrize("wrong", [{"approvals": 0}, {"expires": 0.0}])
def test_a_policy_that_could_never_be_met(wrong: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="approval"):
        PolicyConfig(**wrong)  # type: ignore[arg-type]
