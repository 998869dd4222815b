"""`versions`: the versions of a service's model by stage."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from commands.deck import Deck
from commands.sources.ledger import read_ledgers, said_of
from commands.sources.service import read_model
from commands.spec import Cell, Grid, Spec, Style, positional
from commands.together import together
from core.errors import ModeldeckError, Refused
from core.ledger import Chain
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
    chain: Chain | None = None
    """Who moved its aliases, as the ledger tells it."""

    def data(self) -> Mapping[str, Any]:
        return {
            "service": self.service,
            "model": self.model.name,
            "versions": [self._json(version) for version in self.model.versions],
            "moved": [self._moved(alias) for alias in sorted(self.model.aliases)],
        }

    def _moved(self, alias: str) -> dict[str, Any]:
        value = self.model.aliases[alias]
        last = self.chain.settled(alias) if self.chain else None
        past = self.chain.moved_past(alias, value) is not None if self.chain else False
        return {
            "alias": alias,
            "version": value,
            "entry": last.number if last else None,
            "to": last.after if last else None,
            "by": last.by if last else None,
            "at": show_time(last.at) if last and last.at else None,
            "outside": past,
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
        style: Style = "warning" if said else "dim"
        for alias in version.aliases:
            told = said_of(self.chain, alias, version.number) if self.chain else ""
            if self.chain and self.chain.moved_past(alias, version.number):
                style = "warning"
            said = "; ".join(part for part in (said, told) if part)
        return (
            (stage.value, "strong" if stage is Stage.PRODUCTION else ""),
            f"v{version.number}",
            " ".join(f"@{alias}" for alias in version.aliases),
            show_time(version.created) if version.created else "–",
            (version.status, "" if version.status == "READY" else "warning"),
            version.run_id or "–",
            (said, style),
        )

    def error(self) -> ModeldeckError | None:
        return None


async def run(deck: Deck, args: Args) -> VersionsReport:
    service = deck.service(args.service)
    model, ledgers = await together(read_model(deck, service), read_ledgers(deck, [service]))
    if model is None:
        raise Refused(
            f"{service.name} has no registered model",
            hint=f'name it in the config: [services.{service.name}] model = "…"',
        )
    chain = ledgers.chains.get(model.name)
    return VersionsReport(service.name, service.champion_alias, model, chain)


SPEC = Spec(
    "versions",
    "query",
    "The versions of a service by stage: Draft, Staging, Production, Archived",
    Args,
    run,
    ("modeldeck versions tumor", "modeldeck versions tumor -o json"),
    watch=True,
)
