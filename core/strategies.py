"""Moving traffic: canary, shadow, cut-over and abort, each as a way to write a list of sets."""

from __future__ import annotations

from typing import Any

from core.errors import Refused, UsageError
from core.gate import GateReport
from core.gate.report import show_number
from core.observed import Observed
from core.plan import Finding, Plan, Set
from core.policy import PROMOTION
from core.refs import slot_ref, traffic_ref
from core.split import WHOLE, Split, blend, percent
from core.versions import Stage, Version, version_name

GRADUALLY = "100 % now; gradually: canary"


def canary(seen: Observed, version: Version, weight: int, gate: GateReport | None) -> Plan:
    """`weight` basis points of live traffic on `version`, the rest on the champion.

    `gate` is needed above the service's `max_ungated_percent`: that is as good as a promotion.
    """
    split = seen.need_split()
    _check_share(seen, weight)
    if weight == WHOLE:
        raise UsageError(
            f"all traffic on one version is a promotion, not a canary: "
            f"modeldeck cutover {seen.name} {version.number}"
        )
    slot, load, findings = place(seen, version.number)
    if version.number == seen.champion:
        raise Refused(
            f"v{version.number} is the champion of {seen.name}: a canary takes its share from it",
            hint=f"modeldeck abort {seen.name} ends a running canary",
        )
    base = seen.dominant(but=slot)
    if base is None:
        raise Refused(
            f"v{version.number} already has all traffic of {seen.name}: "
            "there is no other version beside which it could be a canary"
        )
    findings = (*may_serve(seen, version), *findings)
    evidence: dict[str, Any] = {}
    if weight > seen.service.max_ungated:
        findings += needs_gate(gate, f"{percent(weight)} % of live traffic")
        evidence = {"gate": gate.to_json()} if gate else {}
        if weight > seen.live.get(version.number, 0):
            evidence[PROMOTION] = True
    findings += _rest(seen, base, WHOLE - weight)
    mirrors = {name: share for name, share in split.shadow if name != slot}
    if slot in split.mirrors:
        findings += (Finding("info", f"the shadow of v{version.number} ends with the same write"),)
    after = Split.of(blend(base, slot, weight), mirrors)
    title = f"{percent(weight)} % of {seen.name} to v{version.number}"
    sets = (*load, *_traffic(seen, after))
    return Plan("canary", seen.name, "forward", title, sets, findings, evidence)


def shadow(seen: Observed, version: Version | None, share: int) -> Plan:
    """Mirror `share` basis points of live requests to `version`; None ends every shadow."""
    split = seen.need_split()
    if version is None:
        title = f"end the shadow of {seen.name}"
        return Plan("shadow", seen.name, "back", title, _traffic(seen, split.with_shadow({})))
    _check_share(seen, share)
    if seen.router is not None and not seen.router.shadow:
        limits = "; ".join(seen.router.limits) or "its router cannot mirror requests"
        raise Refused(f"{seen.name} cannot be shadowed: {limits}")
    slot, load, findings = place(seen, version.number)
    if slot in split.weights:
        raise Refused(f"v{version.number} has live traffic: a shadow of it would answer twice")
    findings = (*may_serve(seen, version, live=False), *findings)
    title = f"mirror {percent(share)} % of {seen.name} to v{version.number}; users see no answer"
    sets = (*load, *_traffic(seen, split.with_shadow({slot: share})))
    return Plan("shadow", seen.name, "forward", title, sets, findings)


def abort(seen: Observed) -> Plan:
    """The split again as it was before the running canary or shadow."""
    split = seen.need_split()
    before = seen.previous
    if before is None:
        champion = seen.slot_of(seen.champion) if seen.champion else seen.dominant()
        before = Split.all_on(champion) if champion else None
    if before is None:
        raise Refused(f"nobody knows what {seen.name} served before: name it with cutover")
    if split.settled is not None or split == before:
        raise Refused(f"nothing to abort: {seen.name} has no canary and no shadow")
    (slot,) = before.weights if before.settled else (None,)
    version = seen.held().get(slot) if slot else None
    where = version_name(version) if version else str(before)
    title = (
        f"all traffic of {seen.name} back to {where}" if slot else f"{seen.name} back to {before}"
    )
    findings = []
    if version is not None and seen.champion not in (None, version):
        said = f"@{seen.service.champion_alias} names {version_name(seen.champion)}, not {where}"
        hint = f"after this, modeldeck rollback {seen.name} brings alias and stages in line"
        findings.append(Finding("warning", said, hint))
    return Plan("abort", seen.name, "back", title, _traffic(seen, before), tuple(findings))


def place(seen: Observed, version: str) -> tuple[str, tuple[Set, ...], tuple[Finding, ...]]:
    """Where the version is, or will be once it has been loaded into an idle slot.

    Raises Refused where no slot holds it and none can take it.
    """
    slot = seen.slot_of(version)
    if slot is not None:
        ready = seen.slots[slot].ready
        said = Finding(
            "refused", f"slot {slot} holds v{version} and does not answer that it is ready"
        )
        return slot, (), () if ready else (said,)
    if not seen.slots:
        raise Refused(
            f"{seen.name} has no slots in the config, so nothing can hold v{version}",
            hint=f"add [services.{seen.name}.slots.NAME] with the address of a model server",
        )
    busy = seen.split.slots() if seen.split else frozenset()
    idle = [name for name in seen.slots if name not in busy]
    able = [name for name in idle if seen.slots[name].can_load]
    if not able:
        why = next((seen.slots[name].why_not for name in idle), "every slot carries traffic")
        hint = f"modeldeck slots {seen.name} shows what each one holds"
        if not idle and seen.split is not None and seen.split.settled is None:
            hint = f"modeldeck abort {seen.name} ends what the other slots are used for"
        raise Refused(
            f"no slot of {seen.name} holds v{version}, and none can load it: {why}", hint=hint
        )
    warm = next((r.version for r in seen.releases if r.good(seen.service.good_after)), None)
    holders = [name for name in seen.slots if seen.slots[name].version == warm]
    chosen = min(able, key=lambda name: (holders == [name], name))
    held = seen.slots[chosen].version
    findings: tuple[Finding, ...] = ()
    if warm is not None and holders == [chosen]:
        findings = (
            Finding(
                "warning",
                f"loading v{version} into {chosen} evicts v{held}, the version of the last good "
                "release: a rollback will have to load it again",
            ),
        )
    # Never apart from the traffic: a slot that was not loaded would serve whatever it holds.
    load = Set(slot_ref(seen.name, chosen), held, version, group="weights routing")
    return chosen, (load,), findings


def may_serve(seen: Observed, version: Version, *, live: bool = True) -> tuple[Finding, ...]:
    """What speaks against giving the version requests."""
    stage = version.stage(seen.service.champion_alias)
    findings = []
    if version.status != "READY":
        said = f"v{version.number} is {version.status} in the registry, not READY"
        findings.append(Finding("refused", said))
    if stage is Stage.ARCHIVED:
        findings.append(
            Finding(
                "refused",
                f"v{version.number} is Archived: it never takes new traffic",
                "it comes back through Staging, or through rollback",
            )
        )
    if live and stage is Stage.DRAFT:
        hint = f"modeldeck promote {seen.name} {version.number} --to Staging"
        said = f"v{version.number} is a Draft: live traffic only from Staging on"
        findings.append(Finding("refused", said, hint))
    if version.blocked:
        said = f"v{version.number} was left by a rollback: {version.blocked}"
        findings.append(Finding("warning", said))
    return tuple(findings)


def needs_gate(gate: GateReport | None, what: str) -> tuple[Finding, ...]:
    """Findings of the gate: each check that did not pass forbids the plan."""
    if gate is None:
        return (Finding("refused", f"{what} needs the quality gate, and nothing asked it"),)
    if not gate.checks:
        return (Finding("refused", f"{what} needs the quality gate, and it checks nothing"),)
    words = {"failed": "failed", "no_evidence": "has no evidence"}
    return tuple(
        Finding(
            "refused",
            f"gate: {check.name} {words[check.verdict]}: {show_number(check.value)} against "
            f"{check.limit or 'no limit'} ({check.evidence})",
        )
        for check in gate.checks
        if check.verdict != "passed"
    )


def _rest(seen: Observed, base: str, rest: int) -> tuple[Finding, ...]:
    """What speaks against the rest for the slot beside a canary: somebody has named as champion
    what is still one itself."""
    version, share = seen.held().get(base), (seen.split.weights if seen.split else {}).get(base, 0)
    grows = rest > share and rest > seen.service.max_ungated
    if version is None or not grows or seen.serves(version):
        return ()
    said = (
        f"v{version} would get {percent(rest)} %: @{seen.service.champion_alias} names it, and "
        "nobody promoted it"
    )
    return (Finding("refused", said, f"modeldeck rollback {seen.name} brings the alias in line"),)


def _check_share(seen: Observed, share: int) -> None:
    smallest = seen.router.smallest_step if seen.router else 1
    if not smallest <= share <= WHOLE:
        raise UsageError(
            f"{percent(share)} % cannot be: a share of {seen.name} is between "
            f"{percent(smallest)} and 100 %"
        )


def _traffic(seen: Observed, after: Split) -> tuple[Set, ...]:
    if after == seen.split:
        return ()
    guarded = seen.router.guarded if seen.router else True
    return (Set(traffic_ref(seen.name), seen.split, after, guarded, "weights routing"),)
