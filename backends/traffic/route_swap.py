"""Replacing a route file in one step, and only while it still holds what was read.

Everything here blocks and belongs in a thread.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import stat
import threading
import time
from collections.abc import Iterator
from pathlib import Path

LARGEST = 32 * 1024 * 1024
"""Bytes of a route file."""


def read(path: Path) -> bytes:
    """Raises OSError; a fifo or a device is none, since reading it could block for ever."""
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    with os.fdopen(descriptor, "rb") as file:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            raise OSError(None, "it is no regular file")
        if status.st_size > LARGEST:
            raise OSError(None, f"it is larger than {LARGEST} bytes")
        return file.read()


def replace(
    path: Path, expected: bytes, new: bytes, *, timeout: float, stop: threading.Event
) -> bool:
    """Put `new` in the file's place if it still holds `expected`; whether that was done.

    Written beside it, made durable, then renamed under a lock that is held for the comparison
    and the rename alone: a console that is frozen meanwhile keeps the others out for as short as
    can be. The new file has the owner and mode of the old one. Raises OSError with nothing
    changed, TimeoutError where the lock was not to be had within `timeout` seconds.
    """
    status = path.lstat()
    if stat.S_ISLNK(status.st_mode):
        raise OSError(None, "it is a symbolic link, which whoever made it will make again")
    temporary = _write_beside(path, new, status)
    try:
        with _locked(path, status, timeout):
            if stop.is_set() or read(path) != expected:
                return False
            temporary.rename(path)
            return True
    finally:
        with contextlib.suppress(FileNotFoundError):
            temporary.unlink()


def sync_folder(path: Path) -> None:
    """Make a rename last through a loss of power. Raises OSError."""
    descriptor = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def lock_path(path: Path) -> Path:
    return path.with_name(f".{path.name}.lock")


def _write_beside(path: Path, content: bytes, like: os.stat_result) -> Path:
    import tempfile

    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=".new")
    temporary = Path(name)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            own = os.fstat(descriptor)
            if (own.st_uid, own.st_gid) != (like.st_uid, like.st_gid):
                os.fchown(descriptor, like.st_uid, like.st_gid)
            os.fchmod(descriptor, stat.S_IMODE(like.st_mode))
            os.fsync(descriptor)
    except BaseException:
        temporary.unlink()
        raise
    return temporary


@contextlib.contextmanager
def _locked(path: Path, like: os.stat_result, timeout: float) -> Iterator[None]:
    # Whoever may write the routes may take the lock.
    mode = stat.S_IMODE(like.st_mode) & 0o666
    flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
    descriptor = os.open(lock_path(path), flags, mode)
    try:
        deadline = time.monotonic() + timeout
        while True:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() >= deadline:
                    raise TimeoutError(f"another process holds {lock_path(path)}") from None
                time.sleep(0.002)
        yield
    finally:
        os.close(descriptor)
