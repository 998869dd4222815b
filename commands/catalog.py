"""Every command by name, imported when it is asked for: start-up loads only the one that runs."""

from __future__ import annotations

from importlib import import_module

from commands.spec import Spec

NAMES: tuple[str, ...] = (
    "status",
    "versions",
    "lineage",
    "card",
    "gate",
    "promote",
    "approvals",
    "approve",
    "reject",
    "canary",
    "shadow",
    "cutover",
    "abort",
    "rollback",
    "freeze",
    "unfreeze",
    "releases",
    "changes",
    "recover",
    "metrics",
    "slots",
    "gpus",
    "whoami",
    "doctor",
    "init",
    "demo",
)

SUGGEST = {"undo": "rollback", "history": "releases"}
"""Words that people try, and the command that they mean."""


def find(name: str) -> Spec:
    """The command's one definition, from `commands/NAME.py`."""
    spec: Spec = import_module(f"commands.{name}").SPEC
    assert spec.name == name
    return spec


def everything() -> tuple[Spec, ...]:
    return tuple(find(name) for name in NAMES)
