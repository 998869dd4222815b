"""Running the console, and leaving it within a second whatever still hangs."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tui.app import ConsoleApp

LEAVE = 0.2
"""Seconds that what is left over gets to end, twice: tasks, then threads."""
SIGNALS = (signal.SIGTERM, signal.SIGHUP, signal.SIGINT)


def run_console(make: Callable[[], ConsoleApp], *, mouse: bool = True) -> int:
    """Run the console that `make` makes until it is left; the exit code.

    Does not return where a backend hangs in a thread: the process then ends here.
    """
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    try:
        code = loop.run_until_complete(_run(make, mouse))
        hanging = _let_go(loop)
    finally:
        asyncio.set_event_loop(None)
    if hanging:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)
    loop.close()
    return code


async def _run(make: Callable[[], ConsoleApp], mouse: bool) -> int:
    app = make()
    loop = asyncio.get_running_loop()
    for number in SIGNALS:
        loop.add_signal_handler(number, lambda: app.call_later(app.action_leave))
    try:
        code = await app.run_async(mouse=mouse)
    finally:
        for number in SIGNALS:
            loop.remove_signal_handler(number)
    return code if code is not None else app.return_code or 0


def _let_go(loop: asyncio.AbstractEventLoop) -> bool:
    """End what is left over; True where something does not end."""
    left = asyncio.all_tasks(loop)
    for task in left:
        task.cancel()
    if left:
        loop.run_until_complete(asyncio.wait(left, timeout=LEAVE))

    async def threads() -> bool:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(loop.shutdown_default_executor(), LEAVE)
            return False
        return True

    return loop.run_until_complete(threads()) or bool(asyncio.all_tasks(loop))
