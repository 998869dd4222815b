"""Whether the traffic that arrives is the split that was written, judged on counts."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from core.split import WHOLE, Split

Answer = Literal["seen", "not_yet", "against"]
SETTLED_REQUESTS = 5
"""Requests in a row on the one right slot that show a split of 100 %."""
EXPECTED_PER_SLOT = 5.0
"""Requests that each live slot must be expected to have had before a share can be judged."""


@dataclass(frozen=True, slots=True)
class Seen:
    """`n` live requests were counted; `text` says what they showed."""

    answer: Answer
    n: int
    text: str


def judge_split(split: Split, counts: Mapping[str, int], *, final: bool) -> Seen:
    """Compare the live requests per slot since the write with the split.

    A share p of n requests is binomial: its standard error is sqrt(n p (1 - p)). Within three
    standard errors and one request it is seen; at the deadline (`final`) more than four speak
    against the split, and anything between, or too few requests, stays not known.
    """
    n = sum(counts.values())
    shares = {slot: points / WHOLE for slot, points in split.live}
    slots = set(counts) | set(shares)
    shown = ", ".join(
        f"{slot} {counts.get(slot, 0) / n * 100:.1f} %"
        for slot in sorted(slots)
        if counts.get(slot)
    )
    text = f"{n} requests: {shown}" if n else "no live requests arrived"
    if split.settled is not None or len(shares) == 1:
        (slot,) = shares
        strays = n - counts.get(slot, 0)
        if n >= SETTLED_REQUESTS and strays == 0:
            return Seen("seen", n, text)
        # Requests that were under way when the split moved may still end on the old side.
        if final and strays > max(3, 0.02 * n):
            return Seen("against", n, text)
        return Seen("seen" if final and n >= SETTLED_REQUESTS else "not_yet", n, text)
    smallest = min(min(share, 1 - share) for share in shares.values())
    if n * smallest < EXPECTED_PER_SLOT:
        return Seen("not_yet", n, text)
    worst = max(_distance(counts.get(slot, 0), n, shares.get(slot, 0.0)) for slot in slots)
    everywhere = all(counts.get(slot, 0) for slot in shares)
    if worst <= 3 and everywhere:
        return Seen("seen", n, text)
    return Seen("against" if final and (worst > 4 or not everywhere) else "not_yet", n, text)


def _distance(count: int, n: int, share: float) -> float:
    """How far a count is from its share, in standard errors, beyond one request."""
    error = math.sqrt(max(n * share * (1 - share), 1.0))
    return max(0.0, abs(count - n * share) - 1) / error
