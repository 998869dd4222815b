"""What Envoy's routes say about the split, and the routes that say another one. Pure.

A route that names one of the service's clusters is *concerned*: either it sends all of its
traffic to one cluster, or it weighs several. All concerned routes must agree, since a service
has one split. A route that matches a header and stands above the same match without one is a
forced variant ("x-variant: green"): it has no part in the split and is left alone.
"""

from __future__ import annotations

import copy
import hashlib
import json
from collections.abc import Iterator, Mapping
from typing import Any

from backends.traffic.envoy_clusters import Clusters
from backends.traffic.envoy_fields import get, items, key_for, whole
from backends.traffic.envoy_mirrors import effective, mirrored, set_mirrors
from backends.traffic.route_file import Malformed
from core.split import WHOLE, Split


def route_config(document: Mapping[Any, Any], name: str) -> dict[Any, Any]:
    """The route configuration of that name in a file of resources."""
    found = [
        resource
        for resource in items(document, "resources")
        if isinstance(resource, dict) and get(resource, "name") == name
    ]
    if len(found) != 1:
        raise Malformed(f"holds {len(found)} route configurations named {name!r}, not one")
    return found[0]


def read_split(config: Mapping[Any, Any], clusters: Clusters) -> Split:
    """The split that all concerned routes agree on. Raises Malformed."""
    splits = [
        Split.of(_live(action, clusters), mirrored(effective(action, above), clusters))
        for action, above in _concerned(config, clusters)
    ]
    if not splits:
        wanted = ", ".join(sorted(clusters.live.values()))
        raise Malformed(f"has no route to any of the clusters {wanted}")
    for split in splits[1:]:
        if split != splits[0]:
            raise Malformed(f"has routes that disagree: one says {splits[0]}, another {split}")
    return splits[0]


def fingerprint(config: Mapping[Any, Any], clusters: Clusters) -> str:
    """Changes whenever a concerned route does, and not when another service's does."""
    actions = [(action, above) for action, above in _concerned(config, clusters)]
    return hashlib.sha256(json.dumps(actions, sort_keys=True).encode()).hexdigest()


def with_split(config: dict[Any, Any], clusters: Clusters, split: Split) -> dict[Any, Any]:
    """A copy whose concerned routes say this split; everything else is as it was."""
    unknown = sorted(split.slots() - set(clusters.live))
    if unknown:
        raise Malformed(f"cannot route to {', '.join(unknown)}: no such slot")
    new = copy.deepcopy(config)
    for action, above in _concerned(new, clusters):
        _set_live(action, clusters, split.weights)
        set_mirrors(action, above, clusters, split.mirrors)
    if get(new, "validate_clusters") is None:
        new["validate_clusters"] = True
    return new


def targets(clusters: Clusters, split: Split) -> frozenset[str]:
    """Every cluster that the routes of this split may name."""
    live = {clusters.live[slot] for slot in split.weights}
    ways_out = {clusters.fallback.get(slot, "") for slot in split.weights if len(live) > 1}
    return frozenset(
        live | ways_out | {clusters.shadow.get(slot, "") for slot in split.mirrors}
    ) - {""}


def runtime_keys(config: Mapping[Any, Any], clusters: Clusters) -> frozenset[str]:
    """The runtime keys that would override what the concerned routes say."""
    keys: set[str] = set()
    for action, above in _concerned(config, clusters):
        weighted = get(action, "weighted_clusters")
        prefix = get(weighted, "runtime_key_prefix") if weighted else None
        if prefix:
            keys |= {f"{prefix}.{get(entry, 'name')}" for entry in items(weighted, "clusters")}
        for policy in effective(action, above):
            key = get(get(policy, "runtime_fraction") or {}, "runtime_key")
            if key and clusters.mirrored_slot(str(get(policy, "cluster"))):
                keys.add(str(key))
    return frozenset(keys)


def forced(config: Mapping[Any, Any], clusters: Clusters) -> int:
    """How many routes send to one slot whatever the split says."""
    return sum(1 for _, _, variant in _ours(config, clusters) if variant)


# Which routes


def _concerned(
    config: Mapping[Any, Any], clusters: Clusters
) -> Iterator[tuple[dict[Any, Any], list[dict[Any, Any]]]]:
    """Each concerned route action, with the mirror policies that it inherits."""
    for action, above, variant in _ours(config, clusters):
        if not variant:
            yield action, above


def _ours(
    config: Mapping[Any, Any], clusters: Clusters
) -> Iterator[tuple[dict[Any, Any], list[dict[Any, Any]], bool]]:
    for host in items(config, "virtual_hosts"):
        above = items(host, "request_mirror_policies") or items(config, "request_mirror_policies")
        routes = [route for route in items(host, "routes") if _names_ours(route, clusters)]
        for index, route in enumerate(routes):
            yield route["route"], above, _is_variant(route, routes[index + 1 :])


def _names_ours(route: Mapping[Any, Any], clusters: Clusters) -> bool:
    action = route.get("route")
    if action is None:
        return False
    if not isinstance(action, dict):
        raise Malformed("has a route whose action is no mapping")
    single = get(action, "cluster")
    if single is not None:
        return clusters.slot(str(single)) is not None
    entries = items(get(action, "weighted_clusters") or {}, "clusters")
    return any(clusters.slot(str(get(entry, "name"))) is not None for entry in entries)


def _is_variant(route: Mapping[Any, Any], below: list[dict[Any, Any]]) -> bool:
    match, conditions = _without_conditions(route)
    by_value = all(not str(get(item, "name")).startswith(":") for item in conditions)
    if get(route["route"], "cluster") is None or not conditions or not by_value:
        return False
    return any(_without_conditions(other) == (match, []) for other in below)


def _without_conditions(route: Mapping[Any, Any]) -> tuple[dict[Any, Any], list[Any]]:
    match = get(route, "match") or {}
    if not isinstance(match, dict):
        raise Malformed("has a route whose match is no mapping")
    keys = ("headers", "query_parameters", "queryParameters")
    conditions = [item for key in keys for item in items(match, key)]
    return {key: value for key, value in match.items() if key not in keys}, conditions


# Live shares


def _live(action: Mapping[Any, Any], clusters: Clusters) -> dict[str, int]:
    single = get(action, "cluster")
    if single is not None:
        slot = clusters.slot(str(single))
        return {slot: WHOLE} if slot else {}
    weights: dict[str, int] = {}
    for entry in items(get(action, "weighted_clusters"), "clusters"):
        name, weight = str(get(entry, "name")), whole(get(entry, "weight") or 0)
        slot = clusters.slot(name)
        if slot is None and weight:
            raise Malformed(f"sends a part of the traffic to {name!r}, which is no slot")
        if slot is not None:
            weights[slot] = weights.get(slot, 0) + weight
    return _basis_points(weights)


def _basis_points(weights: Mapping[str, int]) -> dict[str, int]:
    """Shares of `WHOLE` that sum to it; what rounding leaves goes to the largest remainders."""
    total = sum(weights.values())
    if total <= 0:
        raise Malformed("has a route whose weights sum to nothing")
    shares = {slot: weight * WHOLE // total for slot, weight in weights.items()}
    rest = sorted(weights, key=lambda slot: (-(weights[slot] * WHOLE % total), slot))
    for slot in rest[: WHOLE - sum(shares.values())]:
        shares[slot] += 1
    return shares


def _set_live(action: dict[Any, Any], clusters: Clusters, weights: Mapping[str, int]) -> None:
    direct = frozenset(slot for slot, name in clusters.live.items() if name in _named_by(action))
    dominant = _dominant(weights, direct)
    if get(action, "cluster") is not None and len(weights) == 1:
        action[key_for(action, "cluster")] = clusters.live[dominant]
        return
    # The order stays: with a hash policy it decides who moves when a share grows.
    entries: list[dict[Any, Any]] = []
    left = dict(weights)
    for entry in items(get(action, "weighted_clusters") or {}, "clusters"):
        slot = clusters.slot(str(get(entry, "name")))
        if slot is not None:
            if slot in (clusters.slot(str(get(done, "name"))) for done in entries):
                continue
            entry[key_for(entry, "name")] = _target(slot, dominant, clusters)
            entry[key_for(entry, "weight")] = left.pop(slot, 0)
        entries.append(entry)
    for slot, weight in left.items():
        entries.append({"name": _target(slot, dominant, clusters), "weight": weight})
    weighted = get(action, "weighted_clusters")
    if weighted is None:
        action.pop(key_for(action, "cluster"), None)
        action["weighted_clusters"] = {"clusters": entries}
        return
    weighted[key_for(weighted, "clusters")] = entries
    weighted.pop(key_for(weighted, "total_weight"), None)


def _named_by(action: Mapping[Any, Any]) -> frozenset[str]:
    single = get(action, "cluster")
    if single is not None:
        return frozenset({str(single)})
    entries = items(get(action, "weighted_clusters") or {}, "clusters")
    return frozenset(str(get(entry, "name")) for entry in entries)


def _dominant(weights: Mapping[str, int], direct: frozenset[str]) -> str:
    """The slot with most traffic, reached without a way out: when it fails, the other slots must
    not be flooded. Of two equal ones it stays the one that it was."""
    return max(sorted(weights), key=lambda slot: (weights[slot], slot in direct))


def _target(slot: str, dominant: str, clusters: Clusters) -> str:
    if slot == dominant:
        return clusters.live[slot]
    return clusters.fallback.get(slot, clusters.live[slot])
