"""Running the console, and leaving it within a second whatever still hangs."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
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
    threads = ThreadPoolExecutor(thread_name_prefix="console")
    loop.set_default_executor(threads)
    asyncio.set_event_loop(loop)
    try:
        code = loop.run_until_complete(_run(make, mouse))
        tasks_ended = _end_tasks(loop)
    finally:
        asyncio.set_event_loop(None)
    if not (_end_threads(threads) and tasks_ended):
        sys.stdout.flush()
        sys.stderr.flush()
        # The interpreter would wait for the threads for as long as they hang.
        os._exit(code)
    loop.close()
    return code


async def _run(make: Callable[[], ConsoleApp], mouse: bool) -> int:
    app = make()
    loop = asyncio.get_running_loop()
    for number in SIGNALS:
        loop.add_signal_handler(number, lambda: app.call_later(app.hang_up))
    try:
        code = await app.run_async(mouse=mouse)
    finally:
        for number in SIGNALS:
            loop.remove_signal_handler(number)
    return app.return_code or code or 0


def _end_tasks(loop: asyncio.AbstractEventLoop) -> bool:
    """Cancel what is left over; whether all of it ended."""
    left = asyncio.all_tasks(loop)
    for task in left:
        task.cancel()
    if left:
        loop.run_until_complete(asyncio.wait(left, timeout=LEAVE))
    return not asyncio.all_tasks(loop)


def _end_threads(pool: ThreadPoolExecutor) -> bool:
    """Let idle threads go; whether none is left that the interpreter would wait for."""
    pool.shutdown(wait=False, cancel_futures=True)
    deadline = time.monotonic() + LEAVE
    for thread in threading.enumerate():
        # Textual's writer is a daemon, and the interpreter cannot end while it holds the terminal.
        waited_for = not thread.daemon or thread.name == "textual-output"
        if waited_for and thread is not threading.current_thread():
            thread.join(max(0.0, deadline - time.monotonic()))
            if thread.is_alive():
                return False
    return True
