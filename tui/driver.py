"""The terminal as something that may hang or go away, while a plan is being applied."""

from __future__ import annotations

from contextlib import suppress
from queue import Full
from typing import TYPE_CHECKING, Any

from textual.drivers.linux_driver import LinuxDriver

if TYPE_CHECKING:
    from textual.drivers._writer_thread import WriterThread

MOST_WAITING = 20
"""Writes that may wait for a terminal that takes none; Textual itself would stop at thirty, and
with it everything else that the console does."""
GOODBYE = 0.3
"""Seconds that a terminal gets to take the last writes."""


class SteadyDriver(LinuxDriver):
    """Drops frames that nobody takes, and tells the app when its terminal is gone."""

    def __init__(self, app: Any, **how: Any) -> None:
        super().__init__(app, **how)
        self._file: Any = _Unbroken(self._file, self._gone)
        self._dropped = False

    def write(self, data: str) -> None:
        writer = self._writer_thread
        if writer is None or writer._queue.qsize() >= MOST_WAITING:
            self._dropped = writer is not None
            return
        writer.write(data)
        if self._dropped:
            # Pieces are missing on the screen: the next picture is a whole one.
            self._dropped = False
            self._app.call_later(self._app.screen.refresh)

    def close(self) -> None:
        if self._writer_thread is not None:
            _end(self._writer_thread)

    def _run_input_thread(self) -> None:
        try:
            self.run_input_thread()
        except OSError:
            self._gone()
        except Exception as error:
            self._app.call_later(self._app._handle_exception, error)

    def _gone(self) -> None:
        console: Any = self._app
        console.call_later(console.hang_up)


def _end(writer: WriterThread) -> None:
    """Without waiting for a terminal that takes nothing any more."""
    with suppress(Full):
        writer._queue.put_nowait(None)
    writer.join(GOODBYE)


class _Unbroken:
    """A file whose other end may be gone: writes then do nothing."""

    def __init__(self, file: Any, gone: Any) -> None:
        self._file, self._tell, self._broken = file, gone, False

    def write(self, text: str) -> None:
        self._try(self._file.write, text)

    def flush(self) -> None:
        self._try(self._file.flush)

    def _try(self, act: Any, *args: str) -> None:
        if self._broken:
            return
        try:
            act(*args)
        except (OSError, ValueError):
            self._broken = True
            self._tell()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._file, name)
