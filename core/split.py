"""The split of live traffic over slots, and the shadow beside it, in integer basis points."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

WHOLE = 10_000
"""All traffic, in basis points (1/10,000), so that shares always sum."""


@dataclass(frozen=True, slots=True)
class Split:
    """Live shares sum to `WHOLE`; shadow shares are each 0 to `WHOLE`; zeros are not kept."""

    live: tuple[tuple[str, int], ...]
    shadow: tuple[tuple[str, int], ...] = ()

    @classmethod
    def of(cls, live: Mapping[str, int], shadow: Mapping[str, int] | None = None) -> Split:
        """A split from basis points per slot. Raises ValueError on shares that cannot be."""
        for share in (*live.values(), *(shadow or {}).values()):
            if not 0 <= share <= WHOLE:
                raise ValueError(f"a share of {share} basis points is not between 0 and {WHOLE}")
        if sum(live.values()) != WHOLE:
            raise ValueError(f"live shares sum to {sum(live.values())}, not to {WHOLE}")
        return cls(_sorted(live), _sorted(shadow or {}))

    @classmethod
    def all_on(cls, slot: str) -> Split:
        return cls.of({slot: WHOLE})

    @property
    def weights(self) -> dict[str, int]:
        return dict(self.live)

    @property
    def mirrors(self) -> dict[str, int]:
        return dict(self.shadow)

    @property
    def settled(self) -> str | None:
        """The slot that has all live traffic while nothing is shadowed, else None."""
        return self.live[0][0] if len(self.live) == 1 and not self.shadow else None

    def slots(self) -> frozenset[str]:
        """Every slot that carries live or shadow traffic."""
        return frozenset(self.weights) | frozenset(self.mirrors)

    def with_shadow(self, shadow: Mapping[str, int]) -> Split:
        return Split.of(self.weights, shadow)

    def to_json(self) -> dict[str, Any]:
        """Shares as fractions of 1."""
        return {
            "live": {slot: share / WHOLE for slot, share in self.live},
            "shadow": {slot: share / WHOLE for slot, share in self.shadow},
        }

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Split:
        def points(part: str) -> dict[str, int]:
            return {slot: round(share * WHOLE) for slot, share in value.get(part, {}).items()}

        return cls.of(points("live"), points("shadow"))

    def __str__(self) -> str:
        text = ", ".join(f"{slot} {percent(share)}" for slot, share in self.live)
        if self.shadow:
            text += ", shadow " + ", ".join(
                f"{slot} {percent(share)}" for slot, share in self.shadow
            )
        return text


def _sorted(shares: Mapping[str, int]) -> tuple[tuple[str, int], ...]:
    return tuple(sorted((slot, share) for slot, share in shares.items() if share))


def percent(points: int) -> str:
    """Basis points as a person reads them: 500 is "5", 50 is "0.5"."""
    return f"{points / 100:g}"


def blend(base: str, other: str, points: int) -> dict[str, int]:
    """`points` on `other`, the rest on `base`."""
    if base == other:
        return {base: WHOLE}
    return {base: WHOLE - points, other: points}
