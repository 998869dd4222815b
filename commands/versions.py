"""`versions`: the versions of a service's model by stage."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from commands.deck import Deck
from commands.sources.service import read_model
from commands.spec import Cell, Grid, Spec, positional
from core.errors import ModeldeckError, Refused
from core.units import show_time
from core.versions import Model, Stage, Version


@dataclass(frozen=True, slots=True)
class Args:
    service: str = positional("the service", completes="service")


@dataclass(frozen=True)
class VersionsReport:
    service: str
    champion_alias: str
    model: Model

    def data(self) -> Mapping[str, Any]:
        return {
            "service": self.service,
            "model": self.model.name,
            "versions": [self._json(version) for version in self.model.versions],
        }

    def _json(self, version: Version) -> dict[str, Any]:
        return {
            "version": version.number,
            "stage": version.stage(self.champion_alias).value,
            "aliases": list(version.aliases),
            "created": show_time(version.created) if version.created else None,
            "run_id": version.run_id,
            "status": version.status,
            "blocked": version.blocked,
            "disagreement": version.disagreement(self.champion_alias),
        }

    def grids(self) -> Sequence[Grid]:
        rows: list[Sequence[Cell]] = []
        order = (Stage.PRODUCTION, Stage.STAGING, Stage.DRAFT, Stage.ARCHIVED)
        for stage in order:
            for version in self.model.versions:
                if version.stage(self.champion_alias) is stage:
                    rows.append(self._row(stage, version))
        columns = ("stage", "version", "aliases", "created", "status", "run", "")
        title = f"{self.service}: {self.model.name}"
        return [Grid(columns, rows, title, "the registry has no version of this model")]

    def _row(self, stage: Stage, version: Version) -> Sequence[Cell]:
        said = version.disagreement(self.champion_alias) or ""
        if version.blocked:
            said = f"blocked: {version.blocked}" + (f"; {said}" if said else "")
        return (
            (stage.value, "strong" if stage is Stage.PRODUCTION else ""),
            f"v{version.number}",
            " ".join(f"@{alias}" for alias in version.aliases),
            show_time(version.created) if version.created else "–",
            (version.status, "" if version.status == "READY" else "warning"),
            version.run_id or "–",
            (said, "warning"),
        )

    def error(self) -> ModeldeckError | None:
        return None


async def run(deck: Deck, args: Args) -> VersionsReport:
    service = deck.service(args.service)
    model = await read_model(deck, service)
    if model is None:
        raise Refused(
            f"{service.name} has no registered model",
            hint=f'name it in the config: [services.{service.name}] model = "…"',
        )
    return VersionsReport(service.name, service.champion_alias, model)


SPEC = Spec(
    "versions",
    "query",
    "The versions of a service by stage: Draft, Staging, Production, Archived",
    Args,
    run,
    ("modeldeck versions tumor", "modeldeck versions tumor -o json"),
    watch=True,
)
