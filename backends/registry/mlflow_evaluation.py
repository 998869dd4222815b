"""What was measured of a version, and what goes into it, for the gate.

A run keeps the last value of each metric, whichever data set that was on. The logged model, which
a version's source names (`models:/m-…`), keeps them apart.
"""

from __future__ import annotations

from backends.registry import mlflow_run_answers as runs
from backends.registry.mlflow_fields import moment
from backends.registry.mlflow_runs import MlflowRuns
from backends.registry.mlflow_signature import LARGEST, parse_mlmodel
from core.evaluation import Evaluation, Measurement
from core.evidence import Key
from core.signature import Signature
from core.text import clean
from core.versions import Version

LONGEST = 500
"""Characters of a name or a tag that are kept."""
_MLMODEL = Key("model", "MLmodel")


class MlflowEvaluations(MlflowRuns):
    """Evaluations and signatures."""

    async def evaluation(self, version: Version, metrics: frozenset[str]) -> Evaluation:
        model_id = runs.logged_model_id(version.source)
        model = await self._logged_model(model_id)
        run_id, run = await self._run(version, model)
        own = [one for one in self._own(run_id, run) if one.name in metrics]
        logged = [one for one in self._metrics(model) if one.name in metrics]
        what = f"metrics of version {clean(version.number)} of {clean(version.model)}"
        record = self._understand(runs.run_record, run_id, run, (), what=what)
        gaps = []
        if run_id is None:
            gaps.append("the version names no run")
        elif run is None:
            gaps.append(f"run {_short(run_id)} is gone")
        if model_id is None:
            gaps.append("the version names no logged model, so that no data set is known")
        elif model is None:
            gaps.append(f"its logged model {model_id} is gone")
        kept = await self._vouched(logged, own)
        tags = {**record.tags, **version.tags}
        return Evaluation(
            tuple(self._understand(_measurement, one, what=what) for one in kept),
            tuple(self._understand(_measurement, one, what=what) for one in own),
            {_short(key): _short(value) for key, value in tags.items()},
            tuple(gaps),
        )

    async def signature(self, version: Version) -> Signature:
        what = f"MLmodel of version {clean(version.number)} of {clean(version.model)}"
        content = await self.file(version, _MLMODEL, most=LARGEST + 1)
        if content is None:
            return Signature(why="it has no file MLmodel in the registry")
        if len(content) > LARGEST:
            raise self._http.bad(what, f"{self._http.address} answered more than {LARGEST} bytes")
        return self._understand(parse_mlmodel, content, what=what)


def _measurement(one: runs.Logged) -> Measurement:
    return Measurement(
        _short(one.name),
        one.value,
        _short(one.dataset) or None,
        _short(one.digest) or None,
        _short(one.run_id) or None,
        moment({"timestamp": one.time}, "timestamp") if one.time else None,
    )


def _short(text: str) -> str:
    return clean(text)[:LONGEST]
