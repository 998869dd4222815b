"""The deck behind the console: the same sources and the same commands that scripts use."""

from __future__ import annotations

import asyncio
from asyncio import Event as StopEvent
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

from commands.configfile import state_folder
from commands.deck import Deck
from commands.sources.metrics import Recorder
from commands.sources.recording import Recording
from core.redaction import redact
from core.refs import Ref
from tui.ask import carry_out_proposal, leave_out, propose
from tui.line import check_line, complete_line
from tui.reads import Reads
from tui.seam import Answer, Facts, Outcome, Progress, Proposal, Source
from tui.version_reads import VersionReads

APPROVAL_NOTE = "approvals: advisory"
RECORD_EVERY = 2.0
"""Seconds between two looks at one service, for a small fleet."""
EACH = 0.25
"""Seconds that each further service adds to the rhythm, so that polling stays cheap."""
LEDGER_EVERY = 10.0
"""Seconds between two looks at what other machines did."""


class DeckBackend:
    """Implements `tui.seam.Backend`."""

    def __init__(self, deck: Deck) -> None:
        self._deck = deck
        self._recorder = Recorder(deck)
        self._turns = Recording(self._recorder, self._notice)
        self._reads = Reads(deck, self._recorder)
        self._evidence = VersionReads(deck, self._reads.traffic)
        self._recording: asyncio.Task[None] | None = None
        services = tuple(deck.config.services)
        self._ledgered = deck.config.registry is not None
        self._rhythm = max(RECORD_EVERY, EACH * len(services))
        approved = any(s.policy.mode == "approved" for s in deck.services())
        lease = deck.config.journal.lease
        self._notes = (lease, APPROVAL_NOTE) if approved else (lease,)
        self.facts = Facts(
            deck.environment,
            deck.production,
            deck.read_only,
            deck.actor,
            services,
            self._notes,
            state_folder() / "copied.txt",
        )

    async def open(self) -> None:
        self._recording = asyncio.create_task(self._record())

    async def close(self) -> None:
        try:
            if self._recording is not None:
                self._recording.cancel()
                await asyncio.gather(self._recording, return_exceptions=True)
        finally:
            await self._deck.close()

    async def _record(self) -> None:
        while True:
            await self._turns.turn()
            await asyncio.sleep(self._rhythm)

    def _notice(self, _said: str) -> None:
        """The header says what is not recorded, for as long as it is not."""
        notes = [f"{name} not recorded: {why}" for name, why in self._turns.trouble.items()]
        self.facts = replace(self.facts, notes=(*notes, *self._notes))

    def sources(self) -> Sequence[Source[Any]]:
        reads = self._reads
        gpus: list[Source[Any]] = [Source("gpus", 1.0, self._deck.gpus.sample)]
        if not self.facts.services:
            return gpus
        ledger: list[Source[Any]] = []
        if self._ledgered:
            ledger = [Source("ledger", LEDGER_EVERY, reads.ledger, wakes="changes")]
        return [
            Source("services", self._rhythm, reads.services),
            Source("changes", max(3.0, self._rhythm), reads.changes),
            *ledger,
            *gpus,
        ]

    def service_sources(self, service: str) -> Sequence[Source[Any]]:
        reads = self._reads
        kinds: list[tuple[Any, float, Any]] = [
            ("figures", 2.0, reads.figures),
            ("ways", 4.0, reads.ways),
            ("traffic", 2.0, reads.traffic),
            ("slots", 3.0, reads.slots),
            ("versions", 10.0, reads.versions),
            ("releases", 5.0, reads.releases),
        ]
        return [
            Source(kind, every, partial(read, service), service)
            for kind, every, read in kinds
            if reads.has(service, kind)
        ]

    def version_sources(self, service: str, version: str) -> Sequence[Source[Any]]:
        return self._evidence.sources(service, version)

    def complete(self, line: str, cursor: int, service: str | None) -> list[str]:
        return complete_line(line[:cursor], self._reads.words, service)

    def check(self, line: str, service: str | None) -> str | None:
        return check_line(line, self._reads.words, service)

    async def propose(self, line: str, service: str | None) -> Proposal | Answer:
        return await propose(self._deck, line, service, self._reads.notes, self._evidence.readiness)

    def without(self, proposal: Proposal, refs: frozenset[Ref]) -> Proposal:
        return leave_out(proposal, refs)

    async def apply(
        self, proposal: Proposal, progress: Callable[[Progress], None], stop: StopEvent
    ) -> Outcome:
        return await carry_out_proposal(self._deck, proposal, progress, stop)

    def redact(self, text: str) -> str:
        return redact(text)
