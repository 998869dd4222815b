"""Random splits and shadows through the router's adapter, while a client counts what it loses."""

from __future__ import annotations

import asyncio
import random
import time
from pathlib import Path

from benchmarks.common import Row
from benchmarks.observer import Answer, observer
from commands.deck import Deck
from core.refs import traffic_ref
from core.split import WHOLE, Split

SERVICE, SHIFTS = "tumor", 300
RATE, QUIET_SECONDS = 200.0, 10.0
MOST_SECONDS = 120.0


def rows(config: Path) -> list[Row]:
    quiet, moved, shifts, seconds = asyncio.run(_measure(config))
    lost, lost_before = _lost(moved), _lost(quiet)
    return [
        Row(f"{shifts} shifts in {seconds:.0f} s: requests lost",
            f"{lost} of {len(moved):,}, {len(moved) / seconds:.0f}/s",
            f"without shifts: {lost_before} of {len(quiet):,}", None, "0", lost == 0),
    ]  # fmt: skip


def _lost(answers: list[Answer]) -> int:
    return sum(answer.status != 200 for answer in answers)


async def _measure(config: Path) -> tuple[list[Answer], list[Answer], int, float]:
    async with Deck.open(str(config)) as deck:
        assert deck.config.demo is not None
        state = Path(deck.config.demo)
        with observer(state, SERVICE, RATE, QUIET_SECONDS) as client:
            quiet = await client.answers()
        router = deck.router(deck.service(SERVICE))
        assert router is not None
        ref = traffic_ref(SERVICE)
        first = (await router.read(ref)).value
        began = time.monotonic()
        with observer(state, SERVICE, RATE, MOST_SECONDS) as client:
            asking = asyncio.create_task(client.answers())
            try:
                shifts = await _shift(deck, asking)
            finally:
                now = await router.read(ref)
                await router.write(ref, first, before=now.value, revision=now.revision)
            took = time.monotonic() - began
            client.stop()
            moved = await asking
    return quiet, moved, shifts, took


async def _shift(deck: Deck, asking: asyncio.Task[list[Answer]]) -> int:
    """How many splits were written while the client asked."""
    service = deck.service(SERVICE)
    router = deck.router(service)
    assert router is not None
    ref, chance = traffic_ref(SERVICE), random.Random(17)
    for number in range(SHIFTS):
        if asking.done():
            return number
        now = await router.read(ref)
        after = _split(chance, *service.slots)
        await router.write(ref, after, before=now.value, revision=now.revision)
    return SHIFTS


def _split(chance: random.Random, first: str, second: str) -> Split:
    """Any split of the two slots, the extremes often; a shadow now and then on an idle one."""
    share = chance.choice([0, 0, WHOLE, WHOLE, chance.randint(1, WHOLE - 1)])
    weights = {first: share, second: WHOLE - share}
    idle = [slot for slot, points in weights.items() if points == 0]
    shadow = {idle[0]: chance.randint(1, 1000)} if idle and chance.random() < 0.3 else {}
    return Split.of({slot: points for slot, points in weights.items() if points}, shadow)
