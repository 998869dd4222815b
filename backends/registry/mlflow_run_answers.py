"""What MLflow answers about runs and logged models, as values: pure, and distrustful.

Each function raises `Malformed`. Everything comes back as it was sent, and is cleaned where it is
shown.
"""

from __future__ import annotations

import json
import math
import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

from backends.registry.mlflow_answers import tags_of
from backends.registry.mlflow_fields import Malformed, count, items, metric, table, text
from core.evidence import DatasetInput, Metric, RunRecord

MOST = 50_000
"""Metrics of one model, or of one run; more is a bad answer."""
_SOURCE = re.compile(r"models:/(m-[0-9A-Za-z]{1,64})")
_LONGEST_SOURCE = 64 * 1024
"""Characters of a data set's source; some stores put whole schemas there."""
Moment = tuple[str, str, int, int]
"""Run, name, step and time: several values may have been logged at one."""


@dataclass(frozen=True, slots=True)
class Logged:
    """One metric as it was logged once. A run's own has no data set."""

    run_id: str
    name: str
    value: float
    step: int
    time: int
    dataset: str = ""
    digest: str = ""

    @property
    def moment(self) -> Moment:
        return self.run_id, self.name, self.step, self.time


def logged_model_id(source: str) -> str | None:
    """The logged model that a version was made from; None where it was made otherwise."""
    match = _SOURCE.fullmatch(source)
    return match[1] if match else None


def logged_model(answer: Mapping[str, Any], asked: str) -> Mapping[str, Any]:
    """The answer to `logged-models/ID`, which must be about that model."""
    if text(table(table(answer, "model"), "info"), "model_id") != asked:
        raise Malformed("answered another logged model")
    return answer


def source_run_of(model: Mapping[str, Any]) -> str | None:
    """The run that a logged model came from."""
    return text(table(table(model, "model"), "info"), "source_run_id", "") or None


def metrics_of_model(model: Mapping[str, Any]) -> tuple[Logged, ...]:
    """The metrics of a `logged-models/ID` answer, each with its data set."""
    return _logged(table(table(model, "model"), "data", {}), "")


def metrics_of_run(run: Mapping[str, Any], run_id: str) -> tuple[Logged, ...]:
    """The metrics of a `runs/get` answer: the last value of each name."""
    return _logged(table(table(run, "run"), "data", {}), run_id)


def history(answer: Mapping[str, Any], run_id: str) -> tuple[Logged, ...]:
    """The values of a `metrics/get-history` answer."""
    return _logged(answer, run_id)


def telling(own: Iterable[Logged], logged: Iterable[Logged]) -> list[Logged]:
    """The run's last values that speak for one logged metric alone, at whose moment it stands alone."""
    seen = Counter(one.moment for one in logged)
    return [one for one in own if seen[one.moment] == 1]


def doubtful(logged: Iterable[Logged], told: Iterable[Logged]) -> list[tuple[str, str]]:
    """Run and name of each 0 of which nobody says whether it is one.

    A logged model has 0 where NaN was logged; only the run tells the two apart.
    """
    moments = {one.moment for one in told}
    asked = [
        (one.run_id, one.name)
        for one in logged
        if one.value == 0 and one.run_id and one.moment not in moments
    ]
    return list(dict.fromkeys(asked))


def vouched(logged: Iterable[Logged], told: Iterable[Logged]) -> tuple[Logged, ...]:
    """The same with NaN for each 0 that no run says is one, or that may be the NaN of its moment."""
    zeros: set[Moment] = set()
    nans: set[Moment] = set()
    for one in told:
        if one.value == 0:
            zeros.add(one.moment)
        elif math.isnan(one.value):
            nans.add(one.moment)
    sure = zeros - nans
    return tuple(
        replace(one, value=math.nan) if one.value == 0 and one.moment not in sure else one
        for one in logged
    )


def last(logged: Iterable[Logged]) -> tuple[Metric, ...]:
    """The last value of each metric on each data set."""
    found: dict[tuple[str, str, str], Logged] = {}
    for one in logged:
        key = one.name, one.dataset, one.digest
        if key not in found or (one.step, one.time) >= (found[key].step, found[key].time):
            found[key] = one
    return tuple(Metric(name, one.value, *on) for (name, *on), one in found.items())


def run_record(
    run_id: str | None, run: Mapping[str, Any] | None, metrics: tuple[Metric, ...]
) -> RunRecord:
    """What `runs/get` says of a run; None for a run that is gone. The metrics stand beside it."""
    if run is None:
        state: Literal["gone", "none"] = "gone" if run_id else "none"
        return RunRecord(run_id, state, metrics=metrics)
    found = table(run, "run")
    info, data = table(found, "info"), table(found, "data", {})
    if text(info, "run_id", str(run_id)) != run_id:
        raise Malformed(f"was asked for run {run_id!r} and answered another")
    deleted = text(info, "lifecycle_stage", "active") == "deleted"
    return RunRecord(
        run_id,
        "deleted" if deleted else "there",
        text(info, "status", ""),
        tags_of(data),
        {text(item, "key"): text(item, "value", "") for item in items(data, "params")},
        tuple(_dataset(item) for item in items(table(found, "inputs", {}), "dataset_inputs")),
        metrics,
    )


def _logged(data: Mapping[str, Any], run_id: str) -> tuple[Logged, ...]:
    every = items(data, "metrics")
    if len(every) > MOST:
        raise Malformed(f"answered more than {MOST} metrics")
    return tuple(
        Logged(
            run_id or text(item, "run_id", ""),
            text(item, "key"),
            metric(item),
            count(item, "step"),
            count(item, "timestamp"),
            "" if run_id else text(item, "dataset_name", ""),
            "" if run_id else text(item, "dataset_digest", ""),
        )
        for item in every
    )


def _dataset(item: Mapping[str, Any]) -> DatasetInput:
    data = table(item, "dataset")
    context = tags_of(item).get("mlflow.data.context", "")
    return DatasetInput(text(data, "name"), text(data, "digest", ""), context, _source_of(data))


def _source_of(data: Mapping[str, Any]) -> str:
    """MLflow keeps the source as JSON with a `uri`, `url` or `path`; else it is as written."""
    written = text(data, "source", "")[:_LONGEST_SOURCE]
    try:
        said = json.loads(written)
    except (ValueError, RecursionError):
        return written
    if not isinstance(said, dict):
        return written
    found = (said.get(key) for key in ("uri", "url", "path"))
    return next((one for one in found if isinstance(one, str)), written)
