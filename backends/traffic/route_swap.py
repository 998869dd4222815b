"""Replacing a route file in one step, and only while it still holds what was read.

The lock beside the file also holds a stamp for each service, a new one with every write: an undo
that writes what is there already leaves the file's content as it was, and whoever read it before
must lose all the same. Everything here blocks and belongs in a thread.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import json
import os
import stat
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

LARGEST = 32 * 1024 * 1024
"""Bytes of a route file."""


@dataclass(frozen=True, slots=True)
class Edit:
    """A service's file as it was read, and as it shall be."""

    service: str
    old: bytes
    new: bytes
    seen: str
    """The stamp of the service that stood beside the old text."""
    stamp: str
    """The one that shall stand beside the new text."""

    @classmethod
    def of(cls, service: str, old: bytes, new: bytes, seen: str) -> Edit:
        return cls(service, old, new, seen, os.urandom(8).hex())

    def reversed(self) -> Edit:
        """The old text again, under a stamp of its own."""
        return Edit.of(self.service, self.new, self.old, self.stamp)


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


def read_stamped(path: Path, service: str) -> tuple[bytes, str]:
    """The file, and the stamp of the service's last write, "" before the first. Raises OSError."""
    stamp = ""
    # Whoever may not read the lock may not write the routes either.
    with contextlib.suppress(FileNotFoundError, PermissionError):
        # Read first: a write in between then makes what was read stale, not new.
        stamp = _stamp(read(lock_path(path)), service)
    return read(path), stamp


def replace(path: Path, edit: Edit, *, timeout: float, stop: threading.Event) -> bool:
    """Put the edit's new text in the file's place if all is still as it was read; whether it was.

    Written beside it, made durable, then renamed under a lock that is held for the comparison
    and the rename alone: a console that is frozen meanwhile keeps the others out for as short as
    can be. The new file has the mode and group of the old one, and its owner where we may give
    files away. Raises OSError with nothing changed, TimeoutError where the lock was not to be had
    within `timeout` seconds.
    """
    status = path.lstat()
    if stat.S_ISLNK(status.st_mode):
        raise OSError(None, "it is a symbolic link, which whoever made it will make again")
    temporary = _write_beside(path, edit.new, status)
    try:
        with _locked(path, status, timeout) as lock:
            stamps = os.pread(lock, LARGEST, 0)
            if _stamp(stamps, edit.service) != edit.seen:
                return False
            if stop.is_set() or read(path) != edit.old:
                return False
            # First: a stamp without its write costs somebody a second look, no more.
            _put_stamp(lock, stamps, edit)
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
            _own(descriptor, like, stat.S_IMODE(like.st_mode))
            os.fsync(descriptor)
    except BaseException:
        temporary.unlink()
        raise
    return temporary


def _own(descriptor: int, like: os.stat_result, mode: int) -> None:
    """Give a file that we made the owner, group and mode of another one.

    Only root gives files away; a member of the group keeps the group. Raises PermissionError for
    anybody else, since the group could then not read the file any more.
    """
    own = os.fstat(descriptor)
    if (own.st_uid, own.st_gid) != (like.st_uid, like.st_gid):
        try:
            os.fchown(descriptor, like.st_uid, like.st_gid)
        except PermissionError:
            os.fchown(descriptor, -1, like.st_gid)
    os.fchmod(descriptor, mode)


@contextlib.contextmanager
def _locked(path: Path, like: os.stat_result, timeout: float) -> Iterator[int]:
    descriptor = _open_lock(lock_path(path), like)
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
        yield descriptor
    finally:
        os.close(descriptor)


def _open_lock(lock: Path, like: os.stat_result) -> int:
    """Whoever may write the routes may take the lock, whoever made it and with what umask."""
    flags = os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK
    mode = stat.S_IMODE(like.st_mode) & 0o666
    try:
        descriptor = os.open(lock, flags | os.O_CREAT | os.O_EXCL, mode)
    except FileExistsError:
        descriptor = os.open(lock, flags)
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode) or status.st_nlink > 1:
            os.close(descriptor)
            raise OSError(None, f"{lock} is no file of its own") from None
        return descriptor
    try:
        _own(descriptor, like, mode)
    except BaseException:
        os.close(descriptor)
        lock.unlink()
        raise
    return descriptor


def _stamp(stamps: bytes, service: str) -> str:
    try:
        known = json.loads(stamps or b"{}")
        return str(known.get(service) or known.get("", ""))
    except (ValueError, AttributeError, RecursionError):
        # Cut off in the middle: unlike every stamp that anybody has read.
        return hashlib.sha256(stamps).hexdigest()


def _put_stamp(lock: int, stamps: bytes, edit: Edit) -> None:
    try:
        known = dict(json.loads(stamps or b"{}"))
    except (ValueError, TypeError, RecursionError):
        known = {"": edit.stamp}  # The stamps of the other services are lost.
    text = json.dumps({**known, edit.service: edit.stamp}).encode()
    os.pwrite(lock, text, 0)
    os.ftruncate(lock, len(text))
