"""Figures: what the instruments say of a service, with unit, limit and recent history."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Literal

from core.config import Layer, Threshold
from core.status import State, judge
from core.units import show_value

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
    threshold: Threshold | None = None
    """The limits that the config sets for the concept."""
    vantage: str = ""
    why: str = ""
    history: tuple[tuple[float, float], ...] = ()
    direction: Direction = ""
    seconds: float | None = None
    """The time that it was measured over; None for what is read at one instant."""

    @property
    def state(self) -> State:
        return judge(self.value, self.threshold)

    @property
    def limit(self) -> float | None:
        """The limit to show: the critical one where there is one."""
        if self.threshold is None:
            return None
        critical = self.threshold.critical
        return critical if critical is not None else self.threshold.warning

    @property
    def limit_text(self) -> str:
        """The limit with its unit, and "<" where low is bad; "–" where there is none."""
        shown = show_value(self.limit, self.unit)
        return f"< {shown}" if self.threshold is not None and self.threshold.below else shown

    def to_json(self) -> dict[str, Any]:
        """Without the history; an open upper bound is None."""
        limits = self.threshold
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
            "state": self.state.value,
            "warning": None if limits is None else limits.warning,
            "critical": None if limits is None else limits.critical,
            "below": limits is not None and limits.below,
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
    return tuple(replace(figure, threshold=thresholds.get(figure.concept)) for figure in figures)


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None
