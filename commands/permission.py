"""What lets a plan through the door beside its own findings: no freeze, an approval, an override."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from commands.deck import Deck
from commands.together import together
from core.config import Service
from core.errors import Refused, UsageError
from core.freeze import Frozen, frozen, longest
from core.plan import Finding, Plan
from core.policy import UNPROVED, granted, held_up, lacking, promotes

_READ = 500
"""How many requests that have not expired are looked at."""


async def permitted(deck: Deck, plan: Plan, override: str | None = None) -> Plan:
    """The plan with the approval, or the override, that lets it through, as evidence and as a
    finding. Raises Refused where there is none.

    A way back needs neither; one to a release that has not proved good needs an override.
    """
    if not held_up(plan) or not plan.sets:
        return plan
    if override is not None and not override.strip():
        raise UsageError(
            "--override needs a reason", hint='write why: --override "incident at the bank"'
        )
    service = deck.service(plan.service)
    found, (approval, missing) = await together(
        read_frozen(deck, service), _approval(deck, service, plan)
    )
    evidence: dict[str, Any] = {
        key: value for key, value in plan.evidence.items() if key not in ("approval", "override")
    }
    findings: list[Finding] = []
    if approval is not None:
        evidence["approval"] = approval
        findings.append(
            Finding("info", f"{approval['approval']} approved by {', '.join(approval['by'])}")
        )
    unproved = plan.evidence.get(UNPROVED)
    against = [unproved["because"]] if unproved else []
    against += [found.because] if found else []
    against += [missing] if missing else []
    if against and override is None:
        raise Refused("; ".join(against), hint=_hint(plan, missing))
    if against and override is not None:
        evidence["override"] = {
            "reason": override,
            "by": deck.actor,
            "against": against,
            "freeze": found is not None,
        }
        said = f"OVERRIDE by {deck.actor} ({override}): {'; '.join(against)}"
        findings.append(Finding("warning", said))
    kept = tuple(dict.fromkeys((*findings, *plan.findings)))
    return replace(plan, evidence=evidence, findings=kept)


async def read_frozen(deck: Deck, service: Service) -> Frozen | None:
    """What freezes the service now: in the journal, or a window of the config."""
    freezes, now = await deck.journal.freezes()
    windows = deck.config.environment.freeze
    return longest(
        frozen(service.name, freezes, (), now), frozen(service.name, (), windows, deck.clock())
    )


async def _approval(
    deck: Deck, service: Service, plan: Plan
) -> tuple[dict[str, Any] | None, str | None]:
    """The approval that lets the plan through as evidence, else what is missing, in words."""
    if service.policy.mode != "approved" or not promotes(plan):
        return None, None
    approvals, now = await deck.journal.approvals(service.name, limit=_READ, expired=False)
    approval = granted([deck.counted(one) for one in approvals], plan, now)
    if approval is None:
        recent, now = await deck.journal.approvals(service.name)
        why = lacking([deck.counted(one) for one in recent], plan, now)
        return None, f"the policy of {service.name} needs an approval: {why}"
    return {
        "approval": approval.name,
        "number": approval.number,
        "asked_by": approval.actor,
        "by": list(approval.approvers),
        "needed": approval.needed,
        "expires": service.policy.expires,
    }, None


def _hint(plan: Plan, missing: str | None) -> str:
    unproved = plan.evidence.get(UNPROVED)
    if unproved:
        to = plan.evidence.get("release")
        loud = f"--override REASON goes to {to} all the same, and everybody sees it"
        if unproved["instead"] is None:
            return f"there is no other release to go back to; {loud}"
        return f"modeldeck rollback {plan.service} goes to {unproved['instead']} at once; {loud}"
    override = "--override REASON goes ahead all the same, and everybody sees it"
    if missing:
        return (
            f"add --request to the {plan.kind} to ask for an approval, which another person gives "
            f"with modeldeck approve; {override}"
        )
    return f"going back stays allowed (abort, rollback); {override}"
