"""Promotion between stages; to Production it moves traffic, alias and stages together."""

from __future__ import annotations

from typing import Any

from core.errors import Refused
from core.gate import GateReport
from core.observed import Observed
from core.plan import Finding, Plan, Set
from core.policy import PROMOTION
from core.refs import alias_ref, block_ref, stage_ref, traffic_ref
from core.split import Split, percent
from core.strategies import GRADUALLY, may_serve, needs_gate, place
from core.versions import ALLOWED, Stage, Version


def promote(seen: Observed, version: Version, to: Stage, gate: GateReport | None) -> Plan:
    """The version into a stage. `gate` is needed for Production."""
    if to is Stage.PRODUCTION:
        return to_production(seen, version, gate, "promote")
    model = seen.need_model()
    now = version.stage(seen.service.champion_alias)
    findings = list(_transition(version, now, to))
    share = seen.live.get(version.number, 0)
    if share and to in (Stage.DRAFT, Stage.ARCHIVED):
        findings.append(
            Finding(
                "refused",
                f"v{version.number} has {percent(share)} % of live traffic",
                f"move it away first: modeldeck abort {seen.name}, or cutover to another version",
            )
        )
    elif version.number == seen.champion:
        findings.append(
            Finding(
                "refused",
                f"@{seen.service.champion_alias} names v{version.number}: "
                f"a champion leaves Production when another takes its place",
                f"modeldeck rollback {seen.name}, or promote another version to Production",
            )
        )
    title = f"v{version.number} of {seen.name}: {now} → {to}"
    sets = tuple(_tag(seen, model.name, version, to))
    return Plan("promote", seen.name, "forward", title, sets, tuple(findings))


def to_production(seen: Observed, version: Version, gate: GateReport | None, kind: str) -> Plan:
    """All traffic, the alias and the stages to `version`; `kind` is the command that asked."""
    model = seen.need_model()
    alias = seen.service.champion_alias
    now = version.stage(alias)
    findings: list[Finding] = []
    sets: list[Set] = []
    if seen.router is not None:
        split = seen.need_split()
        slot, load, said = place(seen, version.number)
        after = Split.all_on(slot)
        if after != split:
            findings.append(Finding("info", GRADUALLY))
            sets += load
            ref = traffic_ref(seen.name)
            sets.append(Set(ref, split, after, seen.router.guarded, "weights routing"))
        findings += said
        if split.shadow:
            findings.append(Finding("info", "the running shadow ends with the same write"))
    elif kind == "cutover":
        raise Refused(f"{seen.name} has no router: there is no traffic to cut over")
    else:
        findings.append(Finding("info", "traffic follows your deploy: no router is configured"))
    findings += may_serve(seen, version)
    # A tag or a legacy stage makes no champion, and an alias that somebody set makes none either:
    # what has not served as one is promoted.
    promotion = not _is_champion(seen, version)
    if promotion:
        findings += _transition(version, now, Stage.PRODUCTION)
        findings += needs_gate(gate, "Production")
    old = seen.champion
    # What is said of the version comes before the alias and what is said of the old one after it:
    # of several movers the alias lets one go on, and the others then have touched nothing else of
    # his. Whoever moves the alias on finds a version about which nothing is left to say.
    sets += _tag(seen, model.name, version, Stage.PRODUCTION)
    if version.blocked is not None:
        # A person has read the warning: what serves again is no longer left behind.
        ref = block_ref(model.name, version.number)
        sets.append(Set(ref, version.blocked, None, seen.guarded_registry, "weights"))
    if old != version.number:
        ref = alias_ref(model.name, alias)
        sets.append(Set(ref, old, version.number, seen.guarded_registry, "weights"))
    left = model.find(old) if old and old != version.number else None
    if left is not None:
        sets += _tag(seen, model.name, left, Stage.ARCHIVED)
    title = f"v{version.number} becomes the champion of {seen.name}"
    evidence: dict[str, Any] = {"gate": gate.to_json()} if gate else {}
    if promotion:
        evidence[PROMOTION] = True
    return Plan(kind, seen.name, "forward", title, tuple(sets), tuple(findings), evidence)


def _is_champion(seen: Observed, version: Version) -> bool:
    """Whether the version is what the service serves, by name and in fact: the alias names it, and
    it has the main traffic or proved good with it."""
    if version.number != seen.champion:
        return False
    good_after = seen.service.good_after
    proved = any(r.version == version.number and r.good(good_after) for r in seen.releases)
    return seen.serves(version.number) or (proved and version.blocked is None)


def cutover(seen: Observed, version: Version, gate: GateReport | None) -> Plan:
    """Blue-green: all traffic at once, the old side kept warm for the way back."""
    plan = to_production(seen, version, gate, "cutover")
    warm = seen.dominant(but=seen.slot_of(version.number))
    if plan.find("traffic") and warm:
        held = seen.held().get(warm)
        said = Finding("info", f"slot {warm} stays warm with v{held} for the way back")
        plan = Plan(
            plan.kind,
            plan.service,
            plan.goal,
            plan.title,
            plan.sets,
            (*plan.findings, said),
            plan.evidence,
        )
    return plan


def _transition(version: Version, now: Stage, to: Stage) -> tuple[Finding, ...]:
    if to is now or to in ALLOWED[now]:
        return ()
    ways = ", ".join(stage for stage in Stage if stage in ALLOWED[now])
    return (
        Finding(
            "refused", f"v{version.number} is {now}: from there it goes to {ways}, not to {to}"
        ),
    )


def _tag(seen: Observed, model: str, version: Version, to: Stage) -> list[Set]:
    if version.tag_stage == to.value:
        return []
    ref = stage_ref(model, version.number)
    return [Set(ref, version.tag_stage, to.value, seen.guarded_registry, "weights")]
