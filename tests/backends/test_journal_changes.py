"""Changes, readings, health and releases, as every database keeps them."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from backends.journal import changes, stored
from backends.journal.base import Change, LeaseLost
from backends.journal.sql import SqlJournal
from core.errors import Conflict, UsageError
from core.history import Release
from core.plan import Plan, Set
from core.refs import alias_ref, traffic_ref
from core.split import Split
from tests.live.journals import Place

ALIAS, TRAFFIC = alias_ref("fraud", "champion"), traffic_ref("fraud")
BLUE, GREEN = Split.all_on("blue"), Split.of({"blue": 9500, "green": 500})
PLAN = Plan(
    "canary",
    "fraud",
    "forward",
    "5 % → “green” ✓",
    (Set(TRAFFIC, BLUE, GREEN), Set(ALIAS, None, "2")),
)
BACK = replace(PLAN, kind="abort", goal="back", title="all on blue")
SOON = timedelta(minutes=5)


def tell(place: Place, story: Callable[[SqlJournal, SqlJournal], Awaitable[None]]) -> None:
    async def run() -> None:
        ana, ben = place.open(), place.open()
        try:
            await story(ana, ben)
        finally:
            await ana.close()
            await ben.close()

    asyncio.run(run())


async def begin(journal: SqlJournal, plan: Plan = PLAN, **more: Any) -> Change:
    words = {"actor": "ana", "reason": "", "command": "c", "key": None, "holder": "h", **more}
    return await journal.begin(plan, **words)


async def done(journal: SqlJournal, change: Change) -> None:
    await journal.finish(change, "done", verified=True, note="seen", release=7)


def test_a_change_is_kept_as_it_was_made(place: Place) -> None:
    async def story(ana: SqlJournal, ben: SqlJournal) -> None:
        change = await begin(ana, reason="a ' \" ? % %s \0 reason")
        assert abs(change.created - datetime.now(UTC)) < SOON
        assert change.running
        await ana.step(change, 0, "intent")
        await ana.step(change, 0, "done", "said")
        await ana.renew(change)
        await ana.turn_back(change)
        seen = await ben.change(change.number)
        assert seen is not None
        assert (seen.goal, seen.open, seen.running, seen.verified) == ("undo", True, True, False)
        assert [(step.ref, step.before, step.after) for step in seen.steps] == [
            (TRAFFIC, BLUE, GREEN),
            (ALIAS, None, "2"),
        ]
        assert [step.state for step in seen.steps] == ["done", "pending"]
        assert seen.plan == PLAN
        assert seen.reason.startswith("a ' \" ? % %s ")
        await done(ana, change)
        (ended,) = await ben.changes("fraud")
        assert (ended.state, ended.open, ended.running) == ("done", False, False)
        assert (ended.verified, ended.note, ended.release) == (True, "seen", 7)
        assert await ben.change(99) is None
        assert await ben.changes("chat") == await ben.open_changes() == []

    tell(place, story)


def test_a_key_gives_back_the_same_change_and_no_other(place: Place) -> None:
    async def story(ana: SqlJournal, ben: SqlJournal) -> None:
        change = await begin(ana, key="k")
        again = await begin(ben, key="k", holder="ben")
        assert (again.number, again.repeated, again.holder) == (change.number, True, "h")
        with pytest.raises(UsageError, match="another plan"):
            await begin(ben, BACK, key="k", command="d")
        keyed = await ben.keyed("k")
        assert keyed is not None
        assert (keyed.number, keyed.repeated) == (change.number, True)
        assert await ben.keyed("l") is None

    tell(place, story)


async def begin_once(journal: SqlJournal) -> Change:
    """As `begin` asks again where it never heard of its commit: under the same identity."""
    return await journal._run(
        "begin a change",
        lambda db: changes.begin(
            db, "one", PLAN, "ana", "", "c", None, "h", journal.lease_seconds, stored.now(db)
        ),
    )


def test_a_begin_that_is_asked_again_is_the_same_change_while_it_is_still_held(
    place: Place,
) -> None:
    async def story(ana: SqlJournal, ben: SqlJournal) -> None:
        change = await begin_once(ana)
        assert await begin_once(ana) == change
        ana.lease_seconds = -1
        await ana.renew(change)
        ana.lease_seconds = 3600
        again = await begin_once(ana)
        assert (again.number, again.epoch, again.running) == (change.number, 1, True)
        await ana.step(again, 0, "intent")
        assert [one.number for one in await ben.open_changes()] == [change.number]

    tell(place, story)


@pytest.mark.parametrize("others", ["recovered", "superseded", "ended", "a ref is held"])
def test_a_begin_that_is_asked_again_gives_nobody_the_lease_of_another(
    place: Place, others: str
) -> None:
    async def story(ana: SqlJournal, ben: SqlJournal) -> None:
        change = await begin_once(ana)
        ana.lease_seconds = -1
        await ana.renew(change)
        if others == "recovered":
            await ben.take_over(change.number, "ben")
        elif others == "superseded":
            await begin(ben, BACK, holder="ben")
        elif others == "ended":
            await done(ben, await ben.take_over(change.number, "ben"))
        else:
            await begin(ben, replace(PLAN, service="chat"), holder="ben")
        ana.lease_seconds = 3600
        with pytest.raises(Conflict) as caught:
            await begin_once(ana)
        assert isinstance(caught.value, LeaseLost) is (others != "a ref is held")
        left = [(one.number, one.holder) for one in await ana.open_changes() if one.running]
        assert (change.number, "h") not in left

    tell(place, story)


def test_what_somebody_holds_is_nobody_elses_until_it_is_taken_over(place: Place) -> None:
    async def story(ana: SqlJournal, ben: SqlJournal) -> None:
        ana.lease_seconds = ben.lease_seconds = 3600
        change = await begin(ana)
        with pytest.raises(Conflict, match="ana is changing fraud right now"):
            await begin(ben)
        other = replace(PLAN, service="chat")
        with pytest.raises(Conflict, match="is held by change"):
            await begin(ben, other)
        with pytest.raises(Conflict, match="still being applied by ana"):
            await ben.take_over(change.number, "ben")
        ana.lease_seconds = -1
        await ana.renew(change)
        with pytest.raises(Conflict, match="was cut off"):
            await begin(ben)
        taken = await ben.take_over(change.number, "ben")
        assert taken.epoch == change.epoch + 1
        for write in (ana.renew(change), ana.step(change, 0, "done"), done(ana, change)):
            with pytest.raises(LeaseLost, match="taken over by ben"):
                await write
        ben.lease_seconds = -1
        await ben.renew(taken)
        with pytest.raises(LeaseLost, match="ran out"):
            await ben.renew(taken)
        back = await begin(ana, BACK)
        ended = await ben.change(change.number)
        assert ended is not None
        assert (ended.state, ended.open) == ("superseded", False)
        assert back.number > change.number

    tell(place, story)


def test_a_plan_that_was_made_before_or_during_another_change_is_not_begun(place: Place) -> None:
    async def story(ana: SqlJournal, ben: SqlJournal) -> None:
        async def planned(plan: Plan = PLAN) -> Plan:
            return replace(plan, standing=await ben.standing("fraud"))

        first = await planned()
        other = replace(PLAN, service="tumor", sets=(Set(traffic_ref("tumor"), BLUE, GREEN),))
        await done(ana, await begin(ana, replace(other, standing=await ana.standing("tumor"))))
        change = await begin(ana, first)
        during = await planned(BACK)
        with pytest.raises(Conflict, match="ana is changing fraud right now"):
            await begin(ben, during)
        await done(ana, change)
        for stale in (first, during):
            with pytest.raises(Conflict, match=f"ana has changed fraud since .* {change.number}"):
                await begin(ben, stale)
        assert len(await ben.changes("fraud")) == 1
        await done(ben, await begin(ben, await planned(BACK)))

    tell(place, story)


def test_a_way_back_from_what_was_cut_off_is_stale_once_that_was_gone_on_with(place: Place) -> None:
    async def story(ana: SqlJournal, ben: SqlJournal) -> None:
        ana.lease_seconds = ben.lease_seconds = -1
        change = await begin(ana)
        early = replace(BACK, standing=await ben.standing("fraud"))
        await ana.take_over(change.number, "ana again")
        with pytest.raises(Conflict, match="ana has changed fraud since this was planned"):
            await begin(ben, early)
        late = replace(BACK, standing=await ben.standing("fraud"))
        assert (await begin(ben, late)).number == change.number + 1

    tell(place, story)


def test_what_was_left_half_way_is_unsettled_until_the_service_is_done_again(place: Place) -> None:
    async def story(ana: SqlJournal, ben: SqlJournal) -> None:
        half = await begin(ana)
        await ana.finish(half, "needs_person", verified=False, note="no", release=None)
        assert [one.number for one in await ben.unsettled()] == [half.number]
        await done(ana, await begin(ana))
        assert await ben.unsettled() == []

    tell(place, story)


def test_a_result_may_be_told_twice_but_not_differently(place: Place) -> None:
    async def story(ana: SqlJournal, _ben: SqlJournal) -> None:
        change = await begin(ana)
        await done(ana, change)
        await done(ana, change)
        with pytest.raises(LeaseLost):
            await ana.finish(change, "undone", verified=False, note="", release=None)
        (kept,) = await ana.changes(None)
        assert kept.state == "done"

    tell(place, story)


def test_a_value_that_no_change_set_is_somebody_elses(place: Place) -> None:
    async def story(ana: SqlJournal, ben: SqlJournal) -> None:
        def ago(seconds: float) -> datetime:
            return datetime.now(UTC) - timedelta(seconds=seconds)

        assert await ana.note_readings("fraud", {ALIAS: ("1", "")}, ago(60)) == []
        (event,) = await ben.note_readings("fraud", {ALIAS: ("3", "eve")}, ago(30))
        assert (event.actor, event.what) == ("eve", f"{ALIAS} 1 → 3")
        assert await ben.note_readings("fraud", {ALIAS: ("1", "")}, ago(45)) == [], "came too late"
        change = await begin(ana)
        assert await ben.note_readings("fraud", {ALIAS: ("2", "")}, ago(0)) == [], "in a change"
        await ana.step(change, 1, "done")
        await done(ana, change)
        assert await ben.note_readings("fraud", {ALIAS: ("3", "")}, ago(5)) == [], "polled before"
        told = await ben.events("fraud", ago(90))
        assert [event.kind for event in told] == ["canary", "outside"]
        assert await ben.events("chat", ago(90)) == []
        assert {event.service for event in await ben.events(None, ago(90))} == {"fraud"}

    tell(place, story)


def test_health_is_watched_time_and_verdicts_since_when(place: Place) -> None:
    async def story(ana: SqlJournal, ben: SqlJournal) -> None:
        first = await ana.add_release(Release(0, "fraud", datetime.now(UTC), "2", {}, {}, {}))
        second = await ben.add_release(Release(0, "fraud", datetime.now(UTC), "3", {}, {}, {}))
        assert (first.number, second.number) == (1, 2)

        async def note(state: str) -> None:
            await ana.note_health("fraud", 2, {"system": (state, state), "data": ("unknown", "")})

        # SQLite's clock goes by the millisecond.
        while not (await ben.releases("fraud"))[0].watched_ok:
            await note("ok")
        await note("critical")
        newest, older = await ben.releases("fraud")
        assert (newest.version, older.version) == ("3", "2")
        assert 0 < newest.watched_ok < 60
        assert newest.watched_bad == older.watched_ok == 0
        told = {one.layer: one for one in (await ben.verdicts())["fraud"]}
        assert (told["system"].state, told["system"].because) == ("critical", "critical")
        assert told["data"].since < told["system"].since == told["system"].taken
        for p95 in (0.25, 0.5):
            await ana.note_baseline("fraud", 2, {"p95": p95})
        assert await ben.baseline("fraud", 2) == {"p95": 0.5}
        assert await ben.baseline("fraud", 1) == {}

    tell(place, story)


def test_it_says_how_much_it_holds_and_for_whom(place: Place) -> None:
    async def story(ana: SqlJournal, ben: SqlJournal) -> None:
        await begin(ana)
        assert await ben.check() == {"changes": 1, "leases": {str(ALIAS): "h", str(TRAFFIC): "h"}}
        await ben.check_writable()

    tell(place, story)
