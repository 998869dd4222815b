"""Figures: what the instruments say of a service, with unit, limit and recent history."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Literal

from core.config import Layer, Threshold

Unit = Literal["per_second", "share", "seconds", "count", "tokens"]
Direction = Literal["lower", "higher", ""]
"""Which way is better; "" where neither is."""


@dataclass(frozen=True, slots=True)
class Figure:
    """One concept measured for one version (or for the whole service: version None).

    `value` is in SI units and fractions of 1; None where it cannot be told, and `why` says so.
    `history` holds (seconds since the epoch, value) of the recent past, oldest first; NaN where
    it could not be told then.
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
    direction: Direction = ""
    seconds: float | None = None
    """The time that it was measured over; None for what is read at one instant."""

    def to_json(self) -> dict[str, Any]:
        """Without the history; an open upper bound is None."""
        return {
            "concept": self.concept,
            "title": self.title,
            "layer": self.layer,
            "unit": self.unit,
            "value": self.value,
            "version": self.version,
            "slot": self.slot,
            "bounds": None if self.bounds is None else [_finite(bound) for bound in self.bounds],
            "n": self.n,
            "warning": self.warning,
            "critical": self.critical,
            "vantage": self.vantage,
            "why": self.why,
            "direction": self.direction,
            "seconds": self.seconds,
        }


@dataclass(frozen=True, slots=True)
class Mark:
    """A change on the time axis of a sparkline."""

    at: datetime
    what: str


def limited(figures: Sequence[Figure], thresholds: Mapping[str, Threshold]) -> tuple[Figure, ...]:
    """The figures with the limits that the config sets for their concepts."""
    return tuple(
        replace(figure, warning=limit.warning, critical=limit.critical)
        if (limit := thresholds.get(figure.concept))
        else figure
        for figure in figures
    )


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None
