"""The small shared part: a row of the table, CPU time of whole processes, the embedded fleet."""

from __future__ import annotations

import contextlib
import os
import signal
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
START_SECONDS = 300.0
"""The first start of a fleet trains its models."""


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table."""

    what: str
    measured: str
    beside: str = ""
    """What it was held against, measured in the same run."""
    ratio: float | None = None
    target: str = ""
    held: bool | None = None
    """Whether the target was met; None where there is none."""


def cpu_seconds(command: Sequence[str], env: Mapping[str, str] | None = None) -> float:
    """User and system time of one run of a program, with the children that it waited for."""
    process = subprocess.Popen(
        command, cwd=ROOT, env=env, stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode < 0:
        raise RuntimeError(f"{command[0]} was ended by signal {-process.returncode}")
    return usage.ru_utime + usage.ru_stime


def interleaved(commands: Mapping[str, Sequence[str]], runs: int) -> dict[str, float]:
    """The median CPU seconds of each command, run in turn, so that a busy machine hits them alike."""
    taken: dict[str, list[float]] = {name: [] for name in commands}
    for command in commands.values():
        cpu_seconds(command)  # What is compiled or cached by the first run is not counted.
    for _ in range(runs):
        for name, command in commands.items():
            taken[name].append(cpu_seconds(command))
    return {name: statistics.median(values) for name, values in taken.items()}


def modeldeck(*words: str) -> list[str]:
    """The installed program, as a person starts it."""
    return [str(Path(sys.executable).parent / "modeldeck"), *words]


def milliseconds(seconds: float) -> str:
    return f"{seconds * 1000:.0f} ms CPU"


@contextlib.contextmanager
def fleet(state: Path) -> Iterator[Path]:
    """The config of an embedded fleet that runs meanwhile; one that runs there already is used."""
    config = state / "modeldeck.toml"
    if _answers(config):
        yield config
        return
    with (state.parent / f"{state.name}.log").open("ab") as log:
        process = subprocess.Popen(
            modeldeck("demo", "--headless", "--state", str(state)),
            cwd=ROOT, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=log,
        )  # fmt: skip
    assert process.stdout is not None
    try:
        # The path of the config is printed once everything is up.
        if not process.stdout.readline().strip():
            raise RuntimeError(f"the fleet did not start: see {log.name}")
        yield config
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(60)
        process.stdout.close()


def _answers(config: Path) -> bool:
    if not config.exists():
        return False
    import tomllib

    import httpx

    url = tomllib.loads(config.read_text())["registry"]["url"]
    try:
        return httpx.get(f"{url}/health", timeout=2, trust_env=False).status_code == 200
    except httpx.HTTPError:
        return False


def wait_for(condition: object, seconds: float, what: str) -> None:
    """Poll a callable until it is true. Raises TimeoutError."""
    assert callable(condition)
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError(f"{what}: not within {seconds:g} s")
        time.sleep(0.05)
