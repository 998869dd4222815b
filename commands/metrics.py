"""`metrics`: the figures of a service, per version where traffic is split."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from backends.base import MetricsPage
from commands.deck import Deck
from commands.sources.metrics import BETWEEN_SECONDS, measure
from commands.spec import Cell, Grid, Spec, option, positional
from core.config import LAYERS
from core.errors import BackendError, ModeldeckError, UsageError, nearest
from core.figures import Figure
from core.status import State
from core.units import parse_duration, show_value
from core.versions import version_name


@dataclass(frozen=True, slots=True)
class Args:
    service: str = positional("the service", completes="service")
    window: str = option(
        "--window", "how long to measure", default=f"{BETWEEN_SECONDS:g}s", metavar="DURATION"
    )
    layer: str | None = option("--layer", "system, data, model or business", default=None)


@dataclass(frozen=True)
class MetricsReport:
    service: str
    seconds: float
    figures: tuple[Figure, ...]
    pages: tuple[MetricsPage, ...]
    errors: Mapping[str, BackendError]

    def data(self) -> Mapping[str, Any]:
        return {
            "service": self.service,
            "window_seconds": self.seconds,
            "figures": [figure.to_json() for figure in self.figures],
            "errors": {source: error.message for source, error in self.errors.items()},
        }

    def grids(self) -> Sequence[Grid]:
        versions = list(dict.fromkeys(f.version for f in self.figures if f.version is not None))
        rows: list[Sequence[Cell]] = []
        for whole in (figure for figure in self.figures if figure.version is None):
            each = {f.version: f for f in self.figures if f.concept == whole.concept}
            cells = [_cell(each.get(version)) for version in versions]
            said = whole.why if whole.value is None else _bounds(whole)
            title: Cell = (whole.title, "strong")
            rows.append(
                (title, _cell(whole), *cells, whole.limit_text, whole.vantage, (said, "dim"))
            )
        names = [version_name(version) for version in versions]
        columns = ("", "whole", *names, "limit", "seen from", "")
        right = frozenset(range(1, len(names) + 3))
        return [Grid(columns, rows, f"{self.service} over {self.seconds:g} s", right=right)]

    def error(self) -> ModeldeckError | None:
        return next(iter(self.errors.values()), None)


def _cell(figure: Figure | None) -> Cell:
    if figure is None or figure.value is None:
        return "–", "dim"
    text = show_value(figure.value, figure.unit)
    if figure.state is State.CRITICAL:
        return text, "critical"
    return (text, "warning") if figure.state is State.WARNING else text


def _bounds(figure: Figure) -> str:
    if figure.bounds is None:
        return ""
    low, high = figure.bounds
    upper = show_value(high, figure.unit) if high != float("inf") else "∞"
    return f"in the bucket {show_value(low, figure.unit)} to {upper}"


async def run(deck: Deck, args: Args) -> MetricsReport:
    try:
        seconds = parse_duration(args.window)
    except ValueError as error:
        raise UsageError(f"--window: {error}") from error
    if not 0.5 <= seconds <= 300:
        raise UsageError(f"--window {args.window} cannot be: a script measures 0.5s to 5m")
    if args.layer is not None and args.layer not in LAYERS:
        raise UsageError(
            f"{args.layer!r} is no layer.{nearest(args.layer, LAYERS)}",
            hint=f"the layers are {', '.join(LAYERS)}",
        )
    taken, told = await measure(deck, deck.service(args.service), seconds)
    chosen = tuple(f for f in told if args.layer in (None, f.layer))
    return MetricsReport(args.service, seconds, chosen, taken.pages, taken.errors)


SPEC = Spec(
    "metrics",
    "query",
    "The metrics of a service, per version where traffic is split",
    Args,
    run,
    ("modeldeck metrics tumor", "modeldeck metrics tumor --window 30s -o json"),
    watch=True,
)
