"""A clean process that forks consoles: the test runner has threads, which must not be forked.

Reads one JSON request a line, answers one a line:
start {task: "module:function", args} → {pid}; wait {pid} → {state: stopped | killed | exited,
code, result}. What is left at the end of the input is killed.
"""

from __future__ import annotations

import contextlib
import gc
import importlib
import json
import os
import signal
import sys
import traceback
from typing import Any


def serve() -> None:
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    pipes: dict[int, int] = {}
    for module in sys.argv[1:]:
        importlib.import_module(module)
    gc.freeze()
    try:
        for line in sys.stdin:
            request = json.loads(line)
            if request["op"] == "start":
                answer: dict[str, Any] = {"pid": _start(request, pipes)}
            else:
                answer = _wait(request["pid"], pipes)
            answers.write(json.dumps(answer) + "\n")
            answers.flush()
    finally:
        for pid in pipes:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)


def _start(request: dict[str, Any], pipes: dict[int, int]) -> int:
    reader, writer = os.pipe()
    pid = os.fork()
    if pid == 0:
        code = 1
        try:
            module, _, name = request["task"].partition(":")
            result = getattr(importlib.import_module(module), name)(**request["args"])
            os.write(writer, json.dumps(result).encode())
            code = 0
        except BaseException:
            os.write(writer, json.dumps(traceback.format_exc()[-20_000:]).encode())
        finally:
            os._exit(code)
    os.close(writer)
    pipes[pid] = reader
    return pid


def _wait(pid: int, pipes: dict[int, int]) -> dict[str, Any]:
    _, status = os.waitpid(pid, os.WUNTRACED)
    if os.WIFSTOPPED(status):
        return {"state": "stopped", "code": None, "result": None}
    with os.fdopen(pipes.pop(pid)) as reader:
        said = reader.read()
    result = json.loads(said) if said else None
    if os.WIFSIGNALED(status):
        return {"state": "killed", "code": os.WTERMSIG(status), "result": None}
    return {"state": "exited", "code": os.WEXITSTATUS(status), "result": result}


if __name__ == "__main__":
    serve()
