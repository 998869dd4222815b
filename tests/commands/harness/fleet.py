"""One service on the simulated system, and every kind of change of it by the real planners."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from backends.journal.base import Change, Journal
from core.config import Service
from core.gate import Check, GateReport
from core.history import Release
from core.observed import Observed, RouterView, SlotView
from core.plan import Plan
from core.promotion import promote
from core.refs import Ref, Value, alias_ref, block_ref, slot_ref, stage_ref, traffic_ref
from core.releases import rollback
from core.split import Split
from core.strategies import abort, canary, shadow
from core.versions import Model, Stage, Version

PROMPT = Ref("prompt", "explain@production")
VERSIONS = ("13", "12", "11")
PASSED = GateReport("13", (Check("ready", "passed", "READY", "READY", "test"),))

BEFORE: Mapping[Ref, Value] = {
    slot_ref("fraud", "blue"): "12",
    slot_ref("fraud", "green"): "11",
    traffic_ref("fraud"): Split.all_on("blue"),
    alias_ref("fraud", "champion"): "12",
    stage_ref("fraud", "11"): "Archived",
    stage_ref("fraud", "12"): "Production",
    stage_ref("fraud", "13"): "Staging",
    block_ref("fraud", "11"): None,
    block_ref("fraud", "12"): None,
    block_ref("fraud", "13"): None,
    PROMPT: "7",
}
"""v12 serves from blue; green is idle with v11; v13 is the candidate."""

PROMOTED: Mapping[Ref, Value] = {
    **BEFORE,
    slot_ref("fraud", "green"): "13",
    traffic_ref("fraud"): Split.all_on("green"),
    alias_ref("fraud", "champion"): "13",
    stage_ref("fraud", "12"): "Archived",
    stage_ref("fraud", "13"): "Production",
    PROMPT: "8",
}
CANARY: Mapping[Ref, Value] = {
    **BEFORE,
    slot_ref("fraud", "green"): "13",
    traffic_ref("fraud"): Split.of({"blue": 9500, "green": 500}),
}
R1 = Release(1, "fraud", datetime(2026, 1, 1, tzinfo=UTC), "12", {PROMPT.name: "7"}, watched_ok=1e9)


@dataclass(frozen=True)
class Kind:
    """A kind of change: what is live before it, and how its plan is made."""

    name: str
    start: Mapping[Ref, Value]
    plan: Callable[[Observed], Plan]


def _version(seen: Observed, number: str) -> Version:
    found = seen.need_model().find(number)
    assert found is not None
    return found


KINDS = {
    kind.name: kind
    for kind in (
        Kind("canary", BEFORE, lambda s: canary(s, _version(s, "13"), 500, None)),
        Kind("shadow", BEFORE, lambda s: shadow(s, _version(s, "13"), 1000)),
        Kind("promote", BEFORE, lambda s: promote(s, _version(s, "13"), Stage.PRODUCTION, PASSED)),
        Kind("rollback", PROMOTED, lambda s: rollback(s, R1, None, "errors")),
        Kind("abort", CANARY, lambda s: abort(s)),
    )
}


def seen(
    values: Mapping[Ref, Value],
    releases: tuple[Release, ...] = (R1,),
    previous: Split | None = Split.all_on("blue"),  # noqa: B008
) -> Observed:
    """What a planner sees of these values."""

    def text(ref: Ref) -> str | None:
        value = values[ref]
        return value if isinstance(value, str) else None

    champion = text(alias_ref("fraud", "champion"))
    versions = tuple(
        Version(
            "fraud",
            number,
            tag_stage=text(stage_ref("fraud", number)),
            aliases=("champion",) if champion == number else (),
            blocked=text(block_ref("fraud", number)),
        )
        for number in VERSIONS
    )
    aliases = {"champion": champion} if champion else {}
    split = values[traffic_ref("fraud")]
    assert isinstance(split, Split)
    return Observed(
        Service("fraud", model="fraud", prompts=(PROMPT.name,)),
        Model("fraud", versions, aliases),
        RouterView(shadow=True),
        split,
        previous,
        {
            slot: SlotView(text(slot_ref("fraud", slot)), can_load=True)
            for slot in ("blue", "green")
        },
        {PROMPT: text(PROMPT)},
        releases,
    )


def plan_of(kind: str) -> Plan:
    return KINDS[kind].plan(seen(KINDS[kind].start))


def wanted(plan: Plan, start: Mapping[Ref, Value]) -> dict[Ref, Value]:
    """Everything as it is once the plan is done."""
    return {**start, **{item.ref: item.after for item in plan.sets}}


def release_keeper(journal: Journal, values: Callable[[], Mapping[Ref, Value]]) -> object:
    """`after_done` as the door has it: what serves now, once."""

    async def made(change: Change) -> int | None:
        now = values()
        split = now[traffic_ref("fraud")]
        if not isinstance(split, Split) or split.settled is None:
            return None
        version, prompt = now[slot_ref("fraud", split.settled)], now[PROMPT]
        assert isinstance(version, str)
        assert isinstance(prompt, str)
        made = replace(R1, number=0, version=version, prompts={PROMPT.name: prompt})
        known = await journal.releases("fraud")
        if known and known[0].same_content(made):
            return known[0].number
        return (await journal.add_release(replace(made, change=change.number))).number

    return made


def whole(values: Mapping[Ref, Value]) -> str | None:
    """Why these values are no state that a whole change leads to; None where they are one.

    The champion has the traffic, or most of it, from a slot that holds it, and its tag says so.
    """
    champion = values[alias_ref("fraud", "champion")]
    split = values[traffic_ref("fraud")]
    assert isinstance(split, Split)
    base = max(split.weights, key=lambda slot: split.weights[slot])
    if values[slot_ref("fraud", base)] != champion:
        return f"slot {base} has the traffic and not the champion v{champion}"
    tagged = {v for v in VERSIONS if values[stage_ref("fraud", v)] == "Production"}
    if tagged != {champion}:
        return f"v{champion} is the champion, and tagged as such are {tagged}"
    others = split.slots() - {base}
    if any(values[slot_ref("fraud", slot)] == champion for slot in others):
        return f"the champion stands beside itself in {others}"
    for slot in others:
        version = values[slot_ref("fraud", slot)]
        if values.get(stage_ref("fraud", str(version))) in (None, "Archived"):
            return f"v{version} has traffic in slot {slot}"
    if values[block_ref("fraud", str(champion))] is not None:
        return f"v{champion} is the champion, and blocked"
    return None
