"""`--request --wait`: what the one who waits is told."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from dataclasses import replace
from typing import Any

import pytest

from backends.journal.base import Journal
from commands import request
from commands.configfile import Loaded, parse
from commands.deck import Deck
from commands.request import Requested
from core.errors import BackendError, ModeldeckError
from core.promotion import promote
from core.versions import Stage
from tests.core.planning import PASSED, VERSIONS, seen
from tests.live.journals import Place

PLAN = promote(seen(), VERSIONS[1], Stage.PRODUCTION, PASSED)
Waiting = Coroutine[Any, Any, tuple[Requested, ModeldeckError | None]]
Someone = Callable[[Journal, int], Awaitable[object]]


async def approves(journal: Journal, number: int) -> object:
    return await journal.answer_approval(number, actor="ben", verdict="approved", reason="")


async def rejects(journal: Journal, number: int) -> object:
    return await journal.answer_approval(number, actor="ben", verdict="rejected", reason="no")


async def sleeps(_journal: Journal, _number: int) -> object:
    return None


@pytest.mark.parametrize(
    ("someone", "seconds", "state", "why"),
    [
        (approves, 60.0, "approved", None),
        (rejects, 60.0, "rejected", "was rejected by ben: no"),
        (sleeps, 0.0, "waiting", "waits for 1 approval"),
    ],
)
def test_it_ends_with_the_answer_or_with_the_time(
    place: Place,
    monkeypatch: pytest.MonkeyPatch,
    someone: Someone,
    seconds: float,
    state: str,
    why: str | None,
) -> None:
    monkeypatch.setattr(request, "LOOK_EVERY", 0.001)
    text = f'{place.config}[services.fraud]\npolicy = "approved"\n'

    async def story() -> tuple[Requested, ModeldeckError | None]:
        async with Deck(Loaded(parse(text, "deck.toml"), None)) as deck:
            asked = await deck.journal.ask_approval(
                PLAN, actor="ana", reason="", command="", needed=1, lasts=3600
            )
            waiting = asyncio.ensure_future(
                request._wait(deck, Requested(asked, PLAN, "waiting", ""), seconds)
            )
            await asyncio.sleep(0)
            await someone(deck.journal, asked.number)
            return await asyncio.wait_for(waiting, 30)

    found, error = asyncio.run(story())
    assert found.state == state
    assert (error is None) is (why is None)
    if error is not None and why is not None:
        assert error.exit_code == 3
        assert why in error.message


@contextlib.asynccontextmanager
async def waiting(place: Place, seconds: float) -> AsyncIterator[tuple[Deck, int, Waiting]]:
    """Somebody waits for an answer to A-1."""
    text = f'{place.config}[services.fraud]\npolicy = "approved"\n'
    async with Deck(Loaded(parse(text, "deck.toml"), None)) as deck:
        asked = await deck.journal.ask_approval(
            PLAN, actor="ana", reason="", command="", needed=1, lasts=3600
        )
        waits = request._wait(deck, Requested(asked, PLAN, "waiting", ""), seconds)
        yield deck, asked.number, waits


def test_however_many_ask_later_the_request_is_found(place: Place) -> None:
    async def story() -> tuple[Requested, ModeldeckError | None]:
        async with waiting(place, 60) as (deck, number, waits):
            for at in range(60):
                other = replace(PLAN, sets=PLAN.sets[:1], kind=f"other {at}")
                await deck.journal.ask_approval(
                    other, actor="ana", reason="", command="", needed=1, lasts=3600
                )
            await approves(deck.journal, number)
            return await asyncio.wait_for(waits, 30)

    found, error = asyncio.run(story())
    assert (found.state, error) == ("approved", None)


@pytest.mark.parametrize("returns", [True, False])
def test_a_journal_that_is_away_is_asked_again_until_the_time_is_over(
    place: Place,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    returns: bool,
) -> None:
    monkeypatch.setattr(request, "LOOK_EVERY", 0.001)

    async def story() -> tuple[Requested, ModeldeckError | None]:
        async with waiting(place, 60 if returns else 0.05) as (deck, number, waits):
            await approves(deck.journal, number)
            ask, tries = deck.journal.approval, itertools.count()

            async def away(number: int) -> object:
                if returns and next(tries) > 2:
                    return await ask(number)
                raise BackendError("the database is away", backend="journal")

            monkeypatch.setattr(deck.journal, "approval", away)
            return await asyncio.wait_for(waits, 30)

    found, error = asyncio.run(story())
    assert found.state == ("approved" if returns else "waiting")
    assert (error is None) is returns
    if error is not None:
        assert error.exit_code == 5
    assert capsys.readouterr().err.count("the database is away: asked again") == 1
