"""What MLflow answers, as values: pure, and distrustful of every part.

Each function raises `Malformed` with what is wrong. Names, numbers, run ids and tags come back
as they were sent, control characters and all: they go back to the server as identifiers, and
are cleaned where they are shown. Only prose (a version's status message) is cleaned here.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

from core.evidence import DatasetInput, Metric, RunRecord
from core.text import clean
from core.versions import Model, Version

IS_PROMPT = "mlflow.prompt.is_prompt"
STAGE_TAG = "stage"
BLOCK_TAG = "modeldeck.blocked"

_LONGEST_SOURCE = 64 * 1024
"""Characters of a data set's source; some stores put whole schemas there."""
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_READY = "READY"


class Malformed(ValueError):
    """An answer that is not what MLflow's REST interface says."""


def page(answer: Mapping[str, Any], key: str) -> tuple[list[Mapping[str, Any]], str | None]:
    """The items of one page and the token of the next; MLflow leaves empty lists out."""
    items = _list(answer, key)
    return items, _text(answer, "next_page_token", "") or None


def registered_model(answer: Mapping[str, Any], asked: str | None = None) -> Mapping[str, Any]:
    """The `registered_model` of an answer; the one that was asked for, if that is given."""
    model = _table(answer, "registered_model")
    if asked is not None and name_of(model) != asked:
        raise Malformed(f"was asked for model {asked!r} and answered {name_of(model)!r}")
    return model


def name_of(item: Mapping[str, Any]) -> str:
    return _text(item, "name")


def is_prompt(model: Mapping[str, Any]) -> bool:
    return tags_of(model).get(IS_PROMPT, "").lower() == "true"


def aliases_of(model: Mapping[str, Any]) -> dict[str, str]:
    """Alias to version number."""
    return {_text(item, "alias"): _number(item, "version") for item in _list(model, "aliases")}


def tags_of(item: Mapping[str, Any]) -> dict[str, str]:
    """Tags as written; a tag without a value is an empty string."""
    return {_text(tag, "key"): _text(tag, "value", "") for tag in _list(item, "tags")}


def model_version(
    answer: Mapping[str, Any], asked: tuple[str, str] | None = None
) -> Mapping[str, Any]:
    """The `model_version` of an answer; the one that was asked for, if that is given."""
    item = _table(answer, "model_version")
    if asked is not None and (name_of(item), number_of(item)) != asked:
        raise Malformed(f"was asked for {asked} and answered another version")
    return item


def number_of(item: Mapping[str, Any]) -> str:
    return _number(item, "version")


def model(
    name: str,
    aliases: Mapping[str, str],
    versions: list[Mapping[str, Any]],
    tags: Mapping[str, str] | None = None,
) -> Model:
    """Versions newest first by number; a version that a page repeats counts once."""
    names: dict[str, list[str]] = {}
    for alias, number in aliases.items():
        names.setdefault(number, []).append(alias)
    found = {
        number_of(item): _version(name, item, names.get(number_of(item), []))
        for item in versions
        if name_of(item) == name
    }
    newest_first = sorted(found.values(), key=lambda version: int(version.number), reverse=True)
    return Model(name, tuple(newest_first), dict(aliases), dict(tags or {}))


def run_metrics(answer: Mapping[str, Any]) -> dict[str, float]:
    """What the run logged last under each name. NaN stays NaN."""
    data = _table(_table(answer, "run"), "data", {})
    return {_text(item, "key"): _metric(item) for item in _list(data, "metrics")}


def source_run_of(answer: Mapping[str, Any]) -> str | None:
    """The run that a logged model came from."""
    return _text(_table(_table(answer, "model"), "info"), "source_run_id", "") or None


def run_record(
    run_id: str | None,
    run: Mapping[str, Any] | None,
    model_id: str | None,
    model: Mapping[str, Any] | None,
    unasked: str | None = None,
) -> RunRecord:
    """What `runs/get` and `logged-models/ID` say of one version; None for what is gone.

    `unasked` says why the logged model, which has the metrics, could not be asked for.
    """
    logged = _metrics(_table(_table(model, "model"), "data", {})) if model is not None else ()
    gone = model_id is not None and model is None and unasked is None
    if run is None:
        state: Literal["gone", "none"] = "gone" if run_id else "none"
        return RunRecord(
            run_id, state, metrics=logged, metrics_unasked=unasked, model_id=model_id,
            model_gone=gone,
        )  # fmt: skip
    found = _table(run, "run")
    info, data = _table(found, "info"), _table(found, "data", {})
    if _text(info, "run_id", run_id) != run_id:
        raise Malformed(f"was asked for run {run_id!r} and answered another")
    known = {metric.name for metric in logged}
    own = tuple(metric for metric in _metrics(data) if metric.name not in known)
    return RunRecord(
        run_id,
        "deleted" if _text(info, "lifecycle_stage", "active") == "deleted" else "there",
        clean(_text(info, "status", "")),
        tags_of(data),
        {_text(item, "key"): _text(item, "value", "") for item in _list(data, "params")},
        _datasets(_table(found, "inputs", {})),
        (*logged, *own),
        unasked,
        model_id,
        gone,
    )


def _metrics(data: Mapping[str, Any]) -> tuple[Metric, ...]:
    """The last value of each metric on each data set, by step and then by time."""
    last: dict[tuple[str, str, str], tuple[tuple[float, float], float]] = {}
    for item in _list(data, "metrics"):
        where = _text(item, "dataset_name", ""), _text(item, "dataset_digest", "")
        when = _count(item, "step"), _count(item, "timestamp")
        key = (_text(item, "key"), *where)
        if key not in last or when >= last[key][0]:
            last[key] = when, _metric(item)
    return tuple(Metric(name, value, *on) for (name, *on), (_, value) in last.items())


def _datasets(inputs: Mapping[str, Any]) -> tuple[DatasetInput, ...]:
    found = []
    for item in _list(inputs, "dataset_inputs"):
        data = _table(item, "dataset")
        context = tags_of(item).get("mlflow.data.context", "")
        found.append(
            DatasetInput(_text(data, "name"), _text(data, "digest", ""), context, _source_of(data))
        )
    return tuple(found)


def _source_of(data: Mapping[str, Any]) -> str:
    """MLflow keeps the source as JSON with a `uri` or `url`; whatever else it is, as written."""
    text = _text(data, "source", "")[:_LONGEST_SOURCE]
    try:
        said = json.loads(text)
    except (ValueError, RecursionError):
        return text
    found = (
        next((said[key] for key in ("uri", "url", "path") if key in said), "")
        if isinstance(said, dict)
        else ""
    )
    return found if isinstance(found, str) else ""


def _count(item: Mapping[str, Any], key: str) -> float:
    value = item.get(key, 0)
    if isinstance(value, str) and value.lstrip("-").isascii() and value.lstrip("-").isdigit():
        value = int(value[:18])
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise Malformed(f"{key!r} is {_kind(value)}, not a count")
    return value


def _version(model_name: str, item: Mapping[str, Any], aliases: list[str]) -> Version:
    tags = tags_of(item)
    status = _text(item, "status", _READY)
    said = _text(item, "status_message", "")
    legacy = _text(item, "current_stage", "None")
    return Version(
        model=model_name,
        number=number_of(item),
        created=_moment(item, "creation_timestamp"),
        status=status if status == _READY else clean(f"{status}: {said}" if said else status),
        run_id=_text(item, "run_id", "") or None,
        tag_stage=tags.get(STAGE_TAG),
        legacy_stage=None if legacy == "None" else legacy,
        aliases=tuple(sorted(aliases)),
        blocked=tags.get(BLOCK_TAG),
        tags=tags,
        description=_text(item, "description", ""),
        source=_text(item, "source", ""),
    )


def _metric(item: Mapping[str, Any]) -> float:
    value = item.get("value", 0.0)
    if isinstance(value, str):
        # The only figures that JSON has no number for; anything else is not a metric.
        if value in ("NaN", "Infinity", "-Infinity"):
            return float(value.replace("Infinity", "inf"))
        raise Malformed(f"metric value {value[:40]!r} is no number")
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise Malformed(f"a metric value is {_kind(value)}")
    try:
        return float(value)
    except OverflowError:
        return math.copysign(math.inf, value)


_REQUIRED: Any = object()


def _text(item: Mapping[str, Any], key: str, default: Any = _REQUIRED) -> str:
    value = item.get(key, default)
    if value is _REQUIRED:
        raise Malformed(f"lacks {key!r}")
    if value is None and default is not _REQUIRED:
        return str(default)
    if not isinstance(value, str):
        raise Malformed(f"{key!r} is {_kind(value)}, not a string")
    return value


def _number(item: Mapping[str, Any], key: str) -> str:
    """A version number: a string of digits, though some servers send a number."""
    value = item.get(key)
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value) if 0 <= value < 10**18 else None
    if not isinstance(value, str) or not (value.isascii() and value.isdigit() and len(value) < 19):
        raise Malformed(f"{key!r} is no version number")
    return value


def _moment(item: Mapping[str, Any], key: str) -> datetime | None:
    value = item.get(key)
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 19:
        value = int(value)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise Malformed(f"{key!r} is {_kind(value)}, not milliseconds")
    try:
        return _EPOCH + timedelta(milliseconds=value)
    except (OverflowError, ValueError) as error:
        raise Malformed(f"{key!r} is no time") from error


def _list(item: Mapping[str, Any], key: str) -> list[Mapping[str, Any]]:
    value = item.get(key)
    if value is None:
        return []
    if not isinstance(value, list):
        raise Malformed(f"{key!r} is {_kind(value)}, not a list")
    for entry in value:
        if not isinstance(entry, dict):
            raise Malformed(f"{key!r} holds {_kind(entry)}, not an object")
    return value


def _table(item: Mapping[str, Any], key: str, default: Any = None) -> Mapping[str, Any]:
    value = item.get(key, default)
    if value is None:
        raise Malformed(f"lacks {key!r}")
    if not isinstance(value, dict):
        raise Malformed(f"{key!r} is {_kind(value)}, not an object")
    return value


def _kind(value: Any) -> str:
    names = {dict: "an object", list: "a list", str: "a string", bool: "a truth value"}
    return names.get(type(value), "null" if value is None else "a number")
