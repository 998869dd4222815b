"""Looking from outside whether a plan had its effect: live traffic that arrives as split."""

from __future__ import annotations

import asyncio
import time

from backends.base import Router
from commands.deck import Deck
from commands.outcome import Verified
from core.plan import Plan
from core.split import Split
from core.verify import Seen, judge

FORWARD_SECONDS = 10.0
BACK_SECONDS = 5.0
LOOK_EVERY = 0.1
GRACE_SECONDS = 0.05
"""Requests that the router had already taken when the split moved are not counted."""


async def verify(deck: Deck, plan: Plan) -> Verified:
    """Watch the plan's traffic until it is seen, or the deadline is over."""
    moved = plan.find("traffic")
    if moved is None:
        return Verified(True, "read back as set")
    split = moved.after
    router = deck.router(deck.service(plan.service))
    if router is None or not isinstance(split, Split):
        return Verified(False, "no router can be asked")
    deadline = BACK_SECONDS if plan.goal == "back" else FORWARD_SECONDS
    before = moved.before if isinstance(moved.before, Split) else None
    seen = await watch(router, split, deadline, before)
    return Verified(seen.answer == "seen", seen.text, seen.answer == "against")


async def watch(router: Router, split: Split, seconds: float, before: Split | None = None) -> Seen:
    """Judge the counts that arrive from now on, at the latest after `seconds`."""
    await asyncio.sleep(GRACE_SECONDS)
    start = await router.counts()
    end = time.monotonic() + seconds
    while True:
        await asyncio.sleep(LOOK_EVERY)
        final = time.monotonic() >= end
        now = await router.counts()
        live = {slot: now[slot].requests - start[slot].requests for slot in now if slot in start}
        copies = {slot: now[slot].mirrored - start[slot].mirrored for slot in now if slot in start}
        if min((*live.values(), *copies.values()), default=0) < 0:
            # A router that restarted counts from 0 again.
            start, live, copies = now, dict.fromkeys(now, 0), dict.fromkeys(now, 0)
        seen = judge(split, live, copies, final=final, before=before)
        if final or seen.answer == "seen":
            return seen
