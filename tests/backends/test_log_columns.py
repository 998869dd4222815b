"""The newest file of an inference log, in each form that logs come in."""

from __future__ import annotations

import json
import os
from datetime import UTC, datetime
from pathlib import Path

import pytest

from backends.inference_log import columns
from backends.inference_log.columns import read_columns
from core.errors import BackendError


def lines(folder: Path, *rows: object, name: str = "a.jsonl") -> str:
    (folder / name).write_text("".join(json.dumps(row) + "\n" for row in rows))
    return str(folder / "*")


def test_json_lines_with_the_features_inside(folder: Path) -> None:
    path = lines(
        folder,
        {"id": "1", "request": {"features": {"age": 3, "city": "Bonn", "vip": None}}},
        {"id": "2", "request": {"features": {"age": 3.5, "city": None, "extra": [1]}}},
        {"id": "3", "request": None},
    )
    found = read_columns(path, "request.features")
    assert found.columns == {"age": "number", "city": "text", "vip": "unknown", "extra": "other"}
    assert found.file == "a.jsonl"
    assert 0 <= found.age < 60


def test_a_line_that_is_still_being_written_is_left_alone(folder: Path) -> None:
    path = lines(folder, {"age": 1})
    with (folder / "a.jsonl").open("a") as log:
        log.write('{"age": "tex')
    assert read_columns(path, None).columns == {"age": "integer"}


def test_csv_fields_are_what_they_are_written_for(folder: Path) -> None:
    (folder / "a.csv").write_text(
        "age,score,city,vip,at,empty\n1,0.5,7a,true,2026-01-02,\n2,1,,,,\n"
    )
    assert read_columns(str(folder / "*.csv"), None).columns == {
        "age": "integer",
        "score": "number",
        "city": "text",
        "vip": "boolean",
        "at": "time",
        "empty": "unknown",
    }


def test_parquet_says_its_types_itself(folder: Path) -> None:
    arrow = pytest.importorskip("pyarrow")
    from pyarrow import parquet

    features = arrow.StructArray.from_arrays(
        [arrow.array([1.0]), arrow.array([2]), arrow.array(["x"])], names=["age", "visits", "city"]
    )
    now = arrow.array([datetime(2026, 1, 2, tzinfo=UTC)])
    parquet.write_table(
        arrow.table({"ts": now, "ok": [True], "features": features}), folder / "a.parquet"
    )
    path = str(folder / "*.parquet")
    assert read_columns(path, None).columns == {"ts": "time", "ok": "boolean", "features": "other"}
    inside = {"age": "number", "visits": "integer", "city": "text"}
    assert read_columns(path, "features").columns == inside
    with pytest.raises(BackendError, match="no column feature"):
        read_columns(path, "feature")


def test_the_newest_file_counts(folder: Path) -> None:
    lines(folder, {"old": 1}, name="b.jsonl")
    path = lines(folder, {"new": 1}, name="a.jsonl")
    os.utime(folder / "b.jsonl", (1_000_000_000, 1_000_000_000))
    assert read_columns(path, None).columns == {"new": "integer"}
    (folder / "a.jsonl").unlink()
    found = read_columns(path, None)
    assert found.columns == {"old": "integer"}
    assert found.age > 1e8


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("a.parquet", b"no parquet", "a.parquet cannot be read"),
        ("a.jsonl", b"{]\n", "a.jsonl cannot be read"),
        ("a.jsonl", b"[1]\n2\n", "no line holds an object"),
        ("a.csv", b"\xff\xfe\x00", "a.csv cannot be read"),
        ("a.txt", b"", "no Parquet, JSON-lines or CSV"),
        ("a.csv", b"text\n" + b"x" * 200_000 + b"\n", "a.csv cannot be read"),
        ("a.jsonl", b"[" * 100_000 + b"\n", "a.jsonl cannot be read"),
    ],
)
def test_what_cannot_be_read_is_said_by_name(
    folder: Path, name: str, content: bytes, said: str
) -> None:
    (folder / name).write_bytes(content)
    with pytest.raises(BackendError, match=said):
        read_columns(str(folder / "*"), None)


def test_a_long_row_is_cut_at_the_front_of_the_piece_that_is_read(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(columns, "MOST_BYTES", 2000)
    path = lines(folder, *({"vector": [0.5] * 100, "age": n} for n in range(20)))
    assert read_columns(path, None).columns == {"vector": "other", "age": "integer"}


def test_a_pipe_is_no_log(folder: Path) -> None:
    os.mkfifo(folder / "a.jsonl")
    with pytest.raises(BackendError, match="no file is named"):
        read_columns(str(folder / "*.jsonl"), None)


def test_no_file_at_all(folder: Path) -> None:
    with pytest.raises(BackendError, match="no file is named"):
        read_columns(str(folder / "*.parquet"), None)
