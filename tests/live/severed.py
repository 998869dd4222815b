"""A line to a server that can be cut, or fall silent, at a chosen word."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Literal

Fault = Literal["unsent", "unanswered", "silent"]
"""The word is not passed on and the line is cut; it is passed on, and the line is cut instead of
an answer; it is passed on, and nothing ever comes back."""


@dataclass
class Line:
    """Passes bytes on between clients and a server on this host."""

    server: int
    word: bytes = b""
    fault: Fault | None = None
    """What happens at the next `word` of a client; then the line is whole again."""
    struck: int = 0
    _listener: socket.socket = field(default_factory=lambda: socket.create_server(("127.0.0.1", 0)))

    @property
    def port(self) -> int:
        return int(self._listener.getsockname()[1])

    def arm(self, word: bytes, fault: Fault) -> None:
        self.word, self.fault = word, fault

    def serve(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                threading.Thread(target=self._pass_on, args=(client,), daemon=True).start()

    def close(self) -> None:
        # Closing alone does not wake who waits for the next client.
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _pass_on(self, client: socket.socket) -> None:
        with client, socket.create_connection(("127.0.0.1", self.server)) as server:
            silent = threading.Event()
            answers = threading.Thread(target=self._back, args=(server, client, silent))
            answers.start()
            try:
                while data := client.recv(65536):
                    fault = self.fault if self.word in data else None
                    if fault is None:
                        server.sendall(data)
                        continue
                    self.fault, self.struck = None, self.struck + 1
                    silent.set()
                    if fault != "unsent":
                        server.sendall(data)
                    if fault == "unanswered":
                        # It has been carried out by the time that it would be answered.
                        self._answered.wait(10)
                    if fault != "silent":
                        break
            except OSError:
                pass
            for line in (client, server):
                with contextlib.suppress(OSError):
                    line.shutdown(socket.SHUT_RDWR)
            answers.join(10)

    def __post_init__(self) -> None:
        self._answered = threading.Event()

    def _back(self, server: socket.socket, client: socket.socket, silent: threading.Event) -> None:
        with contextlib.suppress(OSError):
            while data := server.recv(65536):
                if silent.is_set():
                    self._answered.set()
                else:
                    client.sendall(data)
            client.shutdown(socket.SHUT_RDWR)


@contextlib.contextmanager
def severed(server: int) -> Iterator[Line]:
    line = Line(server)
    serving = threading.Thread(target=line.serve, daemon=True)
    serving.start()
    try:
        yield line
    finally:
        line.close()
        serving.join(10)
