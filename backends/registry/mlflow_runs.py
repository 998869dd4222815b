"""What a version's run logged, and the files beside it, from MLflow's tracking side."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from backends.registry import mlflow_run_answers as runs
from backends.registry.mlflow_calls import NOTE, MlflowCalls
from core.errors import BackendError, Timeout
from core.evidence import FILES, Key, Metric, RunRecord
from core.text import clean
from core.versions import Version

_MOST_HISTORIES = 64
"""Metrics whose history is asked for; a 0 beyond them counts as no number."""
_HISTORY = 25_000
"""Values of one metric that are looked through: as many as MLflow puts on a page."""
_PATIENCE = 4
"""All histories together may take so many times as long as one answer."""
_ERROR = 4096
"""Bytes of an error that are always read: it says whether the file is gone."""


class MlflowRuns(MlflowCalls):
    """Runs, logged models and artifacts."""

    lineage_keys: Mapping[str, Sequence[str]] = {
        "commit": ("tags.mlflow.source.git.commit",),
        "hardware": ("tags.mlflow.docker.image.uri", "tags.mlflow.docker.image.id"),
    }
    description_keys: Sequence[str] = (f"tags.{NOTE}",)

    async def run_record(self, version: Version) -> RunRecord:
        model_id = runs.logged_model_id(version.source)
        model: Mapping[str, Any] | None = None
        unasked: str | None = None
        try:
            model = await self._logged_model(model_id)
        except BackendError as error:
            unasked = error.message
        run_id, run = await self._run(version, model)
        own = self._own(run_id, run)
        logged = self._metrics(model)
        known = {one.name for one in logged}
        metrics: tuple[Metric, ...] = ()
        try:
            # The logged model's, each with its data set, and the run's own where it has none.
            every = [*logged, *(one for one in own if one.name not in known)]
            metrics = runs.last(await self._vouched(every, own))
        except BackendError as error:
            unasked = error.message
        what = f"run {clean(run_id)}"
        record = self._understand(runs.run_record, run_id, run, metrics, what=what)
        gone = model_id is not None and model is None and unasked is None
        return replace(record, metrics_unasked=unasked, model_id=model_id, model_gone=gone)

    async def _logged_model(self, model_id: str | None) -> Mapping[str, Any] | None:
        """None where the logged model is gone, and where the version was made from none."""
        if model_id is None:
            return None
        what = f"logged model {model_id}"
        answer = await self._look_up(f"logged-models/{model_id}", {}, what)
        if answer is None:
            return None
        return self._understand(runs.logged_model, answer, model_id, what=what)

    async def _run(
        self, version: Version, model: Mapping[str, Any] | None
    ) -> tuple[str | None, Mapping[str, Any] | None]:
        """The id of the version's run, else of its logged model's, and the run unless it is gone."""
        run_id = version.run_id
        if run_id is None and model is not None:
            run_id = self._understand(runs.source_run_of, model, what="a logged model")
        if run_id is None:
            return None, None
        return run_id, await self._look_up("runs/get", {"run_id": run_id}, f"run {clean(run_id)}")

    def _own(self, run_id: str | None, run: Mapping[str, Any] | None) -> tuple[runs.Logged, ...]:
        if run is None:
            return ()
        what = f"metrics of run {clean(run_id)}"
        return self._understand(runs.metrics_of_run, run, run_id, what=what)

    def _metrics(self, model: Mapping[str, Any] | None) -> tuple[runs.Logged, ...]:
        if model is None:
            return ()
        return self._understand(runs.metrics_of_model, model, what="metrics of a logged model")

    async def _vouched(
        self, logged: Sequence[runs.Logged], own: Sequence[runs.Logged]
    ) -> tuple[runs.Logged, ...]:
        """The same with NaN for each 0 that is not known to be one.

        One request for each metric that reads 0 unless its run, whose `own` metrics are given,
        already says so.
        """
        told = runs.telling(own, logged)
        late = time.monotonic() + _PATIENCE * self._http.timeout
        for run_id, name in runs.doubtful(logged, told)[:_MOST_HISTORIES]:
            what = f"history of {clean(name)} in run {clean(run_id)}"
            if time.monotonic() > late:
                said = f"{what}: not asked any more: {self._http.address} answers too slowly"
                raise Timeout(said, backend=self._http.backend, operation=what)
            params = {"run_id": run_id, "metric_key": name, "max_results": _HISTORY}
            answer = await self._look_up("metrics/get-history", params, what)
            # A history that goes on may have the NaN of the same moment on its next page.
            if answer is not None and not answer.get("next_page_token"):
                told += self._understand(runs.history, answer, run_id, what=what)
        return runs.vouched(logged, told)

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
