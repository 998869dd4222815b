"""Which of Envoy's clusters belong to which slot."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Clusters:
    """Slot to cluster: where it takes live traffic, where mirrored, and with a way out.

    A fallback cluster is an aggregate of the slot's cluster and another slot's.
    """

    live: Mapping[str, str]
    shadow: Mapping[str, str] = field(default_factory=dict)
    fallback: Mapping[str, str] = field(default_factory=dict)

    def slot(self, cluster: str) -> str | None:
        return _key_of(self.live, cluster) or _key_of(self.fallback, cluster)

    def mirrored_slot(self, cluster: str) -> str | None:
        return _key_of(self.shadow, cluster) or self.slot(cluster)


def _key_of(mapping: Mapping[str, str], value: str) -> str | None:
    return next((key for key, item in mapping.items() if item == value), None)
