"""Approvals and freezes in the journal: several people at once, and what expires."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from backends.journal import stored
from backends.journal.sql import SqlJournal
from core.errors import Refused, UsageError
from core.history import EVERY
from core.plan import Plan
from core.policy import Approval, PolicyConfig
from core.promotion import promote
from core.redaction import remember
from core.releases import rollback
from core.versions import Stage
from tests.core.planning import PASSED, VERSIONS, release, seen
from tests.live.journals import Place

PLAN = promote(seen(), VERSIONS[1], Stage.PRODUCTION, PASSED)
BACK = rollback(seen(releases=(release(1, "11"),)), None, None, "")
LONG = timedelta(hours=1)


def late(journal: SqlJournal, ahead: timedelta) -> None:
    """From now on what expires has come so far."""
    journal.clock = lambda db: stored.now(db) + ahead.total_seconds()


def tell(place: Place, story: Callable[[SqlJournal, SqlJournal], Awaitable[None]]) -> None:
    async def run() -> None:
        ana, ben = place.open(), place.open()
        try:
            await story(ana, ben)
        finally:
            await ana.close()
            await ben.close()

    asyncio.run(run())


async def ask(journal: SqlJournal, *, needed: int = 1, plan: Plan = PLAN) -> Approval:
    return await journal.ask_approval(
        plan, actor="ana", reason="", command="modeldeck promote", needed=needed, lasts=3600
    )


async def begin(journal: SqlJournal, plan: Plan, approval: Approval | None = None) -> Any:
    named = {"approval": {"number": approval.number}} if approval else {}
    return await journal.begin(
        replace(plan, evidence=named), actor="ana", reason="", command="", key=None, holder="h"
    )


@pytest.mark.parametrize(("needed", "let"), [(1, 1), (2, 2), (3, 3)])
def test_of_many_who_answer_at_once_only_the_needed_ones_count(
    place: Place, needed: int, let: int
) -> None:
    async def story(ana: SqlJournal, ben: SqlJournal) -> None:
        asked = await ask(ana, needed=needed)

        async def approve(journal: SqlJournal, who: str) -> bool:
            try:
                await journal.answer_approval(
                    asked.number, actor=who, verdict="approved", reason=""
                )
            except Refused:
                return False
            return True

        people = ["ana", "ben", "BEN", "cleo", "dora", "ben ", "emil"]
        tries = [approve(ana if at % 2 else ben, who) for at, who in enumerate(people)]
        assert sum(await asyncio.gather(*tries)) == let
        (now,), time = await ana.approvals("fraud")
        assert now.state(time) == "approved"
        assert len(now.approvers) == needed
        assert "ana" not in now.approvers

    tell(place, story)


def test_of_two_changes_at_once_one_uses_the_approval(place: Place) -> None:
    async def story(ana: SqlJournal, ben: SqlJournal) -> None:
        asked = await ask(ana)
        await ben.answer_approval(asked.number, actor="ben", verdict="approved", reason="")
        change = await begin(ana, PLAN, asked)
        await ana.finish(change, "done", verified=True, note="", release=None)
        with pytest.raises(Refused, match=f"let change {change.number} through"):
            await begin(ben, PLAN, asked)
        assert await ben.open_changes() == [], "nothing of it was begun"

    tell(place, story)


def test_what_was_taken_back_after_the_door_looked_begins_nothing(place: Place) -> None:
    async def story(ana: SqlJournal, ben: SqlJournal) -> None:
        asked = await ask(ana)
        await ben.answer_approval(asked.number, actor="ben", verdict="approved", reason="")
        await ben.answer_approval(asked.number, actor="ben", verdict="rejected", reason="wait")
        with pytest.raises(Refused, match="rejected by ben: wait"):
            await begin(ana, PLAN, asked)
        other = replace(PLAN, kind="cutover")
        second = await ask(ana)
        assert second.number != asked.number
        await ben.answer_approval(second.number, actor="ben", verdict="approved", reason="")
        with pytest.raises(Refused, match="does not let this plan through"):
            await begin(ana, other, second)
        late(ana, LONG)
        with pytest.raises(Refused, match="expired"):
            await begin(ana, PLAN, second)
        assert await ana.changes(None) == []

    tell(place, story)


def test_a_freeze_that_came_in_between_begins_nothing_and_stops_no_way_back(
    place: Place,
) -> None:
    async def story(ana: SqlJournal, ben: SqlJournal) -> None:
        until = datetime.now(UTC) + LONG
        await ben.freeze(EVERY, until=until, actor="ben", reason="audit")
        with pytest.raises(Refused, match="by ben: audit"):
            await begin(ana, PLAN)
        change = await begin(ana, BACK)
        await ana.finish(change, "done", verified=True, note="", release=None)
        unasked = replace(PLAN, evidence={"override": {"reason": "fire", "freeze": False}})
        with pytest.raises(Refused, match="by ben: audit"):
            await ana.begin(unasked, actor="ana", reason="", command="", key=None, holder="h")
        loud = replace(PLAN, evidence={"override": {"reason": "fire", "freeze": True}})
        change = await ana.begin(loud, actor="ana", reason="", command="", key=None, holder="h")
        await ana.finish(change, "done", verified=True, note="", release=None)
        events = await ana.events("fraud", datetime.now(UTC) - LONG)
        assert [event.override for event in events if event.change] == ["fire", ""]
        late(ana, LONG + LONG)
        assert (await begin(ana, PLAN)).number

    tell(place, story)


def test_a_way_back_for_which_nothing_speaks_begins_nothing_unless_it_is_overridden(
    place: Place,
) -> None:
    releases = (release(2, "13", good=False), release(1, "11"))
    shaky = rollback(seen(releases=releases), releases[0], None, "")

    async def story(ana: SqlJournal, ben: SqlJournal) -> None:
        def with_(override: dict[str, Any]) -> Plan:
            return replace(shaky, evidence={**shaky.evidence, "override": override})

        async def tried(plan: Plan) -> Any:
            return await ana.begin(plan, actor="ana", reason="", command="", key=None, holder="h")

        with pytest.raises(Refused, match="r2 has not proved good"):
            await tried(shaky)
        await ben.freeze(EVERY, until=datetime.now(UTC) + LONG, actor="ben", reason="audit")
        with pytest.raises(Refused, match="by ben: audit"):
            await tried(with_({"reason": "fire", "freeze": False}))
        assert await ana.changes(None) == []
        assert (await tried(with_({"reason": "fire", "freeze": True}))).running

    tell(place, story)


def test_the_count_and_the_time_are_those_of_the_one_who_promotes(place: Place) -> None:
    async def story(ana: SqlJournal, ben: SqlJournal) -> None:
        asked = await ask(ana)
        await ben.answer_approval(asked.number, actor="ben", verdict="approved", reason="")

        async def tried(needed: int, expires: float) -> Any:
            named = {"number": asked.number, "needed": needed, "expires": expires}
            plan = replace(PLAN, evidence={"approval": named})
            return await ana.begin(plan, actor="ana", reason="", command="", key=None, holder="h")

        with pytest.raises(Refused, match="waits for 1 approval"):
            await tried(2, 3600)
        late(ana, LONG / 2)
        with pytest.raises(Refused, match="expired"):
            await tried(1, 60)
        hour = PolicyConfig("approved", approvals=2, expires=3600)
        with pytest.raises(Refused, match="already"):
            await ana.answer_approval(asked.number, actor="cleo", verdict="approved", reason="")
        await ana.answer_approval(
            asked.number, actor="cleo", verdict="approved", reason="", policy=hour
        )
        assert (await tried(2, 3600)).running
        new = await ana.ask_approval(PLAN, actor="ana", reason="", command="", needed=1, lasts=60)
        assert new.number != asked.number

    tell(place, story)


def test_a_request_is_asked_anew_where_its_time_is_shorter_now(place: Place) -> None:
    async def story(ana: SqlJournal, _ben: SqlJournal) -> None:
        asked = await ask(ana)
        late(ana, LONG / 2)

        async def again(lasts: float) -> int:
            one = await ana.ask_approval(
                PLAN, actor="ana", reason="", command="", needed=1, lasts=lasts
            )
            return one.number

        assert await again(3600) == asked.number
        assert await again(60) > asked.number

    tell(place, story)


def test_asked_again_it_is_the_same_request_until_it_is_over(place: Place) -> None:
    async def story(ana: SqlJournal, ben: SqlJournal) -> None:
        first = await ask(ana)
        assert (await ask(ana)).number == first.number
        assert (await ask(ana, needed=2)).number != first.number
        theirs = await ben.ask_approval(
            PLAN, actor="ben", reason="", command="", needed=1, lasts=3600
        )
        assert theirs.number not in (1, 2)
        late(ana, LONG)
        assert (await ask(ana)).number > theirs.number

    tell(place, story)


def test_the_story_of_requests_and_freezes(place: Place) -> None:
    async def story(ana: SqlJournal, ben: SqlJournal) -> None:
        asked = await ask(ana)
        until = datetime.now(UTC) + LONG
        await ana.freeze("chat", until=until, actor="ana", reason="")
        await ana.freeze(EVERY, until=until, actor="ana", reason="")
        assert len(await ben.unfreeze("chat", actor="ben", reason="done")) == 1
        assert await ben.unfreeze("chat", actor="ben", reason="done") == []
        since = datetime.now(UTC) - LONG

        async def states(service: str | None) -> list[str]:
            return sorted(event.state for event in await ana.events(service, since))

        assert await states("fraud") == ["frozen", "requested"]
        assert await states("chat") == ["frozen", "frozen", "unfrozen"]
        late(ana, LONG)
        assert await states("fraud") == ["expired", "frozen", "requested"]
        assert asked.name in (await ana.events("fraud", since))[-1].what

    tell(place, story)


def test_no_secret_is_kept_of_what_people_write(place: Place) -> None:
    remember("hunter2-hunter2")

    async def story(ana: SqlJournal, ben: SqlJournal) -> None:
        asked = await ask(ana)
        await ben.answer_approval(
            asked.number, actor="ben", verdict="rejected", reason="hunter2-hunter2"
        )
        await ben.freeze(
            "chat", until=datetime.now(UTC) + LONG, actor="ben", reason="hunter2-hunter2"
        )
        (one,), _ = await ana.approvals(None)
        (freeze,), _ = await ana.freezes()
        assert one.rejection is not None
        assert (one.rejection.reason, freeze.reason) == ("[redacted]", "[redacted]")

    tell(place, story)


def test_a_request_that_is_not_there(place: Place) -> None:
    async def story(ana: SqlJournal, _ben: SqlJournal) -> None:
        with pytest.raises(UsageError, match="A-7"):
            await ana.answer_approval(7, actor="ben", verdict="approved", reason="")

    tell(place, story)
