"""The one door that every change passes: what is checked here is checked nowhere else."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from typing import Literal

from backends.journal.base import Change
from commands.apply import Applier
from commands.deck import Deck
from commands.outcome import Outcome
from commands.permission import permitted
from commands.setter import Progress
from commands.sources.fleet import FRESH_SECONDS
from commands.sources.service import observe, release_of
from commands.together import together
from commands.verify import verify
from core.errors import ModeldeckError, Refused, UsageError
from core.history import Release
from core.plan import Plan
from core.policy import held_up

Confirmation = Literal["yes", "name"]


async def check_allowed(deck: Deck, plan: Plan, override: str | None = None) -> Plan:
    """The plan with what lets it through: an approval, an override.

    Raises Refused where nothing may be written, where the plan's own findings forbid it, while a
    freeze is on, or where an approval is missing.
    """
    check_writable(deck)
    check_findings(plan)
    return await permitted(deck, plan, override)


def check_writable(deck: Deck) -> None:
    """Raises Refused where not even a record may be written."""
    if deck.read_only:
        raise Refused(
            f"{deck.environment} is read-only here: nothing was changed",
            hint="leave out --read-only, or set read_only = false under [environment]",
        )


def check_findings(plan: Plan) -> None:
    if plan.refused:
        first, *more = plan.refused
        # Whoever asked is shown the plan, and all of its findings there.
        said = first.message + (f" (and {len(more)} more, named in the plan)" if more else "")
        raise Refused(said, hint=first.hint or next((f.hint for f in more if f.hint), None))


def needed_confirmation(deck: Deck, plan: Plan) -> Confirmation:
    """In production, going away from the champion asks for the service's name; so does going to a
    release that has not proved good."""
    return "name" if deck.production and held_up(plan) else "yes"


def check_script_confirmation(deck: Deck, plan: Plan, *, yes: bool, confirm: str | None) -> bool:
    """Whether a script confirmed the plan; False where it said nothing.

    Raises UsageError where it named another service, Refused where a bare --yes is too little.
    """
    if confirm is not None and confirm != plan.service:
        raise UsageError(f"--confirm names {confirm!r}, the plan is for {plan.service!r}")
    if confirm is not None:
        return True
    if yes and needed_confirmation(deck, plan) == "name":
        raise Refused(
            f"{deck.environment} is a production environment: --yes alone does not suffice",
            hint=f"name what you mean: --confirm {plan.service}",
        )
    return yes


async def carry_out(
    deck: Deck,
    plan: Plan,
    *,
    reason: str,
    command: str,
    key: str | None = None,
    override: str | None = None,
    tell: Callable[[Progress], None] = lambda _progress: None,
    stop: asyncio.Event | None = None,
) -> Outcome:
    """Apply a confirmed plan. Raises where nothing was begun."""
    plan = await check_allowed(deck, plan, override)
    if not plan.sets:
        raise Refused(f"nothing to do: {plan.title} is already so")
    await found_release(deck, plan.service)
    number = plan.evidence.get("recovers")
    applier = _applier(deck, tell, stop)
    if isinstance(number, int):
        return await applier.recover(number, actor=deck.actor, reason=reason)
    if not reason and plan.goal == "back":
        reason = await default_reason(deck, plan.service)
    if "override" in plan.evidence:
        reason = f"OVERRIDE: {override}" + (f"; {reason}" if reason else "")
    return await applier.apply(plan, actor=deck.actor, reason=reason, command=command, key=key)


def _applier(deck: Deck, tell: Callable[[Progress], None], stop: asyncio.Event | None) -> Applier:
    async def made(change: Change) -> int | None:
        with contextlib.suppress(ModeldeckError):
            release = await take_release(deck, change.plan.service, change.number)
            return release.number if release else None
        return None

    return Applier(
        deck.journal,
        deck.settable,
        deck.holder,
        verify=lambda plan: verify(deck, plan),
        after_done=made,
        tell=tell,
        stop=stop or asyncio.Event(),
    )


async def take_release(deck: Deck, name: str, change: int | None) -> Release | None:
    """The release that serves now, recorded if it is not the last one already."""
    service = deck.service(name)
    serving = release_of(await observe(deck, service))
    if serving is None:
        return None
    releases = await deck.journal.releases(name)
    if releases and releases[0].same_content(serving):
        return releases[0]
    from dataclasses import replace

    by = deck.actor if change is not None else ""
    return await deck.journal.add_release(replace(serving, change=change, by=by))


async def found_release(deck: Deck, name: str) -> None:
    """Record what serves as r1 before the first change, so that there is a way back to it."""
    if not await deck.journal.releases(name):
        with contextlib.suppress(ModeldeckError):
            await take_release(deck, name, None)


async def default_reason(deck: Deck, name: str) -> str:
    """The figure that is bad right now, as the reason of a way back that names none."""
    told, (_, now) = await together(deck.journal.verdicts(), deck.journal.freezes())
    verdicts = [v for v in told.get(name, ()) if (now - v.taken).total_seconds() <= FRESH_SECONDS]
    for wanted in ("critical", "warning"):
        for verdict in verdicts:
            if verdict.state == wanted:
                return verdict.because
    return ""
