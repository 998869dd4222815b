"""Releases and the way back to one."""

from __future__ import annotations

from typing import Any, Literal

from core.errors import Refused, UsageError, nearest
from core.history import Release
from core.observed import Observed
from core.plan import Finding, Plan, Set
from core.policy import UNPROVED
from core.refs import Ref, alias_ref, block_ref, stage_ref, traffic_ref
from core.split import Split
from core.strategies import place
from core.units import show_duration
from core.versions import Model, Stage, version_name

Part = Literal["weights", "prompts", "indexes", "routing"]
PARTS: tuple[Part, ...] = ("weights", "prompts", "indexes", "routing")


def last_good(seen: Observed) -> Release | None:
    """The release that a rollback leads to: the newest that proved good, differs from what is
    live or from the registry's champion, and whose version no rollback has left behind; where
    none proved good, the newest that differs."""
    half_way = _half_way(seen)
    if half_way is not None:
        return half_way
    now = seen.release_now()
    if now is not None and seen.champion not in (None, now.version):
        now = None  # The alias was moved from under what serves: that is to be put back too.
    blocked = seen.left_behind
    if seen.model is not None:
        blocked = frozenset(v.number for v in seen.model.versions if v.blocked)
    other = [
        release
        for release in seen.releases
        if release.version not in blocked and (now is None or not release.same_content(now))
    ]
    good = [release for release in other if release.good(seen.service.good_after)]
    return next(iter(good or other), None)


def _half_way(seen: Observed) -> Release | None:
    """The release that a rollback has led the traffic back to, while alias or prompts are still, or
    again, those of another: a registry that is down, or a crash, leaves it so. To go on from there
    to the newest that differs would be to serve again what was left."""
    back = next((one for one in seen.releases if one.name == seen.returned), None)
    if back is None or list(seen.live) != [back.version]:
        return None
    prompts = {ref.name: value for ref, value in seen.prompts.items()}
    as_there = all(prompts.get(name, value) == value for name, value in back.prompts.items())
    return None if seen.champion in (None, back.version) and as_there else back


def unproved(seen: Observed, target: Release) -> str | None:
    """Why going to this release is no way back that is open to everybody at any time, in words;
    None where it is: it proved good and no rollback left its version, or it is where a rollback
    that names none leads, or what serves already."""
    free = last_good(seen)
    if free is not None and target.same_content(free):
        return None
    prompts = {ref.name: value for ref, value in seen.prompts.items()}
    same = all(prompts.get(name, value) == value for name, value in target.prompts.items())
    alone = list(seen.live) == [target.version]
    named = target.version == seen.champion and seen.serves(target.version)
    if same and (alone or named):
        return None
    said = []
    need = seen.service.good_after
    if not any(one.good(need) for one in seen.releases if one.same_content(target)):
        watched = show_duration(target.watched_ok)
        long = show_duration(need)
        said.append(f"{target.name} has not proved good: watched healthy for {watched} of {long}")
    version = seen.model.find(target.version) if seen.model is not None else None
    if version is not None and version.blocked is not None:
        said.append(f"{version_name(target.version)} was left by a rollback: {version.blocked}")
    elif seen.model is None and target.version in seen.left_behind:
        said.append(f"{version_name(target.version)} was left by a rollback")
    return "; ".join(said) or None


def _instead(seen: Observed, release: Release) -> str:
    """ "r1 (v1, good)"."""
    good = "good" if release.good(seen.service.good_after) else "not proved good"
    return f"{release.name} ({version_name(release.version)}, {good})"


def find_release(seen: Observed, text: str) -> Release:
    wanted = text if text.startswith("r") else f"r{text}"
    for release in seen.releases:
        if release.name == wanted:
            return release
    known = [release.name for release in seen.releases]
    raise UsageError(
        f"{seen.name} has no release {text!r}.{nearest(wanted, known)}",
        hint=f"there are {', '.join(known[:12]) or 'none yet'}",
    )


def rollback(seen: Observed, to: Release | None, only: Part | None, reason: str) -> Plan:
    """From what is live to `to`, else to the last good release.

    A plan that leads to a release that a person named, and for which nothing speaks, says so as
    evidence (`core.policy.held_up`): it is no way back that stays open whatever happens.
    """
    target = to or last_good(seen)
    if target is None:
        raise Refused(
            f"{seen.name} has no earlier release to go back to",
            hint=f"modeldeck cutover {seen.name} VERSION serves a version that you name",
        )
    findings: list[Finding] = []
    against = unproved(seen, target)
    watched = show_duration(target.watched_ok)
    if not target.good(seen.service.good_after):
        need = show_duration(seen.service.good_after)
        said = f"{target.name} has not proved good: watched healthy for {watched} of {need}"
        findings.append(Finding("warning", said))
    sets: list[Set] = []
    if only in (None, "weights", "routing"):
        sets += _serve(seen, target, findings, reason)
    for ref, now in seen.prompts.items():
        then = target.prompts.get(ref.name)
        if then is not None and then != now:
            sets.append(Set(ref, now, then, seen.guarded_registry, "prompts"))
            findings.append(
                Finding("info", "clients keep a prompt for up to 60 s: recovery is seen after that")
            )
    if only is not None:
        sets = [item for item in sets if only in item.group.split()]
    kept = [part for part in PARTS if not any(part in item.group.split() for item in sets)]
    if kept and len(kept) < len(PARTS) and only is None:
        concerned = [part for part in kept if part != "indexes" or target.indexes]
        if concerned:
            said = f"{' and '.join(concerned)} already as on {target.name}"
            findings.append(Finding("info", said))
    made = f", made by {target.by}" if target.by else ""
    good = "good" if target.good(seen.service.good_after) else "not proved good"
    title = (
        f"{seen.name} back to release {target.name} ({version_name(target.version)}, {good}{made})"
    )
    moved = any(item.ref.kind == "traffic" for item in sets)
    leaves = [one for one in seen.live if one != target.version and not one.startswith("?")]
    evidence: dict[str, Any] = {"release": target.name, "leaves": leaves if moved else []}
    if against is not None:
        free = last_good(seen)
        instead = _instead(seen, free) if free is not None else None
        evidence[UNPROVED] = {"because": against, "instead": instead}
    return Plan("rollback", seen.name, "back", title, tuple(sets), tuple(findings), evidence)


def _serve(seen: Observed, target: Release, findings: list[Finding], reason: str) -> list[Set]:
    """The sets that bring the release's version back: slot, traffic, alias, stages, block."""
    sets: list[Set] = []
    if seen.router is not None and seen.split is not None:
        slot, load, said = place(seen, target.version)
        findings += [Finding("warning", f.message, f.hint) for f in said]
        after = Split.all_on(slot)
        if after != seen.split:
            sets += load
            ref = traffic_ref(seen.name)
            sets.append(Set(ref, seen.split, after, seen.router.guarded, "weights routing"))
    if seen.model is None:
        return sets
    model, alias = seen.model, seen.service.champion_alias
    version = model.find(target.version)
    if version is None:
        raise Refused(
            f"release {target.name} served v{target.version}, which {model.name} no longer has",
            hint=f"modeldeck releases {seen.name} shows the others",
        )
    unguarded = seen.guarded_registry
    if seen.champion != target.version:
        ref = alias_ref(model.name, alias)
        sets.append(Set(ref, seen.champion, target.version, unguarded, "weights"))
    if version.tag_stage != Stage.PRODUCTION.value:
        ref = stage_ref(model.name, version.number)
        sets.append(Set(ref, version.tag_stage, Stage.PRODUCTION.value, unguarded, "weights"))
    for number in _left(seen, model, target.version):
        left = model.find(number)
        if left is None:
            continue
        # Its tag says so too where the alias was moved from under it.
        was_champion = number == seen.champion or left.tag_stage == Stage.PRODUCTION.value
        if was_champion and left.tag_stage != Stage.ARCHIVED.value:
            ref = stage_ref(model.name, number)
            sets.append(Set(ref, left.tag_stage, Stage.ARCHIVED.value, unguarded, "weights"))
        if left.blocked is None:
            why = f"rolled back to {target.name}" + (f": {reason}" if reason else "")
            sets.append(Set(block_ref(model.name, number), None, why, unguarded, "weights"))
    return sets


def _left(seen: Observed, model: Model, target: str) -> list[str]:
    """The versions that a rollback leaves: what served, but the target.

    A champion that is seen to serve nothing is not one of them: nobody has tried it. But where a
    rollback came half-way, the champion that served as a release is what it left.
    """
    left = list(seen.live)
    unseen = not left or any(version.startswith("?") for version in left)
    served = any(release.version == seen.champion for release in seen.releases)
    if seen.champion and (unseen or (served and _half_way(seen) is not None)):
        left.append(seen.champion)
    return [n for n in dict.fromkeys(left) if n != target and model.find(n) is not None]


def prompt_refs(prompts: tuple[str, ...]) -> tuple[Ref, ...]:
    return tuple(Ref("prompt", prompt) for prompt in prompts)
