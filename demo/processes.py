"""Starting the fleet's processes, keeping them running, and ending them."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from pathlib import Path
from typing import Protocol

from core.text import clean

Say = Callable[[str], None]
FIRST_WAIT = 0.5
LONGEST_WAIT = 10.0
STEADY = 30.0
"""Seconds after which a process counts as having run well."""
LOG_LIMIT = 4 * 1024 * 1024
"""Bytes of a log that are kept when its process is started again; as many are set aside."""


class Running(Protocol):
    """A process that has been started."""

    pid: int

    async def wait(self) -> str:
        """Until it has ended; how, in words."""

    def signal(self, number: int) -> None:
        """Send a signal; nothing where it has ended."""


def ended(code: int) -> str:
    """How a process ended, from what its parent was told: "killed by SIGKILL"."""
    if code >= 0:
        return f"exit status {code}"
    try:
        return f"killed by {signal.Signals(-code).name}"
    except ValueError:
        return f"killed by signal {-code}"


def environment(extra: Mapping[str, str] | None = None) -> dict[str, str]:
    """For every process of the fleet: nothing that points MLflow or a proxy elsewhere."""
    kept = {
        key: value
        for key, value in os.environ.items()
        if not key.lstrip("_").startswith("MLFLOW_") and not key.lower().endswith("_proxy")
    }
    source = str(Path(__file__).resolve().parent.parent)
    inherited = kept.get("PYTHONPATH")
    return {
        **kept,
        "PYTHONPATH": f"{source}{os.pathsep}{inherited}" if inherited else source,
        "PYTHONUNBUFFERED": "1",
        # Rows are scored one at a time: more threads would only fight for the cores.
        "OPENBLAS_NUM_THREADS": "1",
        "OMP_NUM_THREADS": "1",
        **(extra or {}),
    }


def python(*arguments: str) -> list[str]:
    """A command line of this Python; `-P` keeps the working folder out of the imports."""
    return [sys.executable, "-P", *arguments]


def open_log(path: Path) -> int:
    """A descriptor to append to; a log that has grown long is set aside first."""
    if path.exists() and path.stat().st_size > LOG_LIMIT:
        path.replace(path.with_suffix(".log.1"))
    return os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)


def last_words(path: Path) -> str:
    """The last line of a log that is not blank, harmless and short."""
    try:
        lines = path.read_bytes()[-4096:].decode(errors="replace").splitlines()
    except OSError:
        return ""
    return clean(next((line for line in reversed(lines) if line.strip()), ""))[:300]


class Executed:
    """A program of its own, which dies with this process."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.process = process
        self.pid = process.pid

    async def wait(self) -> str:
        return ended(await self.process.wait())

    def signal(self, number: int) -> None:
        if self.process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                self.process.send_signal(number)


async def execute(
    command: Sequence[str],
    *,
    log: Path,
    folder: Path,
    extra: Mapping[str, str] | None = None,
    pipes: bool = False,
) -> Executed:
    """Start a program in a session of its own, so that Ctrl-C reaches only the supervisor.

    With `pipes` its standard input and output are pipes, else the output goes to the log too.
    """
    descriptor = open_log(log)
    try:
        process = await asyncio.create_subprocess_exec(
            *python("-S", "-m", "demo.child", str(os.getpid())),
            *command,
            stdin=asyncio.subprocess.PIPE if pipes else asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE if pipes else descriptor,
            stderr=descriptor,
            cwd=folder,
            env=environment(extra),
            start_new_session=True,
        )
    finally:
        os.close(descriptor)
    return Executed(process)


class Keeper:
    """Keeps one process running: says when it died, and starts it again with growing waits."""

    def __init__(
        self,
        name: str,
        start: Callable[[], Awaitable[Running]],
        say: Say,
        on_start: Callable[[str, int], None],
        on_end: Callable[[int], None],
    ) -> None:
        self.name = name
        self.running: Running | None = None
        self.deaths = 0
        self._start = start
        self._say = say
        self._on_start = on_start
        self._on_end = on_end
        self._closing = False
        self._wanted = asyncio.Event()
        self._wanted.set()
        self._task: asyncio.Task[None] | None = None
        self._pause: asyncio.Event = asyncio.Event()

    def begin(self) -> None:
        self._task = asyncio.create_task(self._keep(), name=f"keep {self.name}")

    async def _keep(self) -> None:
        wait = FIRST_WAIT
        while True:
            await self._wanted.wait()
            if self._closing:
                return
            began = time.monotonic()
            try:
                running = await self._start()
            except OSError as error:
                why = str(error)
            else:
                self.running = running
                self._on_start(self.name, running.pid)
                if self._closing or not self._wanted.is_set():
                    # Whoever wanted it gone looked before there was anything to end.
                    running.signal(signal.SIGKILL)
                why = await running.wait()
                self.running = None
                self._on_end(running.pid)
            if self._closing or not self._wanted.is_set():
                wait = FIRST_WAIT
                continue
            self.deaths += 1
            if time.monotonic() - began > STEADY:
                wait = FIRST_WAIT
            self._say(f"{self.name} ended ({clean(why)}); starting it again in {wait:g} s")
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._pause.wait(), wait)
            wait = min(wait * 2, LONGEST_WAIT)

    @property
    def held(self) -> bool:
        """Whether it is meant to be down."""
        return not self._wanted.is_set()

    def hold(self, number: int = signal.SIGKILL) -> None:
        """End it, and leave it so until `release`."""
        self._wanted.clear()
        if self.running:
            self.running.signal(number)

    def release(self) -> None:
        self._wanted.set()

    def let_go(self) -> None:
        """It is not started again, and its end is no news."""
        self._closing = True

    async def stop(self, grace: float) -> None:
        """Ask it to end, and kill it after `grace` seconds."""
        self.let_go()
        self._wanted.set()
        self._pause.set()
        task = self._task
        if task is None:
            return
        if self.running:
            self.running.signal(signal.SIGTERM)
        done, _ = await asyncio.wait({task}, timeout=grace)
        if not done:
            if self.running:
                self.running.signal(signal.SIGKILL)
            done, _ = await asyncio.wait({task}, timeout=1.0)
        if not done:
            task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
