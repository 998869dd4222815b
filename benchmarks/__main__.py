"""`python -m benchmarks [NAME ...] [--state DIR]`: the table, with the ratio of each pair.

The names are version, console, registry, status, rollback, shifts and polled; all without any. The
fleet that the last four need runs in DIR, or in a folder that is removed at the end; its first
start takes most of a minute. Close what else keeps the machine busy: time-outs are real.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from benchmarks.common import Row, fleet

WITHOUT = ("version", "console", "registry")
ON_FLEET = ("status", "rollback", "shifts", "polled")


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help="which; all without any")
    parser.add_argument("--state", type=Path, help="where the embedded fleet lives")
    options = parser.parse_args()
    wanted = options.names or [*WITHOUT, *ON_FLEET]
    for name in wanted:
        if name not in (*WITHOUT, *ON_FLEET):
            parser.error(f"there is no benchmark {name!r}")
    with tempfile.TemporaryDirectory(prefix="modeldeck-bench-") as folder:
        # What an installed program finds compiled is compiled here too, and beside the sources.
        os.environ["PYTHONPYCACHEPREFIX"] = f"{folder}/compiled"
        os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
        rows = _run(wanted, options.state or Path(folder) / "fleet")
    missed = [row for row in rows if row.held is False]
    print(f"{len(rows)} figures, {len(missed)} beside their target")
    return 1 if missed else 0


def _run(wanted: Sequence[str], state: Path) -> list[Row]:
    rows: list[Row] = []
    _line("", "measured", "beside", "ratio", "target", "")
    with contextlib.ExitStack() as stack:
        config: Path | None = None
        for name in wanted:
            if name in ON_FLEET and config is None:
                print(f"(an embedded fleet in {state})", file=sys.stderr)
                config = stack.enter_context(fleet(state))
            for row in _benchmark(name, config):
                rows.append(row)
                _print(row)
    return rows


def _benchmark(name: str, config: Path | None) -> list[Row]:
    if name == "version":
        from benchmarks import version

        return version.rows()
    if name == "console":
        from benchmarks import console

        return console.rows()
    if name == "registry":
        from benchmarks import registry

        return registry.rows()
    assert config is not None
    if name == "status":
        from benchmarks import status

        return status.rows(config)
    if name == "rollback":
        from benchmarks import rollback

        return rollback.rows(config)
    if name == "shifts":
        from benchmarks import shifts

        return shifts.rows(config)
    from benchmarks import polled

    return polled.rows(config)


def _print(row: Row) -> None:
    ratio = "" if row.ratio is None else f"{row.ratio:.2f}"
    verdict = {True: "held", False: "MISSED", None: ""}[row.held]
    _line(row.what, row.measured, row.beside, ratio, row.target, verdict)


def _line(*cells: str) -> None:
    widths = (44, 30, 44, 6, 12, 6)
    print("  ".join(f"{cell:{width}}" for cell, width in zip(cells, widths, strict=True)).rstrip())


if __name__ == "__main__":
    sys.exit(main())
