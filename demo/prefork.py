"""`python -m demo.prefork`: loads scikit-learn once and forks a model server per slot from it.

Importing it costs seconds of CPU and 150 MB; forked, the servers share both, and a slot that
died is back in a fraction of a second. Orders come as JSON lines on standard input, what
happened goes as JSON lines to standard output.
"""

from __future__ import annotations

import contextlib
import gc
import json
import os
import select
import signal
import sys
from importlib import import_module
from importlib.abc import MetaPathFinder
from pathlib import Path
from typing import Any, NoReturn

from demo.child import die_with
from demo.processes import open_log

LIBRARIES = (
    "sklearn.linear_model",
    "sklearn.pipeline",
    "skops.io",
    "pyarrow.parquet",
    "httpx",
    "uvicorn",
    "demo.model_server",
)
"""Everything that a model server needs, so that it is there before the fork."""
NEEDLESS = frozenset({"pandas", "pytest"})
"""scikit-learn, skops and pyarrow import these wherever they are installed, for seconds of CPU
in every process; rows arrive here as arrays."""


class Without(MetaPathFinder):
    """Makes some packages look as if they were not installed."""

    def find_spec(self, name: str, *_: Any) -> None:
        if name.partition(".")[0] in NEEDLESS:
            raise ModuleNotFoundError(f"{name} is not used here", name=name)


def load_libraries() -> None:
    sys.meta_path.insert(0, Without())
    for name in LIBRARIES:
        import_module(name)


def serve(order: dict[str, Any], host: int) -> NoReturn:
    """In the forked child: become the model server of one slot."""
    status = 1
    try:
        die_with(host)
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        null, log = os.open(os.devnull, os.O_RDONLY), open_log(Path(order["log"]))
        os.dup2(null, 0)
        os.dup2(log, 1)
        os.dup2(log, 2)
        from demo.model_server import main

        status = main(order["arguments"])
    except SystemExit as error:
        status = error.code if isinstance(error.code, int) else 1
    except BaseException:
        import traceback

        traceback.print_exc()
    finally:
        with contextlib.suppress(OSError, ValueError):
            sys.stdout.flush()
            sys.stderr.flush()
        # Not through the interpreter's exit: that belongs to the process it was forked from.
        os._exit(status)


def tell(**event: Any) -> None:
    os.write(1, json.dumps(event).encode() + b"\n")


def reap(children: set[int]) -> None:
    while children:
        try:
            pid, status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return
        if pid == 0:
            return
        children.discard(pid)
        tell(ended=pid, code=os.waitstatus_to_exitcode(status))


def follow(order: dict[str, Any], children: set[int]) -> None:
    if "fork" in order:
        host = os.getpid()
        pid = os.fork()
        if pid == 0:
            serve(order, host)
        children.add(pid)
        tell(forked=order["fork"], pid=pid)
    elif "signal" in order and order["pid"] in children:
        # Still ours and not yet waited for, so its id cannot have been given to another.
        os.kill(order["pid"], order["signal"])


def main() -> None:
    load_libraries()
    # What is loaded by now never becomes garbage; left alone its pages stay shared.
    gc.collect()
    gc.freeze()
    woken, wake = os.pipe()
    os.set_blocking(wake, False)
    signal.set_wakeup_fd(wake)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    children: set[int] = set()
    pending = b""
    tell(ready=os.getpid())
    while True:
        readable, _, _ = select.select([0, woken], [], [])
        if woken in readable:
            os.read(woken, 4096)
            reap(children)
        if 0 in readable:
            received = os.read(0, 65536)
            if not received:
                break
            *lines, pending = (pending + received).split(b"\n")
            for line in lines:
                follow(json.loads(line), children)
    for pid in children:
        os.kill(pid, signal.SIGTERM)


if __name__ == "__main__":
    main()
