"""Runs `modeldeck` in a process of its own and tells what it printed and what it loaded."""

from __future__ import annotations

import contextlib
import json
import os
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from demo.envoy import first_routes
from demo.services import SERVICES

BIN = Path(sys.executable).parent
OWN = frozenset({"core", "backends", "commands", "tui", "demo"})
_RUNNER = """
import json, sys

touched = []
def watch(event, arguments):
    if event in ("socket.connect", "socket.getaddrinfo", "subprocess.Popen"):
        touched.append(f"{event} {arguments}")
sys.addaudithook(watch)
# An installation without the demo has no click; with it, httpx would load its own program.
sys.modules["click"] = None
from tui.launch import main
try:
    code = main(sys.argv[2:])
except SystemExit as end:
    code = end.code
loaded = sorted(name for name, module in sys.modules.items() if module is not None)
with open(sys.argv[1], "w") as file:
    json.dump({"loaded": loaded, "touched": touched}, file)
sys.exit(code)
"""
_CONFIG = """
[environment]
name = "closed"

[registry]
kind = "mlflow"
url = "http://127.0.0.1:{0}"
timeout = "2s"

[journal]
path = "{folder}/journal.db"

[services.tumor]
model = "tumor"

[services.tumor.router]
kind = "envoy"
routes = "{folder}/tumor.routes"
admin = "unix://{folder}/nobody.sock"

[services.tumor.slots.blue]
kind = "v2"
url = "http://127.0.0.1:{1}"

[services.tumor.slots.green]
kind = "v2"
load = true
url = "http://127.0.0.1:{2}"

[services.helpdesk]
prompts = ["helpdesk-system@production"]
champion_alias = "best"
"""


@contextlib.contextmanager
def closed_ports(count: int) -> Iterator[list[int]]:
    """Ports that are taken, so that nobody else gets them, and refuse every connection."""
    with contextlib.ExitStack() as stack:
        ports = []
        for _ in range(count):
            taken = stack.enter_context(socket.socket())
            taken.bind(("127.0.0.1", 0))
            ports.append(taken.getsockname()[1])
        yield ports


@dataclass(frozen=True)
class Ran:
    """One run: its exit code, what it printed, every module it had loaded, what it reached for."""

    code: int
    out: str
    err: str
    loaded: frozenset[str] = frozenset()
    touched: tuple[str, ...] = ()

    @property
    def third_party(self) -> frozenset[str]:
        """The packages that are neither Python's nor modeldeck's."""
        top = {name.partition(".")[0] for name in self.loaded}
        known = OWN | sys.stdlib_module_names
        return frozenset(name for name in top - known if not name.startswith("_"))


class Program:
    """A config and a home of its own."""

    def __init__(self, folder: Path, ports: list[int]) -> None:
        self.folder = folder
        self.config = folder / "modeldeck.toml"
        self.journal = folder / "journal.db"
        self.routes = folder / "tumor.routes"
        self.config.write_text(_CONFIG.format(*ports, folder=folder))
        self.routes.write_text(json.dumps(first_routes(SERVICES["tumor"], "blue")))

    def environ(self, more: Mapping[str, str] | None = None) -> dict[str, str]:
        kept = {k: v for k, v in os.environ.items() if k.startswith(("PYTHON", "LC_", "LANG"))}
        home = {name: str(self.folder) for name in ("HOME", "XDG_CONFIG_HOME", "XDG_STATE_HOME")}
        path = f"{BIN}{os.pathsep}{os.environ.get('PATH', '')}"
        return {**kept, **home, "PATH": path, "MODELDECK_CONFIG": str(self.config), **(more or {})}

    def run(self, *words: str, more: Mapping[str, str] | None = None) -> Ran:
        """`modeldeck WORDS` with `more` in its environment."""
        seen = self.folder / "seen.json"
        done = subprocess.run(
            [sys.executable, "-c", _RUNNER, str(seen), *words],
            cwd=self.folder, env=self.environ(more), stdin=subprocess.DEVNULL,
            capture_output=True, text=True, timeout=60, check=False,
        )  # fmt: skip
        assert seen.exists(), done.stderr
        found = json.loads(seen.read_text())
        loaded, touched = frozenset(found["loaded"]), tuple(found["touched"])
        return Ran(done.returncode, done.stdout, done.stderr, loaded, touched)
