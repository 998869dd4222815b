"""Figures: what the instruments say of a service, with unit, limit and recent history."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from core.config import Layer

Unit = Literal["per_second", "share", "seconds", "count", "tokens"]


@dataclass(frozen=True, slots=True)
class Figure:
    """One concept measured for one version (or for the whole service: version None).

    `value` is in SI units and fractions of 1; None where it cannot be told, and `why` says so.
    `history` holds (seconds since the epoch, value) of the recent past, oldest first.
    """

    concept: str
    title: str
    layer: Layer
    unit: Unit
    value: float | None
    version: str | None = None
    slot: str | None = None
    bounds: tuple[float, float] | None = None
    """The histogram bucket that a tail quantile was interpolated in."""
    n: int | None = None
    """How many requests stand behind it."""
    warning: float | None = None
    critical: float | None = None
    vantage: str = ""
    why: str = ""
    history: tuple[tuple[float, float], ...] = ()


@dataclass(frozen=True, slots=True)
class Mark:
    """A change on the time axis of a sparkline."""

    at: datetime
    what: str
