"""`--request --wait`: what the one who waits is told."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from backends.journal.base import Journal
from commands import request
from commands.configfile import Loaded, parse
from commands.deck import Deck
from commands.request import Requested
from core.errors import ModeldeckError
from core.promotion import promote
from core.versions import Stage
from tests.core.planning import PASSED, VERSIONS, seen
from tests.live.journals import Place

PLAN = promote(seen(), VERSIONS[1], Stage.PRODUCTION, PASSED)
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
