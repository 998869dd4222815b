"""`releases`: what served together, which were good, who made them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from commands.deck import Deck
from commands.spec import Cell, Grid, Spec, positional
from core.errors import ModeldeckError
from core.history import Release
from core.split import WHOLE
from core.units import show_duration, show_time
from core.versions import version_name


@dataclass(frozen=True, slots=True)
class Args:
    service: str = positional("the service", completes="service")


@dataclass(frozen=True)
class ReleasesReport:
    service: str
    good_after: float
    releases: tuple[Release, ...]

    def data(self) -> Mapping[str, Any]:
        return {"service": self.service, "releases": [self._json(r) for r in self.releases]}

    def _json(self, release: Release) -> dict[str, Any]:
        return {
            "release": release.name,
            "version": release.version,
            "prompts": dict(release.prompts),
            "indexes": dict(release.indexes),
            "routing": {v: points / WHOLE for v, points in release.routing.items()},
            "good": release.good(self.good_after),
            "watched_ok": round(release.watched_ok, 1),
            "watched_bad": round(release.watched_bad, 1),
            "taken": show_time(release.taken),
            "change": release.change,
            "by": release.by or None,
        }

    def grids(self) -> Sequence[Grid]:
        rows: list[Sequence[Cell]] = []
        for release in self.releases:
            good = release.good(self.good_after)
            watched = show_duration(release.watched_ok)
            prompts = " ".join(f"{name} {number}" for name, number in release.prompts.items())
            rows.append(
                (
                    (release.name, "strong"),
                    version_name(release.version),
                    prompts or "–",
                    ("✔ good", "ok") if good else (f"? healthy for {watched}", "unknown"),
                    show_time(release.taken),
                    release.by or "found as it was",
                    f"change {release.change}" if release.change else "",
                )
            )
        columns = ("release", "version", "prompts", "proved", "taken", "by", "")
        title = f"{self.service}: good after {show_duration(self.good_after)} watched healthy"
        return [Grid(columns, rows, title, "no release yet: the first change records one")]

    def error(self) -> ModeldeckError | None:
        return None


async def run(deck: Deck, args: Args) -> ReleasesReport:
    service = deck.service(args.service)
    releases = await deck.journal.releases(service.name)
    return ReleasesReport(service.name, service.good_after, tuple(releases))


SPEC = Spec(
    "releases",
    "query",
    "The releases: weights, prompts, indexes and routing together, and which were good",
    Args,
    run,
    ("modeldeck releases tumor", "modeldeck releases tumor -o json"),
)
