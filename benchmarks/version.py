"""`modeldeck --version` beside `python -c "import typer"`: what a bare prompt of it costs."""

from __future__ import annotations

import sys

from benchmarks.common import Row, interleaved, milliseconds, modeldeck

RUNS = 15


def rows() -> list[Row]:
    took = interleaved(
        {"ours": modeldeck("--version"), "typer": [sys.executable, "-c", "import typer"]}, RUNS
    )
    ratio = took["ours"] / took["typer"]
    beside = f"import typer: {milliseconds(took['typer'])}"
    return [
        Row("modeldeck --version", milliseconds(took["ours"]), beside, ratio, "<= 1.0", ratio <= 1)
    ]
