"""`modeldeck status -o json` beside a bare Typer program that makes the same requests."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path

from benchmarks.common import ROOT, Row, interleaved, milliseconds, modeldeck

RUNS = 15
_LEAN = (
    "import runpy, sys; sys.modules['httpx._main'] = None; "
    "runpy.run_module('benchmarks.bare_status', run_name='__main__')"
)
"""The bare program with what modeldeck leaves out of httpx left out too."""


def rows(config: Path) -> list[Row]:
    words = ["--config", str(config), "status", "-o", "json"]
    with tempfile.TemporaryDirectory() as folder:
        recorded = Path(folder) / "recorded.json"
        recorded.write_text(_python("-m", "benchmarks.recorded", *words))
        bare = [sys.executable, "-m", "benchmarks.bare_status", str(recorded)]
        count = _check(recorded, bare)
        lean = [sys.executable, "-c", _LEAN, str(recorded)]
        took = interleaved({"ours": modeldeck(*words), "bare": bare, "lean": lean}, RUNS)
    what, ours = f"modeldeck status -o json, {count} requests", milliseconds(took["ours"])
    made = []
    for other, name in (("bare", "bare Typer and httpx"), ("lean", "without httpx's own program")):
        ratio = took["ours"] / took[other]
        beside = f"{name}: {milliseconds(took[other])}"
        made.append(Row(what, ours, beside, ratio, "<= 1.5", ratio <= 1.5))
    return made


def _check(recorded: Path, bare: list[str]) -> int:
    """How many requests both make. Raises RuntimeError where they do not do the same."""
    ours = json.loads(recorded.read_text())
    if "data" not in json.loads(ours["answer"]) or not ours["requests"]:
        raise RuntimeError(f"modeldeck status did not answer: {ours['answer'][:300]}")
    if any(socket is not None for socket, _, _ in ours["requests"]):
        raise RuntimeError("modeldeck status asks a unix socket, which the bare program does not")
    theirs = json.loads(_python(*bare[1:]))
    if (theirs["requests"], theirs["routes"]) != (len(ours["requests"]), len(ours["files"])):
        raise RuntimeError(f"the two do not ask the same: {ours['requests']}, {theirs}")
    return len(ours["requests"])


def _python(*words: str) -> str:
    done = subprocess.run(
        [sys.executable, *words], cwd=ROOT, check=True, capture_output=True, text=True
    )
    return done.stdout
