"""Shadow shares as Envoy's mirror policies have them. Policies of others stay as they are."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

from backends.traffic.envoy_clusters import Clusters
from backends.traffic.envoy_fields import get, items, key_for, whole
from backends.traffic.route_file import Malformed
from core.split import WHOLE

_DENOMINATORS = {"HUNDRED": 100, "TEN_THOUSAND": 10_000, "MILLION": 1_000_000}


def effective(action: Mapping[Any, Any], above: list[dict[Any, Any]]) -> list[dict[Any, Any]]:
    return items(action, "request_mirror_policies") or above


def mirrored(policies: list[dict[Any, Any]], clusters: Clusters) -> dict[str, int]:
    shares: dict[str, int] = {}
    for policy in policies:
        slot = clusters.mirrored_slot(str(get(policy, "cluster")))
        if slot is not None:
            shares[slot] = min(WHOLE, shares.get(slot, 0) + _fraction(policy))
    return shares


def _fraction(policy: Mapping[Any, Any]) -> int:
    fraction = get(policy, "runtime_fraction")
    if fraction is None:
        return WHOLE
    default = get(fraction, "default_value")
    if not isinstance(default, dict):
        raise Malformed("has a mirror policy without a default value")
    denominator = _DENOMINATORS.get(str(get(default, "denominator") or "HUNDRED"))
    if denominator is None:
        raise Malformed("has a mirror policy with an unknown denominator")
    return min(WHOLE, round(whole(get(default, "numerator") or 0) * WHOLE / denominator))


def set_mirrors(
    action: dict[Any, Any],
    above: list[dict[Any, Any]],
    clusters: Clusters,
    shares: Mapping[str, int],
) -> None:
    before = effective(action, above)
    if mirrored(before, clusters) == dict(shares):
        return
    left, policies = dict(shares), []
    for policy in copy.deepcopy(before):
        slot = clusters.mirrored_slot(str(get(policy, "cluster")))
        if slot is None:
            policies.append(policy)
        elif slot in left:
            policies.append(_with_share(policy, clusters.shadow.get(slot), left.pop(slot)))
    for slot, share in left.items():
        policies.append(_with_share({}, clusters.shadow.get(slot), share))
    if not policies and above:
        raise Malformed("mirrors on the virtual host, where no route can take it back")
    key = key_for(action, "request_mirror_policies")
    if policies:
        action[key] = policies
    else:
        action.pop(key, None)


def _with_share(policy: dict[Any, Any], cluster: str | None, share: int) -> dict[Any, Any]:
    if cluster is None:
        raise Malformed("cannot shadow: no shadow cluster is configured for the slot")
    policy[key_for(policy, "cluster")] = cluster
    key = key_for(policy, "runtime_fraction")
    fraction = policy.get(key) or {}
    fraction[key_for(fraction, "default_value")] = {
        "numerator": share,
        "denominator": "TEN_THOUSAND",
    }
    policy[key] = fraction
    return policy
