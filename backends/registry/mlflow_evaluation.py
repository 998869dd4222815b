"""The metrics of a version from MLflow's logged model, each with the data set it was measured on.

A run keeps the last value of each metric, whichever data set that was on. The logged model, which
a version's source names (`models:/m-…`), keeps them apart. MLflow's database has no NaN there: it
stores 0 in its place, and the largest number for infinity. The run's history still tells them apart.
"""

from __future__ import annotations

import asyncio
import math
import re
import sys
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, TypeVar

from backends.http import Http
from backends.registry import mlflow_answers as answers
from backends.registry.mlflow_fields import (
    Malformed,
    items_in,
    metric_in,
    moment_in,
    table_in,
    text_in,
)
from core.errors import Denied
from core.evaluation import Evaluation, Measurement
from core.text import clean
from core.versions import Version

T = TypeVar("T")
API = "/api/2.0/mlflow"
MOST = 50_000
"""Measurements of one model; more is a bad answer."""
LONGEST = 500
"""Characters of a name or a tag that are kept."""
_SOURCE = re.compile(r"models:/(m-[0-9A-Za-z]{1,64})")
_GONE = "RESOURCE_DOES_NOT_EXIST"


def logged_model_id(source: str | None) -> str | None:
    """The logged model that a version was made from; None where it was made otherwise."""
    match = _SOURCE.fullmatch(source or "")
    return match[1] if match else None


async def read_evaluation(http: Http, version: Version, metrics: frozenset[str]) -> Evaluation:
    """Two requests, and one for each metric that reads 0. Raises BackendError."""
    model_id = logged_model_id(version.source)
    measured, (run, run_tags, gone) = await _both(http, model_id, version.run_id, metrics)
    gaps = [gone] if gone else []
    if model_id is None:
        gaps.append("the version names no logged model, so that no data set is known")
    elif measured is None:
        gaps.append(f"its logged model {model_id} is gone")
    kept = await _with_nan(http, list(measured or ()), metrics)
    tags = {**run_tags, **{_short(key): _short(value) for key, value in version.tags.items()}}
    return Evaluation(tuple(kept), run, tags, tuple(gaps))


_Run = tuple[tuple[Measurement, ...], Mapping[str, str], str]


async def _both(
    http: Http, model_id: str | None, run_id: str | None, metrics: frozenset[str]
) -> tuple[tuple[Measurement, ...] | None, _Run]:
    model = asyncio.ensure_future(_model(http, model_id, metrics))
    try:
        run = await _run(http, run_id, metrics)
        return await model, run
    finally:
        model.cancel()
        await asyncio.gather(model, return_exceptions=True)


async def _model(
    http: Http, model_id: str | None, metrics: frozenset[str]
) -> tuple[Measurement, ...] | None:
    """None where the logged model is gone."""
    if model_id is None:
        return ()
    what = f"metrics of logged model {model_id}"
    answer = await _ask(http, f"logged-models/{model_id}", {}, what)
    if answer is None:
        return None
    return _understand(http, what, lambda: _measured(answer, model_id, metrics))


def _measured(
    answer: Mapping[str, Any], model_id: str, metrics: frozenset[str]
) -> tuple[Measurement, ...]:
    model = table_in(answer, "model")
    if text_in(table_in(model, "info"), "model_id") != model_id:
        raise Malformed("answered another logged model")
    every = items_in(table_in(model, "data", {}), "metrics")
    if len(every) > MOST:
        raise Malformed(f"answered more than {MOST} metrics")
    return tuple(_measurement(item) for item in every if text_in(item, "key") in metrics)


async def _run(http: Http, run_id: str | None, metrics: frozenset[str]) -> _Run:
    """The run's own metrics and tags, and in words what is gone."""
    if run_id is None:
        return (), {}, "the version names no run"
    what = f"metrics of run {clean(run_id)}"
    answer = await _ask(http, "runs/get", {"run_id": run_id}, what)
    if answer is None:
        return (), {}, f"run {_short(run_id)} is gone"

    def parse() -> _Run:
        data = table_in(table_in(answer, "run"), "data", {})
        logged = items_in(data, "metrics")
        if len(logged) > MOST:
            raise Malformed(f"answered more than {MOST} metrics")
        found = [_measurement(item) for item in logged if text_in(item, "key") in metrics]
        mine = tuple(
            replace(one, run_id=_short(run_id), dataset=None, digest=None) for one in found
        )
        tags = {_short(key): _short(value) for key, value in answers.tags_of(data).items()}
        return mine, tags, ""

    return _understand(http, what, parse)


def _measurement(item: Mapping[str, Any]) -> Measurement:
    """A value that is not there is not a number; the stores write the largest for infinity."""
    value = math.nan if item.get("value") is None else metric_in(item)
    if abs(value) >= sys.float_info.max:
        value = math.copysign(math.inf, value)
    return Measurement(
        _short(text_in(item, "key")),
        value,
        _short(text_in(item, "dataset_name", "")) or None,
        _short(text_in(item, "dataset_digest", "")) or None,
        _short(text_in(item, "run_id", "")) or None,
        moment_in(item, "timestamp"),
    )


async def _with_nan(
    http: Http, measured: list[Measurement], metrics: frozenset[str]
) -> list[Measurement]:
    """Zeros that the run logged as NaN become that again; so does a zero that nobody can vouch for."""
    asked = {(m.run_id, m.metric) for m in measured if m.value == 0 and m.run_id}
    wanted = [(run, name) for run, name in sorted(asked) if run and name in metrics]
    limit = asyncio.Semaphore(4)

    async def one(run: str, name: str) -> frozenset[Any] | None:
        async with limit:
            return await _nan_times(http, run, name)

    found = dict(zip(wanted, await asyncio.gather(*(one(*pair) for pair in wanted)), strict=True))

    def sure(m: Measurement) -> bool:
        times = found.get((m.run_id or "", m.metric))
        return times is not None and m.at not in times

    return [m if m.value != 0 or sure(m) else replace(m, value=math.nan) for m in measured]


async def _nan_times(http: Http, run_id: str, metric: str) -> frozenset[Any] | None:
    """When the run logged the metric as NaN; None where that cannot be told any more."""
    what = f"history of metric {clean(metric)} of run {clean(run_id)}"
    asked = {"run_id": run_id, "metric_key": metric, "max_results": 25_000}
    answer = await _ask(http, "metrics/get-history", asked, what)
    if answer is None or answer.get("next_page_token"):
        return None

    def parse() -> frozenset[Any]:
        every = [_measurement(item) for item in items_in(answer, "metrics")]
        return frozenset(one.at for one in every if math.isnan(one.value))

    return _understand(http, what, parse)


async def _ask(http: Http, path: str, params: Mapping[str, Any], what: str) -> Any:
    """None where MLflow itself says that there is no such thing."""
    answer = await http.json("GET", f"{API}/{path}", what=what, params=params, ok=(200, 400, 404))
    code = answer.get("error_code")
    if code == _GONE:
        return None
    if isinstance(code, str):
        said = f"{what}: {clean(answer.get('message', code))[:300]}"
        hint = "`modeldeck versions SERVICE` lists what there is"
        raise Denied(said, backend=http.backend, operation=what, hint=hint)
    return answer


def _understand(http: Http, what: str, parse: Callable[[], T]) -> T:
    try:
        return parse()
    except Malformed as error:
        raise http.bad(what, f"{http.address} {clean(error)}") from error


def _short(text: str) -> str:
    return clean(text)[:LONGEST]
