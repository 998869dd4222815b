"""What a console costs: bytes to the terminal, CPU and memory, measured in a real pty.

`python -m tests.tui.pty_cost` prints the figures for a moving and for a still screen.
"""

from __future__ import annotations

import fcntl
import os
import pty
import select
import signal
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

ROOT = Path(__file__).resolve().parents[2]
TICKS = os.sysconf("SC_CLK_TCK")
SYNC_ANSWER = (b"\x1b[?2026$p", b"\x1b[?2026;2$y")
"""Terminals that can show a frame at once say so, and are sent a few bytes more per frame."""


@dataclass
class Terminal:
    """A program in a pty of its own; a context manager that ends the program."""

    command: Sequence[str]
    columns: int = 120
    lines: int = 36
    extra: dict[str, str] = field(default_factory=dict)

    def __enter__(self) -> Self:
        self.master, slave = pty.openpty()
        self._size(slave, self.columns, self.lines)
        env = {k: v for k, v in os.environ.items() if k not in ("NO_COLOR", "LINES", "COLUMNS")}
        env |= {"TERM": "xterm-256color", "COLORTERM": "truecolor", **self.extra}
        self.process = subprocess.Popen(
            self.command, stdin=slave, stdout=slave, stderr=slave, cwd=ROOT, env=env,
            start_new_session=True,
        )  # fmt: skip
        self.name = os.ttyname(slave)
        os.close(slave)
        self.output = bytearray()
        return self

    def __exit__(self, *_: object) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        os.close(self.master)

    @staticmethod
    def _size(device: int, columns: int, lines: int) -> None:
        fcntl.ioctl(device, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))

    def resize(self, columns: int, lines: int) -> None:
        self.columns, self.lines = columns, lines
        self._size(self.master, columns, lines)
        self.process.send_signal(signal.SIGWINCH)

    def read_for(self, seconds: float, until: bytes | None = None) -> bytes:
        """What is written in that time; earlier where `until` has been written."""
        began, deadline = len(self.output), time.monotonic() + seconds
        while (left := deadline - time.monotonic()) > 0:
            ready, _, _ = select.select([self.master], [], [], left)
            if not ready:
                break
            try:
                data = os.read(self.master, 65536)
            except OSError:
                break
            if not data:
                break
            if SYNC_ANSWER[0] in data:
                self.write(SYNC_ANSWER[1])
            self.output += data
            if until is not None and until in self.output[began:]:
                break
        return bytes(self.output[began:])

    def ends(self, seconds: float) -> float:
        """How long it takes to end; raises TimeoutError where it does not."""
        began = time.monotonic()
        while self.process.poll() is None:
            if time.monotonic() - began > seconds:
                raise TimeoutError(f"still running after {seconds} s")
            self.read_for(0.02)
        took = time.monotonic() - began
        self.read_for(0.1)
        return took

    def hang_up(self) -> None:
        """The line goes away: nobody reads any more, and nobody ever will."""
        os.close(self.master)
        self.master = os.open(os.devnull, os.O_RDWR)

    @contextmanager
    def stuck(self) -> Iterator[None]:
        """Meanwhile the terminal takes nothing, as over a connection that hangs."""
        device = os.open(self.name, os.O_RDWR | os.O_NOCTTY)
        termios.tcflow(device, termios.TCOOFF)
        try:
            yield
        finally:
            termios.tcflow(device, termios.TCOON)
            os.close(device)

    def write(self, data: bytes) -> None:
        os.write(self.master, data)

    def cpu_seconds(self) -> float:
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / TICKS

    def rss_bytes(self) -> int:
        text = Path(f"/proc/{self.process.pid}/status").read_text()
        line = next(line for line in text.splitlines() if line.startswith("VmRSS"))
        return int(line.split()[1]) * 1024


@dataclass(frozen=True, slots=True)
class Cost:
    """Over the measured time, after the first frames have been drawn."""

    bytes_per_second: float
    cpu_share: float
    rss: int
    start_cpu: float
    """CPU seconds from the start to the end of the warm-up."""
    output: bytes = b""


def measure(
    mode: str, seconds: float = 10.0, warm_up: float = 4.0, python: str = sys.executable
) -> Cost:
    """The cost of `tests.tui.pty_console MODE` on a screen of 120 × 36."""
    with Terminal([python, "-m", "tests.tui.pty_console", mode]) as terminal:
        terminal.read_for(30, until=b"UTC")
        terminal.read_for(warm_up)
        start_cpu = terminal.cpu_seconds()
        began = time.monotonic()
        written = terminal.read_for(seconds)
        took = time.monotonic() - began
        used = terminal.cpu_seconds() - start_cpu
        cost = Cost(len(written) / took, used / took, terminal.rss_bytes(), start_cpu, written)
        terminal.write(b"q")
        terminal.read_for(2)
        return cost


if __name__ == "__main__":
    for name in sys.argv[1:] or ("moving", "still"):
        found = measure(name)
        print(
            f"{name:8} {found.bytes_per_second:8.0f} B/s  {found.cpu_share * 100:5.2f} % CPU  "
            f"{found.rss / 1e6:5.1f} MB  start {found.start_cpu:.2f} CPU s"
        )
