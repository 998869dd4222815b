"""A fleet on one MLflow server, as the overview reads it, beside the same with a call per model.

What is compared is the CPU time of the server: it is the one that a large registry keeps waiting.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import sqlite3
import statistics
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from pathlib import Path

import httpx

from backends.base import Context
from backends.registry.mlflow import MlflowRegistry, Options, open_backend
from backends.registry.mlflow_calls import API
from benchmarks.common import Row
from commands.configfile import Loaded, parse
from commands.deck import Deck
from commands.sources.fleet import read_fleet
from tests.live.servers import mlflow_server

MODELS, VERSIONS = 500, 20
ROUNDS = 3
_LONG = 60.0


def rows() -> list[Row]:
    with tempfile.TemporaryDirectory(prefix="modeldeck-registry-") as name:
        folder = Path(name)
        with mlflow_server(folder) as url:
            # The tables are made with the first question.
            httpx.get(f"{url}{API}/registered-models/search", timeout=_LONG, trust_env=False)
            names = _fill(folder / "mlflow.db")
            return asyncio.run(_measured(folder, url, names))


async def _measured(folder: Path, url: str, names: Sequence[str]) -> list[Row]:
    services = "".join(f'[services."{name}"]\nmodel = "{name}"\n' for name in names)
    journal = f'[journal]\npath = "{folder / "journal.db"}"\n'
    registry = f'[registry]\nkind = "mlflow"\nurl = "{url}"\ntimeout = "{_LONG:g}s"\n'
    loaded = Loaded(parse(registry + journal + services, "benchmark"), None)
    server = _server(url)
    whole: list[float] = []
    each: list[float] = []
    bare: list[float] = []
    async with Deck(loaded) as deck:
        one = open_backend(Options(url, timeout=_LONG), Context())

        async def fleet() -> None:
            seen = await read_fleet(deck)
            if [status.champion for status in seen.services] != [str(VERSIONS)] * MODELS:
                raise RuntimeError("the fleet was not read as it was filled")

        async def per_model() -> None:
            for name in names:
                if (await one.model(name)).aliases != {"champion": str(VERSIONS)}:
                    raise RuntimeError(f"{name} was not read as it was filled")

        try:
            await fleet()  # What the server compiles or caches at first is not counted.
            await one.model(names[0])
            for _ in range(ROUNDS):
                whole.append(await _cpu(server, fleet))
                each.append(await _cpu(server, per_model))
                bare.append(await _cpu(server, lambda: _aliases(one, names)))
        finally:
            await one.close()
    what, ours = f"{MODELS} models of {VERSIONS} versions, fleet", statistics.median(whole)
    made = []
    for taken, name, target in (
        (each, "versions and aliases per model", 5.0),
        (bare, "aliases per model", None),
    ):
        beside = statistics.median(taken)
        ratio = beside / ours
        made.append(
            Row(
                what,
                f"{ours:.2f} s CPU of the server",
                f"{name}: {beside:.2f} s",
                ratio,
                f">= {target:g}" if target else "",
                ratio >= target if target else None,
            )
        )
    return made


async def _aliases(registry: MlflowRegistry, names: Sequence[str]) -> None:
    for name in names:
        await registry.aliases([name])


async def _cpu(server: int, ask: Callable[[], Awaitable[None]]) -> float:
    before = _used(server)
    await ask()
    return _used(server) - before


def _used(process: int) -> float:
    """User and system seconds of a process so far."""
    fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _server(url: str) -> int:
    """The process that was started to listen at the URL."""
    port = url.rpartition(":")[2]
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):
            words = path.read_bytes().split(b"\0")
            if b"mlflow.server.fastapi_app:app" in words and port.encode() in words:
                return int(path.parent.name)
    raise RuntimeError(f"no process serves {url}")


def _fill(database: Path) -> list[str]:
    """Straight into the server's tables: over its interface it would take minutes."""
    names = [f"model-{number:03d}" for number in range(MODELS)]
    now = int(time.time() * 1000)
    numbers = range(1, VERSIONS + 1)
    with contextlib.closing(sqlite3.connect(database, timeout=30)) as db, db:
        _insert(
            db,
            "registered_models",
            ({"name": n, "creation_time": now, "last_updated_time": now} for n in names),
        )
        _insert(
            db,
            "model_versions",
            (
                {
                    "name": n, "version": v, "creation_time": now, "last_updated_time": now,
                    "current_stage": "None", "source": "s3://bucket/model", "status": "READY",
                }
                for n in names
                for v in numbers
            ),
        )  # fmt: skip
        _insert(
            db,
            "model_version_tags",
            (
                {"name": n, "version": v, "key": key, "value": value}
                for n in names
                for v in numbers
                for key, value in (
                    ("stage", "Production" if v == VERSIONS else "Archived"),
                    ("team", "risk"),
                    ("validated", "yes"),
                )
            ),
        )
        _insert(
            db,
            "registered_model_aliases",
            ({"name": n, "alias": "champion", "version": VERSIONS} for n in names),
        )
    return names


def _insert(db: sqlite3.Connection, table: str, rows: Iterator[dict[str, object]]) -> None:
    for row in rows:
        marks = ", ".join("?" for _ in row)
        text = f"INSERT INTO {table} ({', '.join(row)}) VALUES ({marks})"
        db.execute(text, tuple(row.values()))
