"""Consoles as processes of their own, forked by a zygote and told apart by their pid."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any

ROOT = Path(__file__).parents[3]


@dataclass(frozen=True)
class Ended:
    """How a console ended, or that it stands still."""

    state: str
    code: int | None
    result: Any


class Zygote:
    """Starts functions of a module in processes of their own."""

    def __init__(self, *modules: str) -> None:
        self._child = subprocess.Popen(
            [sys.executable, "-m", "tests.commands.harness.zygote", *modules],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def __enter__(self) -> Zygote:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        tb: TracebackType | None,
    ) -> None:
        assert self._child.stdin is not None
        assert self._child.stdout is not None
        self._child.stdin.close()
        self._child.stdout.close()
        self._child.wait(10)

    def start(self, task: str, **args: Any) -> int:
        return int(self._ask({"op": "start", "task": task, "args": args})["pid"])

    def wait(self, pid: int) -> Ended:
        """Until it has ended or stands still. What it raised fails the test."""
        ended = Ended(**self._ask({"op": "wait", "pid": pid}))
        assert ended.code != 1, ended.result
        return ended

    def run(self, task: str, **args: Any) -> Ended:
        return self.wait(self.start(task, **args))

    def wake(self, pid: int) -> Ended:
        os.kill(pid, signal.SIGCONT)
        return self.wait(pid)

    def _ask(self, request: dict[str, Any]) -> dict[str, Any]:
        assert self._child.stdin is not None
        assert self._child.stdout is not None
        self._child.stdin.write(json.dumps(request) + "\n")
        self._child.stdin.flush()
        answer: dict[str, Any] = json.loads(self._child.stdout.readline())
        return answer
