"""The state folder as a whole: whose it is, whether a fleet runs in it, and removing it."""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import stat
import time

from core.errors import Refused
from demo.layout import Layout, read_json
from demo.pids import kill_leftovers


def _lock(descriptor: int) -> None:
    """Raises OSError where a fleet has it; whoever only looks has it for a moment."""
    for attempt in range(4):
        try:
            return fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            if attempt == 3:
                raise
            time.sleep(0.05)
    raise AssertionError


class Lock:
    """One fleet per state folder; the lock ends with the process, however it ends."""

    def __init__(self, layout: Layout) -> None:
        self._layout = layout
        self._descriptor: int | None = None

    def take(self) -> None:
        """Raises Refused where another fleet has it."""
        descriptor = os.open(self._layout.lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            _lock(descriptor)
        except OSError as error:
            holder = os.read(descriptor, 32).decode(errors="replace").strip()
            os.close(descriptor)
            who = f" (process {holder})" if holder.isdigit() else ""
            raise Refused(
                f"a demo already runs in {self._layout.state}{who}",
                hint="stop it, or give this one a folder of its own with --state DIR",
            ) from error
        os.ftruncate(descriptor, 0)
        os.write(descriptor, f"{os.getpid()}\n".encode())
        self._descriptor = descriptor

    def release(self) -> None:
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None


def is_running(layout: Layout) -> bool:
    """Whether a fleet runs in the folder."""
    try:
        descriptor = os.open(layout.lock, os.O_RDWR | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError:
        return True
    finally:
        os.close(descriptor)
    return False


def claim(layout: Layout) -> None:
    """Make the folder ours. Raises Refused for a folder with anything else in it."""
    state = layout.state
    try:
        if state.is_dir() and not layout.marker.exists() and any(state.iterdir()):
            raise Refused(
                f"{state} holds files that are not of a demo",
                hint="name an empty or a new folder with --state DIR",
            )
        state.mkdir(mode=0o700, parents=True, exist_ok=True)
        if state.stat().st_uid != os.getuid():
            raise Refused(f"{state} belongs to another account")
    except OSError as error:
        raise Refused(f"{state} cannot be used: {error.strerror or error}") from error


def make_runtime_folder(layout: Layout) -> None:
    """The short folder for a socket. Raises Refused where somebody else got there first."""
    folder = layout.runtime_folder
    with contextlib.suppress(FileExistsError):
        folder.mkdir(mode=0o700)
    found = folder.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid():
        raise Refused(f"{folder} is not a folder of this account")
    folder.chmod(0o700)


def reset(layout: Layout) -> None:
    """Remove the state folder. Raises Refused for one that we did not make, or that is in use."""
    state = layout.state
    if not state.exists():
        return
    marked = read_json(layout.marker)
    if state.is_symlink() or not isinstance(marked, dict) or "modeldeck_demo" not in marked:
        raise Refused(f"{state} is not the state folder of a demo; nothing was removed")
    lock = Lock(layout)
    lock.take()
    try:
        kill_leftovers(layout.pids)
        shutil.rmtree(layout.runtime_folder, ignore_errors=True)
        shutil.rmtree(state)
    except OSError as error:
        raise Refused(f"{state} could not be removed: {error.strerror or error}") from error
    finally:
        lock.release()
