"""`lineage`: the run-metadata checklist of a version, each item present, missing or broken."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from commands.deck import Deck
from commands.sources.lineage import find_version, read_lineage
from commands.spec import Cell, Grid, No, Spec, Style, positional
from core.errors import BackendError, ModeldeckError
from core.lineage import Item, Lineage, Part, Verdict, show_metric
from core.lineage_keys import TITLES

LONGEST = 160
"""Characters of a value in the table; JSON has all of it."""
MOST_METRICS = 3
MARKS: Mapping[Verdict, tuple[str, Style]] = {
    "present": ("✔ present", "ok"),
    "missing": ("✖ missing", "critical"),
    "broken": ("✖ broken", "critical"),
    "unreachable": ("? unreachable", "unknown"),
}


@dataclass(frozen=True, slots=True)
class Args:
    service: str = positional("the service", completes="service")
    version: str | None = positional(
        "a number, an alias or a stage; the champion if left out", completes="version", default=None
    )


@dataclass(frozen=True)
class LineageReport:
    service: str
    model: str
    lineage: Lineage

    def data(self) -> Mapping[str, Any]:
        return {
            "service": self.service,
            "model": self.model,
            "version": self.lineage.version,
            "run_id": self.lineage.run_id,
            "complete": self.lineage.complete,
            "items": [item.to_json() for item in self.lineage.items],
        }

    def grids(self) -> Sequence[Grid]:
        rows: list[Sequence[Cell]] = [self._row(item) for item in self.lineage.items]
        run = f"run {self.lineage.run_id}" if self.lineage.run_id else "no run"
        title = f"{self.service}: lineage of {self.model} v{self.lineage.version}, {run}"
        return [Grid(("", "item", "value", "from", ""), rows, title)]

    def _row(self, item: Item) -> Sequence[Cell]:
        style: Style = "dim" if item.verdict == "present" else MARKS[item.verdict][1]
        return (
            MARKS[item.verdict],
            (TITLES[item.name], "strong"),
            shown(item) or "–",
            (item.source or "–", "dim"),
            (item.because, style),
        )

    def error(self) -> ModeldeckError | None:
        """A backend that could not be asked weighs more than an item that is not there."""
        unreachable = self.lineage.of("unreachable")
        name = f"{self.service} v{self.lineage.version}"
        if unreachable:
            said = f"the lineage of {name} could not be read: {listed(unreachable)}"
            said += f": {unreachable[0].because}"
            return BackendError(said, backend="lineage", hint="`modeldeck doctor` asks them all")
        lacking = self.lineage.of("missing", "broken")
        if lacking:
            hint = "[lineage] in the config says under which keys your runs log it"
            return No(f"the lineage of {name} is not complete: {listed(lacking)}", hint=hint)
        return None


def listed(items: Sequence[Item]) -> str:
    return ", ".join(f"{TITLES[item.name]} {item.verdict}" for item in items)


def shown(item: Item) -> str:
    """The value, short; of many metrics the first few, with their data set where they share it."""
    said = item.value or ""
    if item.name == "metrics" and item.parts:
        said = _figures(item.parts)
    return said if len(said) <= LONGEST else f"{said[: LONGEST - 1]}…"


def _figures(parts: Sequence[Part]) -> str:
    shared = len({(part.dataset, part.digest) for part in parts}) == 1
    bare = [replace(part, dataset=None, digest=None) if shared else part for part in parts]
    said = "; ".join(map(show_metric, bare[:MOST_METRICS]))
    if len(parts) > MOST_METRICS:
        said += f"; {len(parts) - MOST_METRICS} more"
    first = parts[0]
    return f"{said}; all on {first.dataset} ({first.digest})" if shared and first.dataset else said


async def run(deck: Deck, args: Args) -> LineageReport:
    service = deck.service(args.service)
    model, version = await find_version(deck, service, args.version)
    return LineageReport(
        service.name, model.name, await read_lineage(deck, service, model, version)
    )


SPEC = Spec(
    "lineage",
    "query",
    "The run-metadata checklist of a version: each item present, missing, broken or unreachable",
    Args,
    run,
    (
        "modeldeck lineage tumor",
        "modeldeck lineage tumor 5",
        "modeldeck lineage tumor @challenger -o json",
    ),
    watch=True,
)
