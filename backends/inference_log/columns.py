"""The columns of the newest file of an inference log on this host."""

from __future__ import annotations

import csv
import glob
import itertools
import json
import os
import stat
import time
from collections.abc import Iterable, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any, NoReturn

from core.errors import BackendError
from core.inference_log import Kind, LogColumns
from core.text import clean

ROWS = 200
"""Rows of a JSON-lines or CSV file that are looked at; a Parquet file says its types itself."""
MOST_BYTES = 4 * 1024 * 1024
_WHAT = "read the inference log"


def read_columns(path: str, features: str | None) -> LogColumns:
    """Of the newest file that the path names. Blocks. Raises BackendError."""
    file, changed = _newest(path)
    name = clean(file.name)
    try:
        columns = _READERS[_suffix(file)](file, features)
    except KeyError:
        _fail(f"{name} is no Parquet, JSON-lines or CSV file", "end the path in *.parquet")
    except ImportError as error:
        hint = "pip install 'modeldeck[logs]'"
        raise _error(f"reading {name} needs pyarrow", hint) from error
    except (OSError, ValueError, TypeError, csv.Error, RecursionError) as error:
        raise _error(f"{name} cannot be read: {clean(error)[:200]}", None) from error
    return LogColumns(name, time.time() - changed, columns)


def _newest(path: str) -> tuple[Path, float]:
    found = []
    for match in glob.iglob(os.path.expanduser(path), recursive=True):  # noqa: PTH111
        try:
            status = os.stat(match)  # noqa: PTH116
        except OSError:
            # It may be pruned by its writer at this moment.
            continue
        # A pipe would be waited for.
        if stat.S_ISREG(status.st_mode):
            found.append((status.st_mtime, match))
    if not found:
        _fail(
            f"no file is named {clean(path)}", "[services.NAME.inference_log] path names the files"
        )
    changed, newest = max(found)
    return Path(newest), changed


def _suffix(file: Path) -> str:
    return file.suffix.lower()


def _parquet(file: Path, features: str | None) -> dict[str, Kind]:
    import pyarrow
    from pyarrow import parquet, types

    schema = parquet.read_schema(file)
    if features is not None:
        if features not in schema.names:
            raise ValueError(f"there is no column {features}")
        nested = schema.field(features).type
        if not types.is_struct(nested):
            raise ValueError(f"column {features} is {nested}, not a struct")
        schema = pyarrow.schema(list(nested))

    def kind(found: Any) -> Kind:
        if types.is_dictionary(found):
            found = found.value_type
        known: tuple[tuple[Any, Kind], ...] = (
            (types.is_boolean, "boolean"),
            (types.is_integer, "integer"),
            (types.is_floating, "number"),
            (types.is_decimal, "number"),
            (types.is_string, "text"),
            (types.is_large_string, "text"),
            (types.is_temporal, "time"),
            (types.is_null, "unknown"),
        )
        return next((name for fits, name in known if fits(found)), "other")

    return {field.name: kind(field.type) for field in schema}


def _json_lines(file: Path, features: str | None) -> dict[str, Kind]:
    start = max(0, file.stat().st_size - MOST_BYTES)
    with file.open("rb") as lines:
        lines.seek(start)
        text = lines.read(MOST_BYTES)
    # The last line may still be being written, and the first of a piece is cut.
    whole = [line for line in text.split(b"\n")[bool(start) : -1] if line.strip()]
    rows = []
    for line in whole[-ROWS:]:
        row = json.loads(line)
        for key in (features or "").split(".") if features else ():
            row = row.get(key) if isinstance(row, dict) else None
        if isinstance(row, dict):
            rows.append(row)
    if whole and not rows:
        raise ValueError(f"no line holds an object{f' {features}' if features else ''}")
    return _kinds(rows)


def _csv(file: Path, features: str | None) -> dict[str, Kind]:
    if features is not None:
        raise ValueError("a CSV file has no nested features: leave out features")
    with file.open(newline="", encoding="utf-8-sig") as lines:
        rows = list(itertools.islice(csv.DictReader(lines), ROWS))
    return _kinds({name: _meant(text) for name, text in row.items() if name} for row in rows)


def _meant(text: Any) -> Any:
    """A CSV field as the value that it is written for."""
    if not isinstance(text, str) or not text:
        return None
    if text.lower() in ("true", "false"):
        return text.lower() == "true"
    for parse in (int, float):
        try:
            return parse(text)
        except ValueError:
            continue
    return text


def _kinds(rows: Iterable[Mapping[str, Any]]) -> dict[str, Kind]:
    found: dict[str, Kind] = {}
    for row in rows:
        for name, value in row.items():
            found[name] = _joined(found.get(name, "unknown"), _kind(value))
    return found


def _kind(value: Any) -> Kind:
    if value is None:
        return "unknown"
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, int):
        return "integer"
    if isinstance(value, float):
        return "number"
    if isinstance(value, str):
        return "time" if _is_time(value) else "text"
    return "other"


def _is_time(text: str) -> bool:
    try:
        datetime.fromisoformat(text)
    except ValueError:
        return False
    return not text.isdigit()


def _joined(one: Kind, other: Kind) -> Kind:
    """What both are; numbers and texts have a wider one."""
    if one == other or other == "unknown":
        return one
    if one == "unknown":
        return other
    if {one, other} == {"integer", "number"}:
        return "number"
    if {one, other} == {"time", "text"}:
        return "text"
    return "other"


_READERS = {
    ".parquet": _parquet,
    ".jsonl": _json_lines,
    ".ndjson": _json_lines,
    ".csv": _csv,
}


def _error(said: str, hint: str | None) -> BackendError:
    return BackendError(f"{_WHAT}: {said}", backend="inference log", operation=_WHAT, hint=hint)


def _fail(said: str, hint: str) -> NoReturn:
    raise _error(said, hint)
