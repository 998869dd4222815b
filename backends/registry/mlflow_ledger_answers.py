"""The ledger's entries as MLflow keeps them, the params of one run per model. Pure.

`000012` holds claim 12 and `000012.end` how it ended, both JSON. Anybody who may write the run
can add params: what is no entry is passed over, and its number counts as taken.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from backends.registry.mlflow_fields import items, text
from core.ledger import Chain, Deed, End, Entry, by
from core.units import show_time

LONGEST = 480
"""Characters of a value: servers before 2.8 silently cut them off at 500."""
MOST_BOUND = 60.0
"""Seconds; no claim, whatever it says, keeps others waiting longer."""


def claim_key(number: int) -> str:
    return f"{number:06d}"


def end_key(number: int) -> str:
    return f"{number:06d}.end"


def model_key(model: str, generation: int) -> str:
    """Names of models hold characters that keys of params must not."""
    return f"{hashlib.sha256(model.encode('utf-8', 'surrogatepass')).hexdigest()[:40]}.{generation}"


def params_of(run: Mapping[str, Any]) -> dict[str, str]:
    data = run.get("data")
    found = items(data, "params") if isinstance(data, dict) else []
    return {text(param, "key"): text(param, "value", "") for param in found}


def write_claim(entry: Entry) -> str:
    """Never longer than `LONGEST`: the reason is cut first, then what else is for the eye."""
    deed = entry.deed
    said: dict[str, Any] = {
        "alias": entry.alias,
        "from": entry.before,
        "to": entry.after,
        "op": entry.op,
        "for": entry.bound,
        "change": deed.change,
        "by": deed.who,
        "host": entry.host,
        "at": show_time(entry.at) if entry.at else None,
        "n": deed.number,
        "command": deed.command,
        "undo": deed.undo,
        "reason": deed.reason,
    }
    for key in ("reason", "command", "host", "by"):
        value = said[key]
        while len(written := _json(said)) > LONGEST and said[key]:
            value = value[: max(0, len(value) - max(1, (len(written) - LONGEST) // 6))]
            said[key] = value
    return _json(said)


def write_end(end: End) -> str:
    at = show_time(end.at) if end.at else None
    said = {"result": end.result, "by": end.by[:120], "at": at, "value": end.value}
    return _json(said)


def chain(model: str, params: Mapping[str, str], place: str = "") -> Chain:
    """The unbroken row from number 1 on."""
    entries: list[Entry] = []
    number = 1
    while (claimed := params.get(claim_key(number))) is not None:
        entry = _claim(number, claimed)
        if entry is not None:
            end = params.get(end_key(number))
            entries.append(replace(entry, end=_end(end)) if end is not None else entry)
        number += 1
    # Whoever claims ends what is open before: an older one without an end was tampered with.
    kept = tuple(
        one if one.end is not None or one is entries[-1] else replace(one, end=End("dropped", ""))
        for one in entries
    )
    return Chain(model, kept, number, place)


def _claim(number: int, written: str) -> Entry | None:
    said = _table(written)
    if said is None or not isinstance(said.get("alias"), str):
        return None
    bound = said.get("for")
    seconds = float(bound) if isinstance(bound, int | float) else MOST_BOUND
    order = said.get("n")
    deed = Deed(
        _text(said, "by"),
        _text(said, "change"),
        order if isinstance(order, int) and not isinstance(order, bool) else None,
        _text(said, "command"),
        _text(said, "reason"),
        said.get("undo") is True,
    )
    return Entry(
        number,
        said["alias"],
        _version(said.get("from")),
        _version(said.get("to")),
        _text(said, "op"),
        _text(said, "host"),
        deed,
        _moment(said.get("at")),
        min(max(seconds, 0.0), MOST_BOUND) if seconds == seconds else MOST_BOUND,
    )


def _end(written: str) -> End:
    """What cannot be read ended somehow: it must not be waited for."""
    said = _table(written) or {}
    return End(
        "set" if said.get("result") == "set" else "dropped",
        _text(said, "by") or by("", ""),
        _moment(said.get("at")),
        _version(said.get("value")),
    )


def _table(written: str) -> dict[str, Any] | None:
    try:
        said = json.loads(written)
    except (ValueError, RecursionError):
        return None
    return said if isinstance(said, dict) else None


def _text(said: Mapping[str, Any], key: str) -> str:
    value = said.get(key)
    return value if isinstance(value, str) else ""


def _version(value: Any) -> str | None:
    return value if isinstance(value, str) else None


def _moment(value: Any) -> datetime | None:
    try:
        read = datetime.fromisoformat(value) if isinstance(value, str) else None
    except ValueError:
        return None
    return read.astimezone(UTC) if read is not None and read.tzinfo else None


def _json(said: Mapping[str, Any]) -> str:
    return json.dumps(said, separators=(",", ":"), ensure_ascii=True)
