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


def judge(
    split: Split,
    live: Mapping[str, int],
    copies: Mapping[str, int],
    *,
    final: bool,
    before: Split | None = None,
) -> Seen:
    """Whether both the live requests and the mirrored ones since the write are as written.

    What would look the same had nothing moved since `before` is not seen yet.
    """
    seen = judge_live(split, live, final=final)
    if seen.answer == "seen" and before is not None and _could_be(before, split, live):
        seen = Seen("not_yet", seen.n, f"{seen.text}; too few to tell it from {before}")
    if seen.answer == "against":
        return seen
    mirrored = judge_mirrors(split, seen.n, copies, final=final)
    text = "; ".join(part for part in (seen.text, mirrored.text) if part)
    answers = {seen.answer, mirrored.answer}
    return Seen(_worst(answers), seen.n, text)


def judge_mirrors(split: Split, n: int, copies: Mapping[str, int], *, final: bool) -> Seen:
    """Compare the copies per slot with the share of `n` live requests that is to be mirrored.

    A router may drop copies where the mirrored slot is slow, so too few of them say nothing;
    none at all, or too many, do. `n` of the result is the number of copies.
    """
    answers: set[Answer] = {"seen"}
    said = []
    for slot in sorted(set(copies) | set(split.mirrors)):
        share, count = split.mirrors.get(slot, 0) / WHOLE, copies.get(slot, 0)
        beyond = _distance(count, n, share) if count > n * share else 0.0
        if share:
            said.append(f"mirrored to {slot} {count}")
            if n * share < EXPECTED_PER_SLOT or not count:
                none = final and not count and n * share >= 4 * EXPECTED_PER_SLOT
                answers.add("against" if none else "not_yet")
        if beyond > 3:
            answers.add("against" if final and beyond > 4 else "not_yet")
            if not share:
                said.append(f"still mirrored to {slot} {count}")
    return Seen(_worst(answers), sum(copies.values()), ", ".join(said))


def judge_live(split: Split, counts: Mapping[str, int], *, final: bool) -> Seen:
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


def _could_be(before: Split, split: Split, counts: Mapping[str, int]) -> bool:
    """Whether the counts might as well have come from the split that was there before.

    Where all traffic is to be on one slot: whether so many requests without a stray were likelier
    than 1 % under the old shares, (share)^n. Else: within three standard errors of the old ones.
    """
    if before.live == split.live:
        return False
    n = sum(counts.values())
    old = {slot: points / WHOLE for slot, points in before.live}
    if split.settled is not None or len(split.live) == 1:
        ((slot, _),) = split.live
        return counts.get(slot, 0) == n and old.get(slot, 0.0) ** n > 0.01
    slots = set(counts) | set(old)
    return all(_distance(counts.get(slot, 0), n, old.get(slot, 0.0)) <= 3 for slot in slots)


def _worst(answers: set[Answer]) -> Answer:
    order: tuple[Answer, ...] = ("against", "not_yet", "seen")
    return next(answer for answer in order if answer in answers)


def _distance(count: int, n: int, share: float) -> float:
    """How far a count is from its share, in standard errors, beyond one request."""
    error = math.sqrt(max(n * share * (1 - share), 1.0))
    return max(0.0, abs(count - n * share) - 1) / error
