"""`gate`: every check of the quality gate with its evidence."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from commands.deck import Deck
from commands.sources.gate import ask_gate
from commands.sources.service import read_model
from commands.spec import Cell, Grid, No, Spec, Style, positional
from core.config import Service
from core.errors import ModeldeckError, UsageError
from core.gate import GateReport, Verdict
from core.gate.report import show_number
from core.observed import Observed
from core.versions import CHALLENGER, Model, Version, candidate, version_name

VERDICTS: Mapping[Verdict, tuple[str, Style]] = {
    "passed": ("✔ passed", "ok"),
    "failed": ("✖ FAILED", "critical"),
    "no_evidence": ("? no evidence", "unknown"),
}


@dataclass(frozen=True, slots=True)
class Args:
    service: str = positional("the service", completes="service")
    version: str | None = positional(
        "a number, an alias or a stage; @challenger, else the newest in Staging",
        completes="version",
        default=None,
    )


@dataclass(frozen=True)
class GateAnswer:
    service: str
    report: GateReport
    chosen: str = ""
    """How the version was chosen where none was named, in words."""

    def data(self) -> Mapping[str, Any]:
        return {"service": self.service, **self.report.to_json(), "chosen": self.chosen or None}

    def grids(self) -> Sequence[Grid]:
        rows: list[Sequence[Cell]] = [
            (
                check.name,
                VERDICTS[check.verdict],
                show_number(check.value),
                check.limit or "–",
                (check.evidence, "dim"),
            )
            for check in self.report.checks
        ]
        name = version_name(self.report.version)
        against = self.report.champion
        title = f"gate of {self.service} {name}{f' ({self.chosen})' if self.chosen else ''}"
        if against and against != self.report.version:
            title += f" beside the champion {version_name(against)}"
        columns = ("check", "", "value", "limit", "evidence")
        verdict = Grid((), [(VERDICTS[self.report.verdict],)])
        return [Grid(columns, rows, title, right=frozenset({2})), verdict]

    def error(self) -> ModeldeckError | None:
        if self.report.verdict == "passed":
            return None
        said = f"{version_name(self.report.version)} of {self.service} does not pass the gate: "
        words = {"failed": "failed", "no_evidence": "without evidence"}
        parts = []
        for verdict, word in words.items():
            names = [check.name for check in self.report.checks if check.verdict == verdict]
            if names:
                more = f" and {len(names) - 4} more" if len(names) > 4 else ""
                parts.append(f"{', '.join(names[:4])}{more} {word}")
        return No(said + "; ".join(parts))


async def run(deck: Deck, args: Args) -> GateAnswer:
    service = deck.service(args.service)
    model = Observed(service, await read_model(deck, service)).need_model()
    chosen = ""
    if args.version is None:
        version, chosen = choose(service, model)
    else:
        version = Observed(service, model).find(args.version)
    return GateAnswer(service.name, await ask_gate(deck, service, model, version), chosen)


def choose(service: Service, model: Model) -> tuple[Version, str]:
    """The version that would be promoted next, and how it was found. Raises UsageError."""
    found = candidate(model, service.champion_alias)
    if found is not None:
        return found
    numbers = ", ".join(version.number for version in model.versions[:12])
    raise UsageError(
        f"{service.name} has no candidate: no @{CHALLENGER} beside the champion, nothing in Staging",
        hint=f"name a version: {numbers}" if numbers else None,
    )


SPEC = Spec(
    "gate",
    "query",
    "Every check of the quality gate with its evidence: exit 0 passed, 1 not passed",
    Args,
    run,
    (
        "modeldeck gate tumor",
        "modeldeck gate tumor 4",
        "modeldeck gate tumor @challenger -o json",
    ),
    watch=True,
)
