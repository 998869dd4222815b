"""The journal's approvals and freezes."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import TypeVar

from backends.journal import policies, stored
from backends.journal.db import Db
from backends.journal.kept import kept
from core.freeze import Freeze
from core.plan import Plan
from core.policy import AnswerVerdict, Approval, PolicyConfig
from core.redaction import redact

T = TypeVar("T")


class SqlPolicy(ABC):
    """Part of `backends.journal.sql.SqlJournal`."""

    clock: Callable[[Db], float] = staticmethod(stored.now)
    """Seconds since the epoch, for what expires."""

    @abstractmethod
    async def _run(
        self, what: str, work: Callable[[Db], T], *, write: bool = True, again: bool = False
    ) -> T:
        """`work` in one transaction on the journal's own thread; reading waits for nobody."""

    async def ask_approval(
        self, plan: Plan, *, actor: str, reason: str, command: str, needed: int, lasts: float
    ) -> Approval:
        return await self._run(
            "record a request",
            lambda db: policies.ask(
                db,
                kept(plan),
                redact(actor),
                redact(reason),
                redact(command),
                needed,
                lasts,
                self.clock(db),
            ),
            again=True,
        )

    async def approval(self, number: int) -> tuple[Approval, datetime]:
        def read(db: Db) -> tuple[Approval, datetime]:
            return policies.must(db, number), stored.moment(self.clock(db))

        return await self._run("read an approval", read, write=False)

    async def answer_approval(
        self,
        number: int,
        *,
        actor: str,
        verdict: AnswerVerdict,
        reason: str,
        policy: PolicyConfig | None = None,
    ) -> Approval:
        return await self._run(
            "record an answer",
            lambda db: policies.answer(
                db, number, redact(actor), verdict, redact(reason), self.clock(db), policy
            ),
        )

    async def approvals(
        self, service: str | None, *, limit: int = 50, expired: bool = True
    ) -> tuple[Sequence[Approval], datetime]:
        def read(db: Db) -> tuple[Sequence[Approval], datetime]:
            time = self.clock(db)
            since = 0.0 if expired else time
            return policies.approvals(db, service, limit, since=since), stored.moment(time)

        return await self._run("read approvals", read, write=False)

    async def freeze(self, service: str, *, until: datetime, actor: str, reason: str) -> Freeze:
        return await self._run(
            "record a freeze",
            lambda db: policies.freeze(
                db, service, until.timestamp(), redact(actor), redact(reason), self.clock(db)
            ),
        )

    async def unfreeze(self, service: str, *, actor: str, reason: str) -> Sequence[Freeze]:
        return await self._run(
            "end a freeze",
            lambda db: policies.unfreeze(
                db, service, redact(actor), redact(reason), self.clock(db)
            ),
        )

    async def freezes(self) -> tuple[Sequence[Freeze], datetime]:
        def read(db: Db) -> tuple[Sequence[Freeze], datetime]:
            time = self.clock(db)
            return policies.freezes(db, time), stored.moment(time)

        return await self._run("read freezes", read, write=False)
