"""The inference log: what went in and came out, as Parquet files of two minutes each.

Labels arrive later, in files of their own that are joined on `request_id`.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

SPAN = 120.0
"""Seconds in one file."""
FIRST = 0.5
"""Seconds in the first one, so that whoever asks what callers send need not wait."""
KEPT = 45
"""Files that stay per writer, so that the disk is bounded: an hour and a half."""
LABEL_DELAY = 60.0
ROW_LIMIT = 20_000
"""Rows in memory; more are written early."""


def file_name(start: float, writer: str) -> str:
    """`20261123T101200Z-blue.parquet`: names sort by time."""
    return f"{time.strftime('%Y%m%dT%H%M%SZ', time.gmtime(start))}-{writer}.parquet"


def prune(folder: Path, writer: str, keep: int = KEPT) -> None:
    """Remove a writer's oldest files."""
    for old in sorted(folder.glob(f"*-{writer}.parquet"))[:-keep]:
        old.unlink(missing_ok=True)


def write_table(folder: Path, writer: str, start: float, table: Any) -> Path:
    """Write a file so that a reader never sees half of one."""
    import pyarrow.parquet as parquet

    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    target = folder / file_name(start, writer)
    hidden = target.with_name(f".{target.name}")
    parquet.write_table(table, hidden, compression="zstd")
    hidden.replace(target)
    prune(folder, writer)
    return target


def answers_table(rows: Sequence[tuple[Any, ...]], names: Sequence[str]) -> Any:
    """The rows with their columns named; `features` is a struct of floats named as the model's."""
    import pyarrow as arrow

    ids, stamps, versions, slots, shadows, features, classes, scores = zip(*rows, strict=True)
    columns = [arrow.array(column, arrow.float64()) for column in zip(*features, strict=True)]
    return arrow.table(
        {
            "request_id": arrow.array(ids, arrow.string()),
            "ts": _times(stamps),
            "version": arrow.array(versions, arrow.string()),
            "slot": arrow.array(slots, arrow.string()),
            "shadow": arrow.array(shadows, arrow.bool_()),
            "features": arrow.StructArray.from_arrays(columns, names=list(names)),
            "prediction": arrow.array(classes, arrow.int64()),
            "score": arrow.array(scores, arrow.float64()),
        }
    )


def labels_table(rows: Sequence[tuple[str, float, int]]) -> Any:
    """request_id, ts (when the label became known), label."""
    import pyarrow as arrow

    ids, stamps, labels = zip(*rows, strict=True)
    return arrow.table(
        {
            "request_id": arrow.array(ids, arrow.string()),
            "ts": _times(stamps),
            "label": arrow.array(labels, arrow.int64()),
        }
    )


def _times(stamps: Sequence[float]) -> Any:
    import pyarrow as arrow

    return arrow.array([int(stamp * 1000) for stamp in stamps], arrow.timestamp("ms", tz="UTC"))


class InferenceLog:
    """Collects a slot's answers and writes them when their two minutes are over."""

    def __init__(self, folder: Path, slot: str) -> None:
        self._folder = folder
        self._slot = slot
        self._rows: list[tuple[Any, ...]] = []
        self._names: tuple[str, ...] = ()
        self._start = time.time()
        self._begun = asyncio.Event()

    def add(
        self,
        request: str,
        at: float,
        version: str,
        shadow: bool,
        names: tuple[str, ...],
        rows: Any,
        classes: Sequence[int],
        scores: Sequence[float],
    ) -> None:
        """One answered request; `at` in seconds since the epoch. Several rows share its id."""
        if len(self._rows) >= ROW_LIMIT:
            # The disk is slow or full: what cannot be kept is left out rather than piled up.
            return
        self._names = names
        self._begun.set()
        for row, kind, score in zip(rows.tolist(), classes, scores, strict=True):
            entry = (request, at, version, self._slot, shadow, row, kind, score)
            self._rows.append(entry)

    async def follow(self) -> None:
        """Write until cancelled, on the clock's own two minutes; the first rows soon."""
        await self._begun.wait()
        await asyncio.sleep(FIRST)
        await self._flush()
        while True:
            now = time.time()
            await asyncio.sleep(SPAN - now % SPAN)
            await self._flush()

    async def close(self) -> None:
        await self._flush()

    async def _flush(self) -> None:
        rows, self._rows = self._rows, []
        start, self._start = self._start, time.time()
        if rows:
            # A full disk must not end the server.
            with contextlib.suppress(OSError):
                await asyncio.to_thread(self._write, rows, self._names, start)

    def _write(self, rows: list[tuple[Any, ...]], names: tuple[str, ...], start: float) -> None:
        write_table(self._folder, self._slot, start, answers_table(rows, names))


class LabelLog:
    """Labels of requests, written in batches once each is `LABEL_DELAY` old."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._waiting: list[tuple[str, float, int]] = []

    def add(self, request: str, at: float, label: int) -> None:
        self._waiting.append((request, at, label))

    def due(self, now: float) -> list[tuple[str, float, int]]:
        """Take out what is old enough, with the time at which it became known."""
        ripe = [one for one in self._waiting if one[1] <= now - LABEL_DELAY]
        self._waiting = [one for one in self._waiting if one[1] > now - LABEL_DELAY]
        return [(request, at + LABEL_DELAY, label) for request, at, label in ripe]

    async def follow(self) -> None:
        """Write until cancelled, once per `SPAN`; the first time as soon as any are due."""
        pause = LABEL_DELAY + 5
        while True:
            await asyncio.sleep(pause)
            pause = SPAN
            rows = self.due(time.time())
            if rows:
                with contextlib.suppress(OSError):
                    await asyncio.to_thread(
                        write_table, self._folder, "labels", rows[0][1], labels_table(rows)
                    )
