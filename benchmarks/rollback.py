"""From the confirmation of a rollback to the moment from which live traffic shows nothing else.

The candidate is cut over to, then rolled back through the one door that every change passes,
while a client in another process asks the service through Envoy. The old version stays warm in
its slot. The candidate ends where it was, in Staging.
"""

from __future__ import annotations

import asyncio
import statistics
import time
from pathlib import Path

from benchmarks.common import Row
from benchmarks.observer import Answer, observer
from commands import catalog
from commands.deck import Deck
from commands.door import carry_out
from commands.outcome import Outcome
from core.plan import Plan

SERVICE, ROUNDS = "tumor", 5
RATE, SECONDS = 100.0, 4.0
BEFORE = 1.0
"""Seconds of traffic on the version that is left, before the rollback is confirmed."""
MOST_SECONDS = 1.0


def rows(config: Path) -> list[Row]:
    times = asyncio.run(_rounds(config))
    median, worst = statistics.median(times), max(times)
    return [
        Row(f"rollback, warm slot, {ROUNDS} times: seen at 100 %",
            f"median {median:.2f} s, slowest {worst:.2f} s", f"{RATE:g} requests/s observed",
            None, "<= 1 s", worst <= MOST_SECONDS),
    ]  # fmt: skip


async def _rounds(config: Path) -> list[float]:
    times = []
    async with Deck.open(str(config)) as deck:
        champion, candidate = await _pair(deck)
        good = (await deck.journal.releases(SERVICE))[0].name
        for _ in range(ROUNDS):
            await _done(deck, "cutover", service=SERVICE, version=candidate)
            times.append(await _rolled_back(deck, good, champion, candidate))
            # The next round promotes it again, which starts from Staging.
            await _done(deck, "promote", service=SERVICE, version=candidate, to="Staging")
    return times


async def _pair(deck: Deck) -> tuple[str, str]:
    """The version that serves, and the other one that a slot holds."""
    service = deck.service(SERVICE)
    held = [(await deck.slot(service, name).state()).version for name in service.slots]
    aliases = await deck.registry.aliases([str(service.model)])
    champion = aliases[str(service.model)][service.champion_alias]
    (candidate,) = [version for version in held if version not in (champion, None)]
    return champion, str(candidate)


async def _plan(deck: Deck, name: str, **words: str) -> Plan:
    spec = catalog.find(name)
    plan = await spec.run(deck, spec.args(**words))
    assert isinstance(plan, Plan)
    return plan


async def _apply(deck: Deck, plan: Plan) -> Outcome:
    outcome = await carry_out(deck, plan, reason="benchmark", command="python -m benchmarks")
    if outcome.state != "done":
        raise RuntimeError(f"{plan.title}: {outcome.state}: {outcome.text}")
    return outcome


async def _done(deck: Deck, name: str, **words: str) -> None:
    await _apply(deck, await _plan(deck, name, **words))


async def _rolled_back(deck: Deck, release: str, champion: str, candidate: str) -> float:
    """Seconds from the confirmation of the plan to the first answer after which all are right."""
    plan = await _plan(deck, "rollback", service=SERVICE, to=release)
    assert deck.config.demo is not None
    with observer(Path(deck.config.demo), SERVICE, RATE, SECONDS) as client:
        await asyncio.sleep(BEFORE)
        confirmed = time.monotonic()
        await _apply(deck, plan)
        answers = await client.answers()
    return _seen(answers, confirmed, champion, candidate)


def _seen(answers: list[Answer], confirmed: float, champion: str, candidate: str) -> float:
    failed = [answer for answer in answers if answer.status != 200]
    if failed:
        raise RuntimeError(f"{len(failed)} of {len(answers)} requests failed: {failed[0]}")
    before = [answer for answer in answers if answer.answered < confirmed]
    if not before or any(answer.version != candidate for answer in before):
        raise RuntimeError(f"v{candidate} did not serve before the rollback")
    ordered = sorted(answers, key=lambda answer: answer.answered)
    last_wrong = max(n for n, answer in enumerate(ordered) if answer.version != champion)
    after = ordered[last_wrong + 1 :]
    if len(after) < RATE / 2:
        raise RuntimeError(f"only {len(after)} answers came from v{champion} in the end")
    return after[0].answered - confirmed
