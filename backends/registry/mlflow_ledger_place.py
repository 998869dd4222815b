"""Where the ledger lies in MLflow, and how it is made so that all machines find the same one.

The experiment `modeldeck-ledger` is made under another name, complete, and then renamed: names are
unique, so of many renames one wins. Its tag `modeldeck.root` names its root run, whose params name
the run of each model; MLflow never changes the param of a run, so of many who log one key with
different values one wins there too.
"""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Mapping
from typing import Any

from backends.registry import mlflow_ledger_answers as entries
from backends.registry.mlflow_calls import API, NOTE, MlflowCalls
from backends.registry.mlflow_fields import items, table, text
from core.errors import BackendError, Denied, Timeout, Unreachable
from core.text import clean

EXPERIMENT = "modeldeck-ledger"
ROOT_TAG = "modeldeck.root"
MODEL_TAG = "modeldeck.model"
_WARNING = (
    "Who moved which alias, and when, as modeldeck records it before each move. "
    "Deleting it takes away the guard against two people moving one alias at once."
)
_DATABASE = "BAD_REQUEST"
"""How MLflow says, with 400, that its database failed in a way that it knows no other word for: a
transaction that was aborted, no free connection. A refusal of its own has another code."""
_ALL = 1000
"""Ledgers that are read in one request for a whole fleet."""


class NoLedger(Denied):
    """The ledger cannot be used: no right to it, or somebody deleted it."""

    code = "no_ledger"


class MlflowLedgerPlace(MlflowCalls):
    """The experiment, its root run, and params that are written once."""

    # The ids never change while the experiment exists; one that is gone is looked up again.
    _experiment: str | None = None
    _root: str | None = None

    @property
    def _place(self) -> str:
        return f"experiment {self._experiment} ({EXPERIMENT})" if self._experiment else EXPERIMENT

    async def _find_root(self) -> dict[str, str] | None:
        """The params of the root run; None where no ledger was ever made here."""
        if self._root is not None:
            params = await self._get_run(self._root)
            if params is not None:
                return params
            self._root = self._experiment = None
        what = f"experiment {EXPERIMENT}"
        answer = await self._look_up(
            "experiments/get-by-name", {"experiment_name": EXPERIMENT}, what
        )
        if answer is None:
            return None
        found = self._understand(table, answer, "experiment", what=what)
        self._experiment = self._understand(text, found, "experiment_id", what=what)
        if self._understand(text, found, "lifecycle_stage", "active", what=what) != "active":
            raise self._no_ledger(
                f"{self._place} was deleted",
                f"mlflow experiments restore -x {self._experiment} brings it back",
            )
        tags = {
            self._understand(text, tag, "key", what=what): tag.get("value")
            for tag in self._understand(items, found, "tags", what=what)
        }
        root = tags.get(ROOT_TAG)
        params = await self._get_run(root) if isinstance(root, str) else None
        if not isinstance(root, str) or params is None:
            raise self._no_ledger(
                f"{self._place} has lost its root run", "delete the experiment for good (mlflow gc)"
            )
        self._root = root
        return params

    async def _make_ledger(self) -> None:
        """Under a name of its own first, so that it is whole once the others can see it."""
        what = f"make experiment {EXPERIMENT}"
        own, renaming = f"{EXPERIMENT}-{os.urandom(6).hex()}", False
        try:
            body = {"name": own, "tags": _tags({NOTE: _WARNING})}
            answer = await self._ask("experiments/create", body, what)
            made = self._understand(text, answer, "experiment_id", what=what)
            root = await self._make_run(made, "root", None)
            tag = {"experiment_id": made, "key": ROOT_TAG, "value": root}
            await self._ask("experiments/set-experiment-tag", tag, what)
            renaming = True
            await self._ask(
                "experiments/update", {"experiment_id": made, "new_name": EXPERIMENT}, what
            )
        except BackendError as error:
            # A rename that nobody answered may land yet: then it is the ledger of everybody.
            if not renaming or isinstance(error, Denied | Unreachable):
                with contextlib.suppress(BackendError):
                    await self._remove(own, what)
            answer = await self._look_up(
                "experiments/get-by-name", {"experiment_name": EXPERIMENT}, what
            )
            there = answer is not None and isinstance(answer.get("experiment"), dict)
            if not there:
                if isinstance(error, Denied) and error.http_status == 400:
                    raise self._no_ledger(error.message, "ask who runs MLflow") from error
                if isinstance(error, Denied) and error.http_status in (401, 403):
                    raise self._no_ledger(
                        f"this user may not make it: {error.message}",
                        f"somebody who may promotes once, then grants EDIT on {EXPERIMENT}",
                    ) from error
                raise

    async def _remove(self, name: str, what: str) -> None:
        """Delete what was made under this name, if anything was, and whoever heard of it or not."""
        answer = await self._look_up("experiments/get-by-name", {"experiment_name": name}, what)
        if answer is not None:
            found = self._understand(table, answer, "experiment", what=what)
            made = self._understand(text, found, "experiment_id", what=what)
            await self._ask("experiments/delete", {"experiment_id": made}, what)

    async def _make_run(self, experiment: str, name: str, model: str | None) -> str:
        what = f"make a run in {EXPERIMENT}"
        tags = {NOTE: _WARNING} | ({MODEL_TAG: model} if model is not None else {})
        now = int(time.time() * 1000)
        body = {
            "experiment_id": experiment,
            "run_name": name,
            "start_time": now,
            "tags": _tags(tags),
        }
        answer = await self._ask("runs/create", body, what)
        run = self._understand(table, answer, "run", what=what)
        made = self._understand(
            text, self._understand(table, run, "info", what=what), "run_id", what=what
        )
        # So that it does not seem to run for years; params can be added all the same.
        ended = {"run_id": made, "status": "FINISHED", "end_time": now}
        with contextlib.suppress(BackendError):
            await self._ask("runs/update", ended, what)
        return made

    # Calls

    async def _get_run(self, run: str) -> dict[str, str] | None:
        """Its params; None where it is gone for good."""
        what = f"run {clean(run)} of the ledger"
        answer = await self._may(self._look_up("runs/get", {"run_id": run}, what))
        if answer is None:
            return None
        found = self._understand(table, answer, "run", what=what)
        info = self._understand(table, found, "info", what=what)
        if info.get("lifecycle_stage", "active") != "active":
            raise self._no_ledger(
                f"run {clean(run)} in {self._place} was deleted",
                f"mlflow runs restore --run-id {clean(run)} brings it back; "
                f"a whole experiment: mlflow experiments restore -x {self._experiment}",
            )
        return self._understand(entries.params_of, found, what=what)

    async def _every_run(self) -> dict[str, dict[str, str]]:
        what = f"runs of {EXPERIMENT}"
        found: dict[str, dict[str, str]] = {}
        token: str | None = None
        while True:
            body: dict[str, Any] = {"experiment_ids": [self._experiment], "max_results": _ALL}
            answer = await self._may(
                self._http.json(
                    "POST",
                    f"{API}/runs/search",
                    what=what,
                    json_body=body | ({"page_token": token} if token else {}),
                )
            )
            for run in self._understand(items, answer, "runs", what=what):
                info = self._understand(table, run, "info", what=what)
                run_id = self._understand(text, info, "run_id", what=what)
                found[run_id] = self._understand(entries.params_of, run, what=what)
            following = answer.get("next_page_token")
            if not following or following == token:
                return found
            token = str(following)

    async def _log_once(self, run: str, key: str, value: str) -> bool:
        """Whether this very value stands there. The same value again is no second one.

        Raises Unreachable where that is not known: nothing that the ledger guards was touched.
        """
        what = "ledger"
        body = {"run_id": run, "key": key, "value": value}
        for _ in (1, 2):
            refused = ""
            try:
                answer = await self._may(
                    self._http.json(
                        "POST",
                        f"{API}/runs/log-parameter",
                        what=what,
                        json_body=body,
                        ok=(200, 400, 404),
                    )
                )
            except Timeout as error:
                said = error.message
            else:
                if "error_code" not in answer:
                    return True
                said = clean(answer.get("message", ""))[:200]
                # The database's own trouble is no "no": to go on without an entry would be wrong.
                refused = "" if answer["error_code"] == _DATABASE else said
            # Whether it landed shows when it is read; where it did not, once more.
            params = await self._get_run(run)
            if params is not None and key in params:
                return params[key] == value
            if params is None or refused:
                raise self._no_ledger(
                    f"{self._place} takes no entry: {refused or said}", "ask who runs MLflow"
                )
        hint = "try again; `modeldeck doctor` says how MLflow is"
        raise Unreachable(f"{what}: {said}", backend=self._http.backend, operation=what, hint=hint)

    async def _ask(self, path: str, body: Mapping[str, Any], what: str) -> Any:
        """Raises Denied for what MLflow refuses, and Unreachable where its database failed: nothing
        that the ledger guards was touched.
        """
        answer = await self._http.json(
            "POST", f"{API}/{path}", what=what, json_body=body, ok=(200, 400, 404)
        )
        code = answer.get("error_code")
        if not isinstance(code, str):
            return answer
        said = f"{what}: {clean(answer.get('message', code))[:200]}"
        if code == _DATABASE:
            hint = "try again; `modeldeck doctor` says how MLflow is"
            raise Unreachable(said, backend=self._http.backend, operation=what, hint=hint)
        error = self._denied(what, said)
        error.http_status = 400
        raise error

    async def _may(self, call: Any) -> Any:
        try:
            return await call
        except Denied as error:
            if error.http_status in (401, 403):
                raise self._no_ledger(
                    f"this user may not use {self._place}: {error.message}",
                    f"ask for EDIT on {self._place}",
                ) from error
            raise

    def _no_ledger(self, message: str, hint: str) -> NoLedger:
        return NoLedger(
            f"ledger: {message}", backend=self._http.backend, operation="ledger", hint=hint
        )


def _tags(said: Mapping[str, str]) -> list[dict[str, str]]:
    return [{"key": key, "value": value} for key, value in said.items()]
