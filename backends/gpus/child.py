"""The sampler as a child process that nobody ever waits for.

A process that is stuck in the driver does not die before the driver lets it go, not even killed.
So it is started without any object that would wait for it, in whichever thread, or complain that
it still runs; it is reaped when it happens to be dead.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from backends.gpus.wire import parse_line

_LONGEST_LINE = 4 * 1024 * 1024


class Child:
    """One sampler. `on_message` gets each message; after the last one `ended` is true."""

    def __init__(
        self, arguments: Sequence[str], on_message: Callable[[Mapping[str, Any]], None]
    ) -> None:
        """Starts it. Raises OSError where the system cannot."""
        self.started = time.monotonic()
        self.ended = False
        self.status: int | None = None
        """Its exit code once it is reaped, negative for a signal."""
        self._on_message = on_message
        self._buffer = b""
        self._loop = asyncio.get_running_loop()
        its_input, self._stdin = os.pipe()
        self._stdout, its_output = os.pipe()
        try:
            self.pid = os.posix_spawn(
                sys.executable,
                [sys.executable, "-I", *arguments],
                os.environ,
                file_actions=[
                    (os.POSIX_SPAWN_DUP2, its_input, 0),
                    (os.POSIX_SPAWN_DUP2, its_output, 1),
                    (os.POSIX_SPAWN_OPEN, 2, os.devnull, os.O_WRONLY, 0),
                ],
                # Not in the group that the terminal's ctrl-c goes to: its end is ours to choose.
                setpgroup=0,
            )
        except OSError:
            os.close(self._stdin)
            os.close(self._stdout)
            raise
        finally:
            os.close(its_input)
            os.close(its_output)
        os.set_blocking(self._stdout, False)
        self._loop.add_reader(self._stdout, self.read)

    def read(self) -> None:
        """Hands on what it has written so far, without waiting."""
        while not self.ended:
            try:
                chunk = os.read(self._stdout, 65536)
            except BlockingIOError:
                return
            except OSError:
                chunk = b""
            lines = (self._buffer + chunk).split(b"\n")
            self._buffer = lines.pop()
            for line in lines:
                message = parse_line(line)
                if message is not None:
                    self._on_message(message)
            if not chunk or len(self._buffer) > _LONGEST_LINE:
                self.leave()
                self._on_message({})

    def leave(self) -> None:
        """Ends it, without waiting until it is dead."""
        if self.ended:
            return
        self.ended = True
        # Its own loop may be closed already, and then watches nothing any more.
        if not self._loop.is_closed():
            self._loop.remove_reader(self._stdout)
        os.close(self._stdin)
        os.close(self._stdout)
        if not self.reap():
            with contextlib.suppress(OSError):
                os.kill(self.pid, signal.SIGKILL)

    def reap(self) -> bool:
        """Whether it is dead; never waits."""
        if self.status is None:
            try:
                pid, status = os.waitpid(self.pid, os.WNOHANG)
            except ChildProcessError:
                pid, status = self.pid, 0
            if pid:
                self.status = os.waitstatus_to_exitcode(status)
        return self.status is not None
