"""How an alias is moved: claimed in the ledger first, so that of many movers one goes at a time.

MLflow compares nothing before it sets an alias, and keeps neither who nor when. So a mover
1. reads the chain; an open claim of somebody else is waited for, and ended for them if they died;
   where the chain says that the mover's own change was taken back, it stops;
2. reads the alias, which must still name what the plan was made from;
3. claims the next number: of all who read the same chain one gets it, the others begin again;
4. sets the alias, unless it has taken so long that somebody may have taken it for dead;
5. ends the claim as set.
Before 3 and 4 it asks whether its change is still its own: all of this may take longer than a
lease lasts, above all where the program was stopped meanwhile.

What is guaranteed, among movers that claim, while a request lands within `settle_seconds` of its
time-out (of 49 s at most), and with no clock but each program's own count of seconds:
- one total order of moves; each says what it moved from, and none overwrites another unseen;
- a claim whose claimant died holds the others up for at most the seconds it names (60 at most);
- after a crash between any two lines the chain still tells the truth: a claim without an end is
  ended by what the alias then reads, and an undo is an entry of its own.

What is not: whoever moves an alias in MLflow's own UI, or may not write the ledger, claims nothing,
and MLflow then lets the last one win; this is seen afterwards, as an alias that differs from the
chain. So is a request that lands later than that. Times come from the server's clock and only
the numbers order entries. Whoever may edit the experiment can add entries or delete it: it is a
record among colleagues, and no proof against one of them. Tags of versions are not claimed.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import random
import time
from abc import ABC, abstractmethod
from dataclasses import replace
from typing import Any

from backends.base import StillOurs
from backends.registry.mlflow_ledger import MlflowLedger
from core.errors import BackendError, Conflict, Denied, ModeldeckError, Timeout, Unreachable
from core.ledger import Chain, Deed, End, Entry, by
from core.refs import show
from core.text import clean

SEND_SECONDS = 6.0
"""Whoever has not set the alias this long after reading the chain does not any more."""
PATIENCE = 90.0
"""Seconds after which a crowd of movers is given up."""
_LOOK = 0.25


def clock() -> float:
    """Seconds that pass also while this program, or its whole machine, stands still."""
    return time.clock_gettime(getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC))


class MlflowAliases(MlflowLedger, ABC):
    """Moves aliases of models and prompts through the ledger."""

    settle_seconds: float

    def __init__(self, url: str, **more: Any) -> None:
        super().__init__(url, **more)
        self.clock, self.sleep = clock, asyncio.sleep
        self._runs: dict[str, str] = {}
        self._seen_open: dict[tuple[str, int], float] = {}

    @abstractmethod
    async def _named(self, model: str, alias: str) -> str | None:
        """What the alias names now."""

    @abstractmethod
    async def _set_alias(self, model: str, alias: str, number: str | None) -> None:
        """None takes the alias away."""

    async def _move(
        self,
        model: str,
        alias: str,
        after: str | None,
        before: str | None,
        deed: Deed,
        still_ours: StillOurs,
    ) -> Entry:
        """The entry that tells of the move.

        Raises NoLedger where nothing can be claimed, Conflict where somebody else was first, what
        `still_ours` raises, else what setting the alias raises; then the claim may stay open, for
        `_resolve`.
        """
        try:
            run, entry, began = await self._claimed(model, alias, after, before, deed, still_ours)
        except (Denied, Unreachable):
            raise
        except BackendError as error:
            if error.backend != self._http.backend:
                raise  # The journal's, which `still_ours` asked.
            # Whatever became of the claim, the alias was not touched.
            raise Unreachable(
                f"{clean(model)}@{clean(alias)} was not moved: {error.message}",
                backend=self._http.backend,
                operation="ledger",
                hint="`modeldeck doctor` asks for the ledger too; "
                'ledger = "off" under [registry] goes on without it',
            ) from error
        try:
            await still_ours()
        except ModeldeckError:
            await self._ended(run, entry, "dropped")
            raise
        if self.clock() - began > SEND_SECONDS:
            await self._ended(run, entry, "dropped")
            raise Conflict(
                f"claiming {clean(model)}@{clean(alias)} took more than {SEND_SECONDS:g} s: "
                f"somebody may have gone on without us",
                hint="try again; `modeldeck doctor` says how fast MLflow answers",
            )
        try:
            await self._set_alias(model, alias, after)
        except (Denied, Unreachable):
            # The alias was not touched; any other failure leaves that open, and so the claim.
            await self._ended(run, entry, "dropped")
            raise
        except BackendError:
            self._seen_open[run, entry.number] = self.clock()
            raise
        if not await self._ended(run, entry, "set"):
            # What it names now only a look can tell.
            raise Timeout(
                f"{clean(model)}@{clean(alias)} was set to {clean(show(after))}, but somebody took "
                f"entry {entry.number} of the ledger for dead meanwhile and went on",
                backend=self._http.backend,
                operation="ledger",
                hint="look at `modeldeck changes`, then make the plan again",
            )
        return entry

    async def _claimed(
        self,
        model: str,
        alias: str,
        after: str | None,
        before: str | None,
        deed: Deed,
        still_ours: StillOurs,
    ) -> tuple[str, Entry, float]:
        """The run, the claim that is ours now, and when the chain was read that it follows."""
        patience, op = self.clock() + PATIENCE, os.urandom(6).hex()
        host = os.uname().nodename[:60]
        while True:
            run, began = await self._run_of(model), self.clock()
            chain = await self._read_chain(model, run)
            if chain is None:
                # Deleted for good: whoever comes first begins another.
                self._runs.pop(model, None)
            elif chain.open is not None:
                await self._resolve(model, run, chain.open, deed)
            else:
                _check_not_taken_back(chain, alias, deed)
                seen = await self._named(model, alias)
                if seen not in (before, after):
                    last = chain.settled(alias)
                    raise _moved(model, alias, seen, before, last)
                bound = SEND_SECONDS + self._http.timeout + self.settle_seconds
                at = self._server_time()
                entry = Entry(chain.free, alias, seen, after, op, host, deed, at, round(bound, 1))
                await still_ours()
                if await self._claim(run, entry):
                    return run, entry, began
            if self.clock() > patience:
                raise Conflict(
                    f"{clean(model)}@{clean(alias)} is being moved by too many at once",
                    hint="try again in a minute; `modeldeck changes` says who moves it",
                )
            await self.sleep(random.uniform(0, 2 * _LOOK))

    async def _run_of(self, model: str) -> str:
        if model not in self._runs:
            self._runs[model] = await self._ledger_run(model)
        return self._runs[model]

    async def _resolve(self, model: str, run: str, found: Entry, deed: Deed) -> None:
        """Wait until an open claim is ended, or end it once its claimant cannot act any more.

        How long it is open counts from when this program first saw it, by its own clock.
        """
        first = self._seen_open.setdefault((run, found.number), self.clock())
        # Whoever goes on with a change holds its lease, and has waited until no request that was
        # sent under the one before is waited for any more. It may still land.
        ours = bool(deed.change) and found.deed.change == deed.change
        bound = min(found.bound, self.settle_seconds) if ours else found.bound
        while True:
            value = await self._named(model, found.alias)
            landed = value == found.after
            if landed and found.before != found.after:
                break
            if self.clock() - first >= bound:
                break
            await self.sleep(_LOOK)
            chain = await self._read_chain(model, run)
            if chain is None or chain.open is None or chain.open.number != found.number:
                return
        end = End("set" if landed else "dropped", by(deed.who, os.uname().nodename[:60]))
        await self._end(run, found.number, replace(end, at=self._server_time(), value=value))
        self._seen_open.pop((run, found.number), None)

    async def _ended(self, run: str, entry: Entry, result: Any) -> bool:
        """False where somebody has ended our claim otherwise.

        What keeps it from being recorded is no failure of the move: the next mover ends it.
        """
        end = End(result, entry.by, self._server_time(), entry.after if result == "set" else None)
        with contextlib.suppress(BackendError):
            if await self._end(run, entry.number, end):
                return True
            chain = await self._read_chain("", run)
            every = chain.entries if chain else ()
            said = next((one for one in every if one.number == entry.number), None)
            return said is None or said.state == result
        return True


def _check_not_taken_back(chain: Chain, alias: str, deed: Deed) -> None:
    """Raises Conflict where somebody has undone the change whose set this is.

    Whoever undoes a change writes an entry even where the alias was never set, so that a program
    which was stopped in the middle finds it. Changes are told apart by their identity: their
    numbers are those of each machine's own journal.
    """
    if deed.undo or not deed.change:
        return
    undone = (one for one in chain.entries if one.alias == alias and one.deed.undo)
    undo = next((one for one in undone if one.deed.change == deed.change), None)
    if undo is not None:
        raise Conflict(
            f"{clean(undo.by)} has taken this change of {clean(chain.model)}@{clean(alias)} back "
            f"with entry {undo.number} of the ledger: it goes on no more",
            hint="look at `modeldeck changes`, then make the plan again",
        )


def _moved(
    model: str, alias: str, seen: str | None, before: str | None, last: Entry | None
) -> Conflict:
    who = "somebody else changed it"
    if last is not None and last.after == seen:
        who = f"{clean(last.by)} moved it"
    return Conflict(
        f"alias:{clean(model)}@{clean(alias)} is {clean(show(seen))}, "
        f"not {clean(show(before))}: {who}",
        hint="look at `modeldeck changes`, then make the plan again",
    )
