"""What a model server is told when it starts."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class SlotSettings:
    service: str
    slot: str
    model: str
    port: int
    registry: str
    """The registry's URL."""
    disk: str
    """The slot's own folder, where what it holds outlives it."""
    effects: str
    """The file that says which staged fault touches it."""
    log: str
    """The service's folder of the inference log."""
