"""Where the fleet keeps everything: one state folder, and what lies where in it."""

from __future__ import annotations

import contextlib
import json
import os
import tempfile
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

MARKER = ".modeldeck-demo"
SOCKET_LIMIT = 100
"""Bytes of a unix socket's path that every system takes."""


@dataclass(frozen=True, slots=True)
class Layout:
    """The paths in a state folder."""

    state: Path

    @property
    def marker(self) -> Path:
        return self.state / MARKER

    @property
    def lock(self) -> Path:
        return self.state / "lock"

    @property
    def pids(self) -> Path:
        return self.state / "processes.json"

    @property
    def ports(self) -> Path:
        return self.state / "ports.json"

    @property
    def config(self) -> Path:
        return self.state / "modeldeck.toml"

    @property
    def journal(self) -> Path:
        return self.state / "journal.db"

    @property
    def logs(self) -> Path:
        return self.state / "logs"

    @property
    def fault(self) -> Path:
        """Which fault is asked for; written by `faults.switch`."""
        return self.state / "fault.json"

    @property
    def effects(self) -> Path:
        """What the staged fault means for each server; written by the supervisor."""
        return self.state / "effects.json"

    @property
    def load(self) -> Path:
        """What the load has sent and got back."""
        return self.state / "load.json"

    @property
    def registry(self) -> Path:
        return self.state / "registry"

    @property
    def database(self) -> str:
        """Relative to the state folder, where every process of the fleet runs: a URL would take
        a "?" in the folder's name for its own."""
        return f"sqlite:///{(self.registry / 'mlflow.db').relative_to(self.state)}"

    @property
    def seeded(self) -> Path:
        """Exists once the registry has been filled to the end."""
        return self.registry / "seeded"

    @property
    def training(self) -> Path:
        return self.state / "training"

    @property
    def envoy(self) -> Path:
        return self.state / "envoy"

    @property
    def temporary(self) -> Path:
        return self.state / "tmp"

    def log(self, name: str) -> Path:
        return self.logs / f"{name}.log"

    def routes(self, service: str) -> Path:
        """In a folder of its own: Envoy watches the folder that it lies in."""
        return self.envoy / f"{service}.yaml"

    def heldout(self, service: str) -> Path:
        return self.state / "data" / f"{service}-heldout.json"

    def slot(self, service: str, slot: str) -> Path:
        """The slot's own disk: the artifact that it holds, and which version that is."""
        return self.state / "slots" / f"{service}-{slot}"

    def inference_log(self, service: str) -> Path:
        return self.state / "inference-log" / service

    def labels(self, service: str) -> Path:
        return self.state / "inference-labels" / service

    def make(self) -> None:
        """The folders, for this account only."""
        for folder in (self.state, self.logs, self.registry, self.training, self.envoy):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.temporary.mkdir(mode=0o700, exist_ok=True)
        (self.state / "data").mkdir(mode=0o700, exist_ok=True)
        self.state.chmod(0o700)
        write_json(self.marker, {"modeldeck_demo": 1})

    def admin_socket(self) -> Path:
        """Envoy's admin socket: in the state folder, or in a short private folder of its own."""
        wanted = self.envoy / "admin.sock"
        if len(os.fsencode(wanted)) <= SOCKET_LIMIT:
            return wanted
        return self.runtime_folder / "admin.sock"

    @property
    def runtime_folder(self) -> Path:
        base = Path(os.environ.get("XDG_RUNTIME_DIR") or tempfile.gettempdir())
        digest = sha256(os.fsencode(self.state)).hexdigest()[:12]
        folder = f"modeldeck-{os.getuid()}-{digest}"
        if len(os.fsencode(base / folder / "admin.sock")) > SOCKET_LIMIT:
            base = Path("/tmp")
        return base / folder


def write_json(path: Path, value: Any, mode: int = 0o600) -> None:
    """Replace the file in one step, so that a reader sees the old or the new one."""
    write_text(path, json.dumps(value, indent=1) + "\n", mode)


def write_text(path: Path, text: str, mode: int = 0o600) -> None:
    """Like `write_json`, for any text."""
    descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        Path(temporary).chmod(mode)
        Path(temporary).replace(path)
    except BaseException:
        with contextlib.suppress(OSError):
            Path(temporary).unlink()
        raise


def read_json(path: Path) -> Any:
    """The value in the file; None where there is no such file or it holds no JSON."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
