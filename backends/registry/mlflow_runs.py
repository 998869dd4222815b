"""What a version's run logged, and the files beside it, from MLflow's tracking side."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from dataclasses import replace
from typing import Any
from urllib.parse import quote

from backends.registry import mlflow_answers as answers
from backends.registry import mlflow_run_answers as runs
from backends.registry.mlflow_calls import PAGE, MlflowCalls
from core.errors import BackendError
from core.evidence import FILES, Key, Metric, RunRecord
from core.text import clean
from core.versions import Version

_LOGGED_MODEL = "models:/m-"
_MOST_HISTORIES = 16
"""Metrics whose history is asked for; a 0 beyond them, or too late, counts as no number."""
_ERROR = 4096
"""Bytes of an error that are always read: it says whether the file is gone."""


class MlflowRuns(MlflowCalls):
    """Runs, logged models and artifacts."""

    async def run_metrics(self, run_id: str) -> Mapping[str, float]:
        what = f"metrics of run {clean(run_id)}"
        answer = await self._get("runs/get", {"run_id": run_id}, what)
        return self._understand(answers.run_metrics, answer, what=what)

    async def run_record(self, version: Version) -> RunRecord:
        run_id = version.run_id
        model_id = version.source.removeprefix("models:/")
        model: Mapping[str, Any] | None = None
        unasked: str | None = None
        if version.source.startswith(_LOGGED_MODEL):
            try:
                model = await self._logged_model(model_id)
            except BackendError as error:
                unasked = error.message
            if run_id is None and model is not None:
                run_id = self._understand(runs.source_run_of, model, what=f"model {model_id}")
        else:
            model_id = ""
        what = f"run {clean(run_id)}"
        run = await self._look_up("runs/get", {"run_id": run_id}, what) if run_id else None
        own = () if run is None else self._understand(runs.metrics_of_run, run, run_id, what=what)
        try:
            metrics = await self._metrics(model, own)
        except BackendError as error:
            metrics, unasked = (), error.message
        record = self._understand(runs.run_record, run_id, run, metrics, what=what)
        gone = bool(model_id) and model is None and unasked is None
        return replace(record, metrics_unasked=unasked, model_id=model_id or None, model_gone=gone)

    async def _metrics(
        self, model: Mapping[str, Any] | None, own: tuple[runs.Logged, ...]
    ) -> tuple[Metric, ...]:
        """The logged model's metrics with their data sets, and the run's where it has none."""
        if model is None:
            return runs.settled(own, own)
        logged = self._understand(runs.metrics_of_model, model, what="metrics of a logged model")
        told = list(own)
        patience = time.monotonic() + self._http.timeout
        for run_id, name in runs.doubtful(logged, own)[:_MOST_HISTORIES]:
            if time.monotonic() > patience:
                break
            what = f"history of {clean(name)} in run {clean(run_id)}"
            params = {"run_id": run_id, "metric_key": name, "max_results": PAGE}
            answer = await self._look_up("metrics/get-history", params, what)
            if answer is not None:
                told += self._understand(runs.history, answer, run_id, what=what)
        known = {one.name for one in logged}
        return runs.settled([*logged, *(one for one in own if one.name not in known)], told)

    async def _logged_model(self, model_id: str) -> Mapping[str, Any] | None:
        what = f"logged model {clean(model_id)}"
        return await self._look_up(f"logged-models/{quote(model_id, safe='')}", {}, what)  # type: ignore[no-any-return]

    async def file(self, version: Version, key: Key, *, most: int) -> bytes | None:
        what = f"{clean(key)} of version {clean(version.number)} of {clean(version.model)}"
        params = {"path": key.name}
        if key.kind not in FILES:
            raise self._denied(what, f"{clean(key)} names no file")
        if key.kind == "model":
            path = "/model-versions/get-artifact"
            params |= {"name": version.model, "version": version.number}
        elif version.run_id is None:
            return None
        else:
            path = "/get-artifact"
            params["run_uuid"] = version.run_id
        answer = await self._http.request(
            "GET", path, what=what, params=params, ok=(200, 404), most=max(most, _ERROR)
        )
        if answer.status_code == 404:
            if _error_code(answer.content) == "RESOURCE_DOES_NOT_EXIST":
                return None
            raise self._http.bad(what, f"{self._http.address} answered 404 and not as MLflow does")
        # A page to sign in on is answered with 200 as well.
        if not answer.headers.get("content-disposition", "").startswith("attachment"):
            raise self._http.bad(what, f"{self._http.address} answered something, and no file")
        return bytes(answer.content[:most])


def _error_code(body: bytes) -> Any:
    try:
        said = json.loads(body)
    except (ValueError, RecursionError):
        return None
    return said.get("error_code") if isinstance(said, dict) else None
