"""What callers really send: the columns of the newest rows of a service's inference log."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Literal

from core.gate.report import Check, Verdict
from core.redaction import shown
from core.schema import Duration
from core.signature import Signature
from core.units import show_duration

Kind = Literal["boolean", "integer", "number", "text", "time", "other", "unknown"]
"""`unknown` has no value in any row that was looked at."""

NAME = "schema of requests"
_LIMIT = "what callers send"
# What MLflow accepts as each type of a signature, without losing any of it.
_ACCEPTS: Mapping[str, frozenset[Kind]] = {
    "boolean": frozenset({"boolean"}),
    "integer": frozenset({"integer"}),
    "long": frozenset({"integer"}),
    "float": frozenset({"integer", "number"}),
    "double": frozenset({"integer", "number"}),
    "string": frozenset({"text"}),
    "datetime": frozenset({"time", "text"}),
}
_NAMED = 6
AHEAD = 60.0
"""Seconds by which the clock of a file server may be ahead."""


@dataclass(frozen=True, slots=True)
class InferenceLogConfig:
    """`[services.NAME.inference_log]`. In the config a bare string stands for `path`."""

    SHORT: ClassVar[str] = "path"

    path: str
    """Files of this host, `*` stands for anything: Parquet, JSON lines or CSV by their names."""
    features: str | None = None
    """The column that holds the features as a struct or an object; without it the columns are
    the features."""
    max_age: Duration = 24 * 3600.0
    """Seconds after which the newest file no longer tells what callers send."""


@dataclass(frozen=True, slots=True)
class LogColumns:
    """The columns of one file, `age` seconds old."""

    file: str
    age: float
    columns: Mapping[str, Kind]


def check_requests(
    signature: Signature, found: LogColumns | str, config: InferenceLogConfig
) -> Check:
    """Whether the version takes what callers send today. `found` may say why nothing is known.

    Each required input must be sent, as a type that it accepts, and not always empty; of an
    optional one the type is looked at where it is sent. What is sent beside them is ignored by the
    model.
    """
    if signature.why:
        return _nothing(f"its signature: {signature.why}")
    if isinstance(found, str):
        return _nothing(found)
    where = f"{found.file}, {show_duration(max(0.0, found.age))} old"
    if found.age < -AHEAD:
        return _nothing(f"{found.file}: its time is in the future")
    if found.age > config.max_age:
        return _nothing(f"{where}: older than {show_duration(config.max_age)}")
    if not found.columns:
        return _nothing(f"{where}: no features in it")
    if all(column.type.startswith("tensor") for column in signature.inputs):
        return _nothing("its signature is a tensor, which names no features")
    wrong, empty = [], []
    for column in signature.inputs:
        sent = found.columns.get(column.name)
        if sent == "unknown" and column.required:
            empty.append(column.name)
        elif sent is None:
            if column.required:
                wrong.append(f"{column.name} ({column.type}) is not sent")
        elif sent not in ("unknown", *_ACCEPTS.get(column.type, (sent,))):
            wrong.append(f"{column.name} is sent as {sent} and taken as {column.type}")
    if empty and not wrong:
        return _nothing(f"{where}: nothing but empty values of {', '.join(empty[:_NAMED])}")
    more = f"; {len(wrong) - _NAMED} more" if len(wrong) > _NAMED else ""
    said = f"{'; '.join(wrong[:_NAMED])}{more}; {where}" if wrong else where
    verdict: Verdict = "failed" if wrong else "passed"
    return Check(NAME, verdict, f"{len(found.columns)} features sent", _LIMIT, shown(said))


def _nothing(why: str) -> Check:
    return Check(NAME, "no_evidence", None, _LIMIT, shown(why))
