"""What the config asks of a version, `[services.NAME.gate]`. `config.example.toml` explains it."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import Annotated, Literal, NamedTuple, cast

from core.schema import Duration, Figure, Leaf

COMPLETE = "complete"
"""What the gate asks of a lineage and of a model card."""


class Tolerance(NamedTuple):
    """How far a version may fall behind the champion."""

    amount: float
    relative: bool = False
    """A share of the champion's value, instead of an amount in the metric's own unit."""

    def of(self, champion: float) -> float:
        """In the metric's own unit."""
        return self.amount * abs(champion) if self.relative else self.amount

    def __str__(self) -> str:
        return f"{self.amount * 100:g} %" if self.relative else f"{self.amount:g}"


class Money(NamedTuple):
    amount: float
    currency: str
    """ISO 4217, such as USD."""

    def __str__(self) -> str:
        return f"{self.amount:g} {self.currency}"


_MONEY = re.compile(r"(\d+(?:\.\d+)?(?:[eE]-?\d+)?) ?([A-Z]{3})")


def parse_money(text: str) -> Money:
    """ "0.0004 USD". Raises ValueError."""
    match = _MONEY.fullmatch(text.strip())
    if match is None:
        raise ValueError(f"{text!r} is no amount of money")
    return Money(float(match[1]), match[2])


def _tolerance(text: str) -> Tolerance:
    stripped = text.strip()
    if not stripped.endswith("%"):
        raise ValueError(f"{text!r} is no share")
    return Tolerance(float(stripped[:-1]) / 100, relative=True)


AsTolerance = Annotated[
    Tolerance,
    Leaf('a number in the metric\'s own unit, or a share of the champion\'s value such as "1 %"', _tolerance, Tolerance),
]  # fmt: skip
AsMoney = Annotated[Money, Leaf('an amount with its currency such as "0.0004 USD"', parse_money)]
Side = Literal["min", "max", "max_drop", "max_rise"]


class Bound(NamedTuple):
    """One limit: at least `min`, at most `max`, or so much worse than the champion."""

    side: Side
    by: Tolerance

    @property
    def compared(self) -> bool:
        """Whether it is a limit against the champion."""
        return self.side in ("max_drop", "max_rise")


def _one(**limits: float | Tolerance | None) -> Bound:
    """The one limit that is set. Raises ValueError where none or several are, or it is no number."""
    found = [(side, limit) for side, limit in limits.items() if limit is not None]
    if len(found) != 1:
        names = list(limits)
        raise ValueError(f"takes either {', '.join(names[:-1])} or {names[-1]}")
    side, limit = found[0]
    by = limit if isinstance(limit, Tolerance) else Tolerance(limit)
    compared = side in ("max_drop", "max_rise")
    if not math.isfinite(by.amount) or (compared and by.amount < 0):
        raise ValueError(f"{side} takes a finite number{' of 0 or more' if compared else ''}")
    return Bound(cast("Side", side), by)


@dataclass(frozen=True, slots=True)
class Headline:
    """A limit on the version's headline metric."""

    metric: str
    min: float | None = None
    max: float | None = None
    dataset: str | None = None
    """The data set that it was measured on; needed where it was measured on several."""

    def __post_init__(self) -> None:
        _ = self.bound

    @property
    def bound(self) -> Bound:
        return _one(min=self.min, max=self.max)


@dataclass(frozen=True, slots=True)
class Regression:
    """How much worse than the champion a metric may be, on the same data set."""

    metric: str
    max_drop: AsTolerance | None = None
    max_rise: AsTolerance | None = None
    dataset: str | None = None

    def __post_init__(self) -> None:
        _ = self.bound

    @property
    def bound(self) -> Bound:
        return _one(max_drop=self.max_drop, max_rise=self.max_rise)


@dataclass(frozen=True, slots=True)
class Slice:
    """A limit on a metric on one slice, or on each slice whose name matches."""

    name: str
    """The slice's data set; `*` stands for anything."""
    metric: str
    min: float | None = None
    max: float | None = None
    max_drop: AsTolerance | None = None
    max_rise: AsTolerance | None = None

    def __post_init__(self) -> None:
        _ = self.bound

    @property
    def bound(self) -> Bound:
        return _one(min=self.min, max=self.max, max_drop=self.max_drop, max_rise=self.max_rise)

    def matches(self, dataset: str) -> bool:
        pattern = ".*".join(re.escape(part) for part in self.name.split("*"))
        return re.fullmatch(pattern, dataset, re.DOTALL) is not None


@dataclass(frozen=True, slots=True)
class Latency:
    """A latency ceiling, on what the run logged or on the version's live or shadow traffic."""

    max: Figure
    metric: str = "latency_p95"
    """A metric of the run, or a figure of `metrics` (seconds) for `source = "traffic"`."""
    source: Literal["run", "traffic"] = "run"
    window: Duration = 5.0
    """How long traffic is measured, in seconds."""
    requests: int = 50
    """Fewer in the window are no evidence."""

    def __post_init__(self) -> None:
        _ = _one(max=self.max)
        if not 0.5 <= self.window <= 300:
            raise ValueError("window takes 500ms to 5m")


@dataclass(frozen=True, slots=True)
class Cost:
    """A cost guardrail on a metric of the version, or on a tag that says an amount of money."""

    metric: str | None = None
    tag: str | None = None
    max: AsMoney | None = None
    max_rise: AsTolerance | None = None

    def __post_init__(self) -> None:
        if (self.metric is None) == (self.tag is None):
            raise ValueError("takes either metric or tag")
        _ = self.bound

    @property
    def bound(self) -> Bound:
        return _one(max=self.max.amount if self.max else None, max_rise=self.max_rise)


@dataclass(frozen=True, slots=True)
class Safety:
    """A metric within a limit, or a tag that must say one thing."""

    metric: str | None = None
    min: float | None = None
    max: float | None = None
    dataset: str | None = None
    tag: str | None = None
    equals: str | None = None

    def __post_init__(self) -> None:
        if (self.metric is None) == (self.tag is None):
            raise ValueError("takes either metric, with min or max, or tag, with equals")
        if self.tag is None:
            _ = self.bound
        elif self.equals is None:
            raise ValueError("lacks 'equals': what the tag must say")
        alien = ("equals",) if self.tag is None else ("min", "max", "dataset")
        for name in alien:
            if getattr(self, name) is not None:
                raise ValueError(f"takes no {name} beside {'metric' if self.metric else 'tag'}")

    @property
    def bound(self) -> Bound:
        return _one(min=self.min, max=self.max)


@dataclass(frozen=True, slots=True)
class GateConfig:
    """Every check is optional; one that is not named is not made."""

    headline: Headline | None = None
    champion: tuple[Regression, ...] = ()
    slices: tuple[Slice, ...] = ()
    latency: Latency | None = None
    cost: Cost | None = None
    safety: tuple[Safety, ...] = ()
    schema: Literal["compatible"] | None = None
    lineage: Literal["complete"] | None = None
    """Whether every item of the lineage must be present."""
    card: Literal["complete"] | None = None
    """Whether every field of the model card must be filled."""
    max_age: Duration | None = None
    """Seconds; an older measurement is no evidence."""

    @property
    def compares(self) -> bool:
        """Whether the champion's own evaluation is needed: also for which slices there are."""
        bounds = [one.bound for one in (*self.slices, self.cost) if one is not None]
        named = any("*" in one.name for one in self.slices)
        return bool(self.champion) or named or any(bound.compared for bound in bounds)

    @property
    def metrics(self) -> frozenset[str]:
        """Every metric of a version that some check reads."""
        asked: tuple[Headline | Regression | Slice | Cost | Safety | None, ...]
        asked = (self.headline, self.cost, *self.champion, *self.slices, *self.safety)
        named = [one.metric for one in asked if one is not None]
        if self.latency and self.latency.source == "run":
            named.append(self.latency.metric)
        return frozenset(name for name in named if name)

    @property
    def supplied(self) -> tuple[str, ...]:
        """The checks that others must have made, by name."""
        asked = {"lineage": self.lineage, "card": self.card}
        return tuple(name for name, wanted in asked.items() if wanted)

    @property
    def reads(self) -> bool:
        """Whether any check reads a metric or a tag of the version."""
        return bool(self.metrics or self.cost or self.safety)
