"""The ledger's two atomic steps in MLflow, to claim a number and to end a claim, and its chains."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from backends.registry import mlflow_ledger_answers as entries
from backends.registry.mlflow_ledger_place import EXPERIMENT, MlflowLedgerPlace, NoLedger
from core.errors import Unreachable
from core.ledger import Chain, End, Entry
from core.text import clean

__all__ = ["EXPERIMENT", "MlflowLedger", "NoLedger"]


class MlflowLedger(MlflowLedgerPlace):
    """One ledger per registered model. Raises NoLedger, and BackendError where nobody answers."""

    async def ledger(self, models: Sequence[str]) -> Mapping[str, Chain]:
        """The chains of these models; one that has none yet is empty. One request for a fleet."""
        wanted = list(dict.fromkeys(models))
        root = await self._find_root() if wanted else None
        if root is None:
            return {name: Chain(name) for name in wanted}
        runs = {name: run for name in wanted if (run := _last_run(name, root)) is not None}
        if len(runs) == 1:
            ((name, run),) = runs.items()
            found = {run: await self._get_run(run) or {}}
        elif runs:
            found = await self._every_run()
        chains: dict[str, Chain] = {}
        for name in wanted:
            params = found.get(runs[name], {}) if name in runs else {}
            chains[name] = entries.chain(name, params, self._place)
        return chains

    async def _ledger_run(self, model: str) -> str:
        """The run that holds the model's chain; made where there is none."""
        root = await self._find_root()
        if root is None:
            await self._make_ledger()
            root = await self._find_root()
        if root is None:
            raise self._lost(f"{EXPERIMENT} was made and is not there")
        run, generation = _last_run(model, root), _generation(model, root)
        if run is not None and await self._get_run(run) is not None:
            return run
        # None yet, or one that was deleted for good: a new one, and again one of many wins.
        mine: str = await self._may(
            self._make_run(self._experiment or "", f"ledger of {clean(model)}", model)
        )
        assert self._root is not None
        key = entries.model_key(model, generation + 1)
        if await self._log_once(self._root, key, mine):
            return mine
        won = (await self._find_root() or {}).get(key)
        if won is None:
            # A run that was not chosen must never be written: its chain would be a second one.
            raise self._lost("the ledger was deleted just now")
        return won

    async def _read_chain(self, model: str, run: str) -> Chain | None:
        """None where the run is gone for good."""
        params = await self._get_run(run)
        return None if params is None else entries.chain(model, params, self._place)

    async def _claim(self, run: str, entry: Entry) -> bool:
        """Whether the number is ours now. Without an answer it may become so later."""
        return await self._log_once(
            run, entries.claim_key(entry.number), entries.write_claim(entry)
        )

    async def _end(self, run: str, number: int, end: End) -> bool:
        """False where somebody else has ended it otherwise."""
        return await self._log_once(run, entries.end_key(number), entries.write_end(end))

    def _lost(self, message: str) -> Unreachable:
        hint = "try again; `modeldeck doctor` says whether the ledger can be used"
        return Unreachable(message, backend=self._http.backend, operation="ledger", hint=hint)

    def _server_time(self) -> datetime:
        """The clock that all machines share, as the server's last answer told it."""
        with contextlib.suppress(TypeError, ValueError):
            told = parsedate_to_datetime(self._http.date)
            return told.astimezone(UTC) if told.tzinfo else told.replace(tzinfo=UTC)
        return datetime.now(UTC)


def _generation(model: str, root: Mapping[str, str]) -> int:
    number = 0
    while entries.model_key(model, number + 1) in root:
        number += 1
    return number


def _last_run(model: str, root: Mapping[str, str]) -> str | None:
    return root.get(entries.model_key(model, _generation(model, root)))
