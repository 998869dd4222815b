"""The list of processes that a fleet started, so that the next start can clear up after it.

A process is known by its id together with the moment it started, since ids are used again.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from demo.layout import read_json, write_json

LINUX = sys.platform == "linux"


def birth(pid: int) -> str | None:
    """When a process started, in words of the system's own; None where there is no such one."""
    if LINUX:
        try:
            stat = Path(f"/proc/{pid}/stat").read_text()
            boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
        except OSError:
            return None
        # The name in brackets may itself hold blanks and brackets.
        fields = stat[stat.rindex(")") + 2 :].split()
        return None if fields[0] == "Z" else f"{boot}/{fields[19]}"
    return _ps(pid)


def _ps(pid: int) -> str | None:
    answer = subprocess.run(
        ["ps", "-o", "lstart=", "-p", str(pid)], check=False, capture_output=True, text=True
    )
    return answer.stdout.strip() or None


class PidFile:
    """Keeps the list on disk in step with what runs."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._known: dict[int, tuple[str, str]] = {}

    def add(self, name: str, pid: int) -> None:
        born = birth(pid)
        if born:
            self._known[pid] = (name, born)
            self._write()

    def discard(self, pid: int) -> None:
        if self._known.pop(pid, None):
            self._write()

    def clear(self) -> None:
        self._known.clear()
        self._path.unlink(missing_ok=True)

    def _write(self) -> None:
        entries = [
            {"name": name, "pid": pid, "born": born} for pid, (name, born) in self._known.items()
        ]
        write_json(self._path, entries)


def kill_leftovers(path: Path, patience: float = 3.0) -> list[str]:
    """End what an earlier fleet left running; the names of what was ended.

    Only processes that are still the ones in the list are touched.
    """
    entries = read_json(path)
    left: dict[int, tuple[str, str]] = {}
    for entry in entries if isinstance(entries, list) else []:
        try:
            name, pid, born = str(entry["name"]), int(entry["pid"]), str(entry["born"])
        except (KeyError, TypeError, ValueError):
            continue
        if pid > 1 and pid != os.getpid() and birth(pid) == born:
            left[pid] = (name, born)
    for pid in left:
        with contextlib.suppress(OSError):
            os.kill(pid, signal.SIGKILL)
    deadline = time.monotonic() + patience
    while time.monotonic() < deadline and any(birth(p) == born for p, (_, born) in left.items()):
        time.sleep(0.02)
    path.unlink(missing_ok=True)
    return [name for name, _ in left.values()]
