"""The fleet's ports: the same ones at every start, as long as they are free."""

from __future__ import annotations

import random
import socket
from collections.abc import Mapping

from demo.layout import Layout, read_json, write_json
from demo.services import SERVICES

# Below the ports that systems give to outgoing connections, so that none of those is in the way.
_LOWEST, _HIGHEST = 20_000, 32_000


def names() -> list[str]:
    """Everything that listens: the registry, a listener per service, a server per slot."""
    slots = [service.slot_key(slot) for service in SERVICES.values() for slot in service.slots]
    return ["mlflow", *SERVICES, *slots]


def is_free(port: int) -> bool:
    with socket.socket() as probe:
        # As the servers do: a port whose last connection has only just closed is free.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def choose(layout: Layout) -> Mapping[str, int]:
    """A free loopback port for each name, kept in the state folder."""
    kept = read_json(layout.ports)
    known = kept if isinstance(kept, dict) else {}
    chosen: dict[str, int] = {}
    for name in names():
        port = known.get(name)
        while not isinstance(port, int) or port in chosen.values() or not is_free(port):
            port = random.randint(_LOWEST, _HIGHEST)
        chosen[name] = port
    write_json(layout.ports, chosen)
    return chosen
