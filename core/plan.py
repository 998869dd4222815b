"""Plans: a change as the list of its sets, with what allows or forbids it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from core.refs import Ref, Value, decode, encode

Level = Literal["info", "warning", "refused"]
Goal = Literal["forward", "back"]
"""A plan that goes forward is undone when it fails; one that goes back keeps what it has set."""


@dataclass(frozen=True, slots=True)
class Set:
    """This ref, from this value, to that value."""

    ref: Ref
    before: Value
    after: Value
    guarded: bool = True
    """Whether the system itself compares before it sets. Unguarded is shown to the operator."""
    group: str = ""
    """What the set belongs to, for leaving a part out: weights, prompts, indexes, routing."""

    def to_json(self) -> dict[str, Any]:
        return {
            "ref": str(self.ref),
            "before": encode(self.before),
            "after": encode(self.after),
            "guarded": self.guarded,
            "group": self.group,
        }

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Set:
        return cls(
            Ref.parse(value["ref"]),
            decode(value["before"]),
            decode(value["after"]),
            value.get("guarded", True),
            value.get("group", ""),
        )


@dataclass(frozen=True, slots=True)
class Finding:
    """One line that the operator should read; a `refused` one forbids the plan."""

    level: Level
    message: str
    hint: str | None = None

    def to_json(self) -> dict[str, Any]:
        return {"level": self.level, "message": self.message, "hint": self.hint}

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Finding:
        return cls(value["level"], value["message"], value.get("hint"))


@dataclass(frozen=True, slots=True)
class Plan:
    """What will be set, and why it may be.

    `kind` is the command's name. `title` is one line for people. `evidence` is kept with the
    change: the gate's report, the release that a rollback leads to.
    """

    kind: str
    service: str
    goal: Goal
    title: str
    sets: tuple[Set, ...]
    findings: tuple[Finding, ...] = ()
    evidence: Mapping[str, Any] = field(default_factory=dict)
    standing: str = ""
    """What `Journal.standing` said before anything was read for the plan; "" where nobody asked.
    It says nothing of what the plan would do, so it is neither kept nor hashed."""

    @property
    def refused(self) -> tuple[Finding, ...]:
        return tuple(finding for finding in self.findings if finding.level == "refused")

    @property
    def hash(self) -> str:
        """Of what the plan would do, without times: the same plan has the same hash."""
        what = {"kind": self.kind, "service": self.service, "goal": self.goal}
        body = json.dumps({**what, "sets": [s.to_json() for s in self.sets]}, sort_keys=True)
        return hashlib.sha256(body.encode()).hexdigest()

    def find(self, kind: str) -> Set | None:
        """The first set of a ref of this kind."""
        return next((item for item in self.sets if item.ref.kind == kind), None)

    def without(self, refs: frozenset[Ref]) -> Plan:
        return replace(self, sets=tuple(item for item in self.sets if item.ref not in refs))

    def to_json(self) -> dict[str, Any]:
        return {
            "kind": self.kind,
            "service": self.service,
            "goal": self.goal,
            "title": self.title,
            "sets": [item.to_json() for item in self.sets],
            "findings": [finding.to_json() for finding in self.findings],
            "evidence": dict(self.evidence),
        }

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Plan:
        return cls(
            value["kind"],
            value["service"],
            value["goal"],
            value["title"],
            tuple(Set.from_json(item) for item in value["sets"]),
            tuple(Finding.from_json(item) for item in value["findings"]),
            value.get("evidence", {}),
        )
