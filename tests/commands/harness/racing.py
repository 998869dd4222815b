"""One console of a race: it begins one change at the very moment at which all others do."""

from __future__ import annotations

import asyncio
import os

from backends.journal.postgres import PostgresJournal
from core.errors import Conflict
from tests.commands.harness.fleet import plan_of

GATE = 7
"""The advisory lock at which they wait: whoever lets go of it lets them all run."""


def begin(url: str) -> int | None:
    """The number of the change, None where somebody else was first."""
    import psycopg

    async def race() -> int | None:
        journal = PostgresJournal(url)
        await journal.check()
        with psycopg.connect(url) as gate:
            gate.execute("SELECT pg_advisory_xact_lock_shared(%s)", (GATE,))
            gate.commit()
        name = f"console {os.getpid()}"
        try:
            change = await journal.begin(
                plan_of("promote"), actor=name, reason="", command="", key=None, holder=name
            )
        except Conflict:
            return None
        finally:
            await journal.close()
        return change.number

    return asyncio.run(race())
