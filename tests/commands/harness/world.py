"""A simulated outside system that several processes share: one file, changed under its lock.

Refs hold values with revisions. A guarded ref compares and sets; an unguarded one only looks
before it writes, as an adapter of a system without compare-and-set does. Requests that timed out
may land later. Every accepted write is logged, so that a test can count effects.
"""

from __future__ import annotations

import fcntl
import json
import os
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from core.refs import Ref, Value, decode, encode
from core.split import Split

State = dict[str, Any]


class World:
    """`virtual` worlds have a clock of their own, which only `advance` moves."""

    def __init__(self, path: Path, *, virtual: bool = True) -> None:
        self.path, self.virtual = path, virtual
        self.on_write: Callable[[Ref, Value, str], None] | None = None
        """Called for each accepted write: the ref, the value that it overwrites, and whose it is
        ("console", "late" or "outside")."""

    def create(self, values: Mapping[Ref, Value]) -> World:
        refs = {str(ref): {"value": encode(v), "revision": 1} for ref, v in values.items()}
        self.path.write_text(json.dumps({"now": 1000.0, "refs": refs, "late": [], "log": []}))
        return self

    @contextmanager
    def opened(self) -> Iterator[State]:
        """The state, with what was late and is due by now; kept when the block ends."""
        descriptor = os.open(self.path.with_suffix(".lock"), os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            state: State = json.loads(self.path.read_text())
            if not self.virtual:
                state["now"] = time.time()
            self._land(state)
            yield state
            # Renamed, so that a kill in the middle leaves no half a state.
            new = self.path.with_suffix(".new")
            new.write_text(json.dumps(state))
            new.rename(self.path)
        finally:
            os.close(descriptor)

    def now(self) -> float:
        if not self.virtual:
            return time.time()
        with self.opened() as state:
            return float(state["now"])

    def advance(self, seconds: float) -> None:
        with self.opened() as state:
            state["now"] += seconds
            self._land(state)

    def values(self) -> dict[Ref, Value]:
        with self.opened() as state:
            return {Ref.parse(ref): decode(item["value"]) for ref, item in state["refs"].items()}

    def log(self) -> list[dict[str, Any]]:
        with self.opened() as state:
            return list(state["log"])

    def late(self, kind: str) -> bool:
        """Whether a request to set such a ref is still under way."""
        with self.opened() as state:
            return any(Ref.parse(item["ref"]).kind == kind for item in state["late"])

    def outside(self, ref: Ref, value: Value) -> None:
        """Somebody else sets it."""
        with self.opened() as state:
            self.put(state, str(ref), encode(value), "outside")

    def put(self, state: State, ref: str, value: Any, who: str) -> None:
        item = state["refs"][ref]
        old = item["value"]
        state["log"].append({"ref": ref, "old": old, "new": value, "who": who, "pid": os.getpid()})
        if who != "outside":
            self._watch_slots(state, ref, old, value)
        if self.on_write is not None:
            self.on_write(Ref.parse(ref), decode(old), who)
        item["value"] = value
        item["revision"] += 1

    def _watch_slots(self, state: State, ref: str, old: Any, new: Any) -> None:
        """A slot that carries traffic is never loaded with another version."""
        parsed = Ref.parse(ref)
        if parsed.kind != "slot" or old == new:
            return
        service, slot = parsed.parts
        traffic = state["refs"].get(f"traffic:{service}")
        split = decode(traffic["value"]) if traffic else None
        if isinstance(split, Split) and slot in split.slots():
            state["log"][-1]["under_traffic"] = True

    def _land(self, state: State) -> None:
        due = [item for item in state["late"] if item["due"] <= state["now"]]
        state["late"] = [item for item in state["late"] if item["due"] > state["now"]]
        for item in due:
            now = state["refs"][item["ref"]]
            if not item["guarded"] or now["revision"] == item["revision"]:
                self.put(state, item["ref"], item["after"], "late")


class MemoryWorld(World):
    """A virtual world of one process."""

    def __init__(self, values: Mapping[Ref, Value]) -> None:
        super().__init__(Path("/nowhere"))
        refs = {str(ref): {"value": encode(v), "revision": 1} for ref, v in values.items()}
        self.state: State = {"now": 1000.0, "refs": refs, "late": [], "log": []}

    @contextmanager
    def opened(self) -> Iterator[State]:
        self._land(self.state)
        yield self.state
