"""Values against limits, and limits in words."""

from __future__ import annotations

import math

from core.gate.limits import Bound

_ROUNDING = 1e-9
"""Relative; 0.95 − 0.002 is not quite 0.948 in binary."""


def holds(side: str, value: float, limit: float) -> bool:
    if math.isclose(value, limit, rel_tol=_ROUNDING):
        return True
    return value > limit if side == "min" else value < limit


def against(bound: Bound, champion: float) -> tuple[str, float]:
    """The limit that the champion's value sets: at least it less the drop, at most it plus the rise."""
    allowed = bound.by.of(champion)
    return ("min", champion - allowed) if bound.side == "max_drop" else ("max", champion + allowed)


def limit_text(side: str, amount: float, unit: str = "") -> str:
    return f"{'>=' if side == 'min' else '<='} {amount:.6g}{f' {unit}' if unit else ''}"


def wanted(bound: Bound, unit: str = "") -> str:
    """The limit as it is known before anything was found."""
    return asked(bound) if bound.compared else limit_text(bound.side, bound.by.amount, unit)


def asked(bound: Bound) -> str:
    return f"champion {'−' if bound.side == 'max_drop' else '+'} {bound.by}"
