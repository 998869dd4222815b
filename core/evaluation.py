"""What was measured of a version when it was trained and evaluated, as the registry has it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Measurement:
    """One metric, logged once. `value` is in the metric's own unit and may be NaN or infinite.

    `dataset` and `digest` name the data set that it was measured on, where that was logged.
    `at` is when it was logged.
    """

    metric: str
    value: float
    dataset: str | None = None
    digest: str | None = None
    run_id: str | None = None
    at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Evaluation:
    """`measured` is what was logged for the model itself, each metric with its data set.

    `run` is what the run keeps: the last value of each metric, whichever data set that was on.
    `tags` are the version's, and those of its run where the version has none of that name.
    `gaps` says in words what the registry no longer has.
    """

    measured: tuple[Measurement, ...] = ()
    run: tuple[Measurement, ...] = ()
    tags: Mapping[str, str] = field(default_factory=dict)
    gaps: tuple[str, ...] = ()

    def of(self, metric: str) -> tuple[Measurement, ...]:
        """Every measurement of the metric; the run's own only where the model has none."""
        measured = tuple(one for one in self.measured if one.metric == metric)
        return measured or tuple(one for one in self.run if one.metric == metric)

    def datasets(self, metric: str) -> list[str]:
        return sorted({one.dataset for one in self.of(metric) if one.dataset is not None})


def newest(measurements: Iterable[Measurement]) -> Measurement | None:
    """The one that was logged last; one without a time counts as older than any other."""
    return max(
        measurements,
        key=lambda one: one.at.timestamp() if one.at else float("-inf"),
        default=None,
    )
