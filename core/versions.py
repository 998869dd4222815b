"""Versions of a registered model, and the stages that they stand in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum


class Stage(StrEnum):
    DRAFT = "Draft"
    STAGING = "Staging"
    PRODUCTION = "Production"
    ARCHIVED = "Archived"


# Coming back from Archived goes through Staging (or a rollback, which asks nobody).
ALLOWED: Mapping[Stage, frozenset[Stage]] = {
    Stage.DRAFT: frozenset({Stage.STAGING, Stage.ARCHIVED}),
    Stage.STAGING: frozenset({Stage.PRODUCTION, Stage.DRAFT, Stage.ARCHIVED}),
    Stage.PRODUCTION: frozenset({Stage.STAGING, Stage.ARCHIVED}),
    Stage.ARCHIVED: frozenset({Stage.STAGING}),
}

NEXT: Mapping[Stage, Stage] = {
    Stage.DRAFT: Stage.STAGING,
    Stage.STAGING: Stage.PRODUCTION,
    Stage.PRODUCTION: Stage.PRODUCTION,
    Stage.ARCHIVED: Stage.STAGING,
}
"""Where promoting leads from each stage. What only its tag calls Production can still become the
champion."""
CHALLENGER = "challenger"
"""The alias of the version that may replace the champion."""


def parse_stage(text: str) -> Stage | None:
    """A stage in any case, or None."""
    return next((stage for stage in Stage if stage.value.lower() == text.strip().lower()), None)


@dataclass(frozen=True, slots=True)
class Version:
    """One numbered version of a registered model, as the registry has it."""

    model: str
    number: str
    created: datetime | None = None
    status: str = "READY"
    """READY, or why it is not."""
    run_id: str | None = None
    tag_stage: str | None = None
    """The `stage` tag as written; None where there is none."""
    legacy_stage: str | None = None
    aliases: tuple[str, ...] = ()
    blocked: str | None = None
    """Why it must not be promoted again by itself; a rollback says so."""
    tags: Mapping[str, str] = field(default_factory=dict)
    description: str = ""
    source: str = ""
    """Where the registry says that its files lie, `models:/m-…` for a logged model."""

    def stage(self, champion_alias: str = "champion") -> Stage:
        """Derived: the champion alias, then the `stage` tag, then the legacy stage, else Draft."""
        if champion_alias in self.aliases:
            return Stage.PRODUCTION
        for written in (self.tag_stage, self.legacy_stage):
            known = parse_stage(written) if written else None
            if known:
                return known
        return Stage.DRAFT

    def disagreement(self, champion_alias: str = "champion") -> str | None:
        """What contradicts the derived stage, in words, or None."""
        derived, named = self.stage(champion_alias), champion_alias in self.aliases
        tagged = parse_stage(self.tag_stage) if self.tag_stage else None
        legacy = parse_stage(self.legacy_stage) if self.legacy_stage else None
        if self.tag_stage and tagged is None:
            return f"the stage tag says {self.tag_stage!r}, which is no stage"
        for what, says in (("stage tag", tagged), ("legacy stage", legacy)):
            if named and says not in (None, Stage.PRODUCTION):
                return f"@{champion_alias} names it, but its {what} says {says}"
            if not named and says is derived is Stage.PRODUCTION:
                return f"its {what} says {derived}, but @{champion_alias} does not name it"
        if tagged and legacy and tagged is not legacy:
            return f"its stage tag says {tagged}, its legacy stage {legacy}"
        return None


@dataclass(frozen=True, slots=True)
class Model:
    """A registered model: its versions, newest first, and what its aliases name."""

    name: str
    versions: tuple[Version, ...] = ()
    aliases: Mapping[str, str] = field(default_factory=dict)
    tags: Mapping[str, str] = field(default_factory=dict)

    def find(self, number: str) -> Version | None:
        return next((version for version in self.versions if version.number == number), None)


def candidate(model: Model, champion_alias: str = "champion") -> tuple[Version, str] | None:
    """The version that would be promoted next, and how it was found, in words."""
    named = model.aliases.get(CHALLENGER)
    found = model.find(named) if named and named != model.aliases.get(champion_alias) else None
    if found is not None:
        return found, f"@{CHALLENGER}"
    staged = (v for v in model.versions if v.stage(champion_alias) is Stage.STAGING)
    newest = next(staged, None)
    return (newest, "the newest in Staging") if newest is not None else None


def version_name(version: str) -> str:
    """ "v13" for a numbered version; a model's own name or an unknown ("?green") as it is."""
    return f"v{version}" if version[:1].isdigit() else version
