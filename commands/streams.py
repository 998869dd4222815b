"""Standard output and error whose reader may go away at any time: `modeldeck status | head -1`."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterator
from typing import Any


class Forgiving:
    """A stream that goes on into nothing once nobody reads it any more.

    What a command did, and the exit code that says so, must not depend on who still listens.
    """

    def __init__(self, stream: Any) -> None:
        self._stream = stream
        self.gone = False

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    def write(self, text: str) -> int:
        try:
            return int(self._stream.write(text))
        except BrokenPipeError:
            self._lost()
            return len(text)

    def flush(self) -> None:
        try:
            self._stream.flush()
        except BrokenPipeError:
            self._lost()

    def _lost(self) -> None:
        self.gone = True
        # What is still buffered would be complained about when the program ends.
        with contextlib.suppress(OSError, ValueError):
            nothing = os.open(os.devnull, os.O_WRONLY)
            try:
                os.dup2(nothing, self._stream.fileno())
            finally:
                os.close(nothing)


@contextlib.contextmanager
def forgiving() -> Iterator[None]:
    """Both streams are forgiving inside; a terminal is left alone, it has no reader to lose."""
    before = sys.stdout, sys.stderr
    with contextlib.ExitStack() as opened:
        for name in ("stdout", "stderr"):
            stream = getattr(sys, name)
            if stream is None:  # It was closed before the program began.
                stream = opened.enter_context(open(os.devnull, "w", encoding="utf-8"))  # noqa: PTH123
            if not stream.isatty():
                setattr(sys, name, Forgiving(stream))
        try:
            yield
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            sys.stdout, sys.stderr = before


def nobody_reads() -> bool:
    """Whether the reader of standard output was seen to be gone."""
    return bool(getattr(sys.stdout, "gone", False))
