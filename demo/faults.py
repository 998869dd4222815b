"""The faults that can be staged in a running fleet, and how another process switches one on."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from core.errors import Refused, UsageError, nearest
from demo.layout import Layout, read_json, write_json
from demo.state import is_running

PERIOD = 0.2
"""Seconds between two looks of the supervisor at what is asked for."""


@dataclass(frozen=True, slots=True)
class Fault:
    """One staged incident: `story` is what an engineer would meet, `does` what is done for it."""

    name: str
    story: str
    does: str


NO_FAULT = "none"

FAULTS: Mapping[str, Fault] = {
    fault.name: fault
    for fault in (
        Fault(
            "bad-candidate",
            "The canary is slower than the champion, and errs.",
            "Every version that is not the champion now takes 0.15 to 0.35 s longer and answers "
            "500 to one request in five, in both classifiers.",
        ),
        Fault(
            "slow-server",
            "The server of the champion has become slow; the other slot has not.",
            "The slot of tumor that holds the champion takes 0.3 to 0.6 s longer.",
        ),
        Fault(
            "dead-backend",
            "The server of the champion has died and does not come back.",
            "The model server of tumor's champion is killed and stays dead.",
        ),
        Fault(
            "prompt-change",
            "Somebody moved the help desk's prompt to a long version; answers are slow and dear.",
            "helpdesk-system@production is moved to the longest version through MLflow, once. "
            "`none` does not move it back: that is the operator's rollback.",
        ),
        Fault(
            "registry-down",
            "The registry does not answer.",
            "The MLflow server is stopped; what is loaded goes on serving.",
        ),
        Fault(
            NO_FAULT,
            "Everything is put right again, within seconds.",
            "Ends whatever was staged: slow and dead servers recover, the registry starts again. "
            "A prompt that was moved stays where it is.",
        ),
    )
}


def switch(state: Path, name: str) -> Fault:
    """Ask the fleet that runs in `state` to stage a fault; it does so within half a second.

    A staged fault ends when another one is switched on. Raises UsageError for an unknown name,
    Refused where no fleet runs there.
    """
    fault = FAULTS.get(name)
    if fault is None:
        known = nearest(name, FAULTS) or f" There is {', '.join(FAULTS)}."
        raise UsageError(f"{name!r} is no fault that can be staged.{known}")
    layout = Layout(state.expanduser().absolute())
    if not is_running(layout):
        raise Refused(
            f"no demo runs in {state}", hint="start one with `modeldeck demo --state DIR`"
        )
    write_json(layout.fault, {"name": name, "asked": time.time()})
    return fault


def staged(state: Path) -> str:
    """The name of the fault that the fleet in `state` has staged, `none` without any."""
    effects = read_json(Layout(state.expanduser().absolute()).effects)
    name = effects.get("fault") if isinstance(effects, dict) else None
    return str(name) if name in FAULTS else NO_FAULT
