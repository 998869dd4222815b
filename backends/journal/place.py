"""Where a journal's file lies, and which process holds its lock."""

from __future__ import annotations

from pathlib import Path

from core.errors import BackendError
from core.text import clean

NETWORK_FILESYSTEMS = frozenset(
    {"nfs", "nfs4", "cifs", "smb3", "smbfs", "afs", "ceph", "glusterfs", "9p", "fuse.sshfs"}
)
_WRITE_LOCK = 120
"""The byte of the file beside a WAL database on which its one writer holds a lock."""


def prepare_folder(file: Path) -> None:
    if not file.parent.exists():
        file.parent.mkdir(parents=True, mode=0o700)
    kind = _filesystem(file.parent)
    if kind in NETWORK_FILESYSTEMS:
        raise BackendError(
            f"{file} lies on a network file system ({kind}), where SQLite's locks do not hold",
            backend="journal",
            operation="open",
            hint='name a local path in the config: [journal] path = "…"',
        )


def _filesystem(folder: Path) -> str:
    """The type of the file system below the folder, "" where it cannot be told."""
    try:
        lines = Path("/proc/self/mounts").read_text().splitlines()
    except OSError:
        return ""
    here = str(folder.resolve())
    best, kind = "", ""
    for line in lines:
        fields = line.split(" ")
        if len(fields) > 2 and len(fields[1]) >= len(best):
            point = fields[1].rstrip("/") + "/"
            if (here + "/").startswith(point):
                best, kind = fields[1], fields[2]
    return kind


def writer(file: Path) -> str:
    """The process that is writing the journal now, such as "process 4711 (modeldeck)".

    "" where nobody is, or where the system does not tell. The locks are read from the kernel's
    list: opening the file to ask would give up the locks that this process holds on it.
    """
    try:
        inode = file.with_name(f"{file.name}-shm").stat().st_ino
        lines = Path("/proc/locks").read_text().splitlines()
    except OSError:
        return ""
    for line in lines:
        fields = line.split()
        if len(fields) != 8 or fields[3] != "WRITE" or fields[5].rpartition(":")[2] != str(inode):
            continue
        first, last = int(fields[6]), fields[7]
        if int(fields[4]) <= 0:
            continue  # A process of another container.
        if first <= _WRITE_LOCK and (last == "EOF" or int(last) >= _WRITE_LOCK):
            return f"process {fields[4]}{_called(fields[4])}"
    return ""


def _called(process: str) -> str:
    try:
        return f" ({clean(Path(f'/proc/{process}/comm').read_text().strip())})"
    except OSError:
        return ""
