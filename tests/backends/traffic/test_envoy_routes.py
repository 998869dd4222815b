"""Reading and editing route documents, without a server."""

from __future__ import annotations

import contextlib
import copy
import json
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from backends.traffic import envoy_routes as routes
from backends.traffic.envoy_clusters import Clusters
from backends.traffic.route_file import Malformed, dump, load
from core.split import WHOLE, Split

SLOTS = ("blue", "green", "red")
CLUSTERS = Clusters(
    live={slot: f"fraud-{slot}" for slot in SLOTS},
    shadow={slot: f"fraud-{slot}-shadow" for slot in SLOTS},
    fallback={"green": "fraud-green-or-blue", "red": "fraud-red-or-blue"},
)

shares = st.lists(st.integers(0, WHOLE), min_size=2, max_size=2).map(sorted)
live = shares.map(
    lambda cut: dict(zip(SLOTS, (cut[0], cut[1] - cut[0], WHOLE - cut[1]), strict=True))
)
shadow = st.dictionaries(st.sampled_from(SLOTS), st.integers(0, WHOLE))
splits = st.builds(Split.of, live, shadow)

words = st.text(
    st.characters(exclude_categories=["Cs", "Cc"], exclude_characters="\ufeff"), max_size=12
)
# What YAML takes for something else when it is not quoted.
traps = st.sampled_from(
    ["12:30", "no", "on", "y", "0644", "1e3", "~", "null", "1_000", "=", "2026-11-23", "", " a "]
)
scalars = st.one_of(words, traps, st.integers(-(2**31), 2**31), st.booleans())
foreign = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(words, inner, max_size=3),
    max_leaves=8,
)


def other_route(draw: Any) -> dict[str, Any]:
    action = draw(
        st.sampled_from(
            [
                {"cluster": "somebody-else"},
                {"weighted_clusters": {"clusters": [{"name": "x", "weight": 3}]}},
            ]
        )
    )
    return {
        "match": {"path": "/" + draw(words)},
        "route": copy.deepcopy(action),
        "metadata": {"other": draw(foreign)},
    }


@st.composite
def documents(draw: Any) -> dict[str, Any]:
    """Route files as people write them, with one or more concerned routes among others."""
    first = draw(splits)
    hosts = []
    for number in range(draw(st.integers(1, 2))):
        concerned = []
        for index in range(draw(st.integers(1, 2))):
            action: dict[str, Any] = {"timeout": "5s", "metadata": draw(foreign)}
            entries = [
                {"name": CLUSTERS.live[slot], "weight": share, "note": draw(words)}
                for slot, share in first.live
            ]
            if len(entries) == 1 and draw(st.booleans()):
                action["cluster"] = entries[0]["name"]
            else:
                action["weighted_clusters"] = {"clusters": entries, "use_hash_policy": True}
            policies: list[dict[str, Any]] = [{"cluster": "tap"}] if draw(st.booleans()) else []
            policies += [
                {
                    "cluster": CLUSTERS.shadow[slot],
                    "runtime_fraction": {
                        "default_value": {"numerator": share, "denominator": "TEN_THOUSAND"}
                    },
                }
                for slot, share in first.shadow
            ]
            if policies:
                action["request_mirror_policies"] = policies
            concerned.append({"match": {"prefix": f"/{index}"}, "route": action})
        others = [other_route(draw) for _ in range(draw(st.integers(0, 2)))]
        hosts.append({"name": f"h{number}", "domains": ["*"], "routes": [*others, *concerned]})
    config = {"name": "fraud", "virtual_hosts": hosts, "extra": draw(foreign)}
    return {"version_info": draw(words), "resources": [config], "extra": draw(foreign)}


def edited(document: dict[Any, Any], split: Split) -> dict[Any, Any]:
    config = routes.route_config(document, "fraud")
    changed = routes.with_split(config, CLUSTERS, split)
    config.clear()
    config.update(changed)
    return document


def everything_else(document: Any) -> Any:
    """The document without what a split may touch."""
    bare = copy.deepcopy(document)
    config = bare["resources"][0]
    config.pop("validate_clusters", None)
    for host in config["virtual_hosts"]:
        for route in host["routes"]:
            action = route["route"]
            if "metadata" in action:
                action.pop("cluster", None)
                entries = action.pop("weighted_clusters", {})
                action["hash"] = entries.get("use_hash_policy", True)
                policies = action.pop("request_mirror_policies", [])
                action["taps"] = [one for one in policies if one["cluster"] == "tap"]
    return bare


@settings(max_examples=50, deadline=None)
@given(documents(), splits)
def test_any_split_that_is_written_is_read_back_and_nothing_else_changes(
    document: dict[str, Any], split: Split
) -> None:
    before = copy.deepcopy(document)
    after = edited(document, split)
    assert routes.read_split(routes.route_config(after, "fraud"), CLUSTERS) == split
    assert everything_else(after) == everything_else(before)


@settings(max_examples=50, deadline=None)
@given(documents(), splits, st.sampled_from(["json", "yaml", "flow"]))
def test_files_keep_every_scalar_as_it_was(
    document: dict[str, Any], split: Split, notation: str
) -> None:
    if notation == "json":
        text = json.dumps(document, ensure_ascii=False).encode()
    else:
        flow = True if notation == "flow" else None
        text = yaml.safe_dump(document, default_flow_style=flow, allow_unicode=True).encode()
    read = (lambda t: json.loads(t)) if notation == "json" else yaml.safe_load
    new = dump(edited(load(text), split), text)
    assert everything_else(read(new)) == everything_else(read(text))
    assert routes.read_split(routes.route_config(load(new), "fraud"), CLUSTERS) == split


@settings(max_examples=50, deadline=None)
@given(
    st.binary(max_size=200) | words.map(str.encode) | foreign.map(lambda v: json.dumps(v).encode())
)
def test_any_file_is_read_or_refused_with_a_reason(text: bytes) -> None:
    with contextlib.suppress(Malformed):
        config = routes.route_config(load(text), "fraud")
        routes.read_split(config, CLUSTERS)
        routes.fingerprint(config, CLUSTERS)


@settings(max_examples=50, deadline=None)
@given(documents(), foreign, st.data())
def test_a_document_with_a_part_replaced_is_read_or_refused(
    document: dict[str, Any], junk: Any, data: st.DataObject
) -> None:
    place: Any = document
    while True:
        keys = list(place) if isinstance(place, dict) else list(range(len(place)))
        key = data.draw(st.sampled_from(keys))
        if not isinstance(place[key], dict | list) or not place[key] or data.draw(st.booleans()):
            place[key] = junk
            break
        place = place[key]
    with contextlib.suppress(Malformed):
        edited(document, Split.all_on("green"))
        routes.read_split(routes.route_config(document, "fraud"), CLUSTERS)
        routes.runtime_keys(routes.route_config(document, "fraud"), CLUSTERS)


def test_scalars_that_parsers_read_differently_are_written_as_they_stood() -> None:
    text = b"""
# what an operator wrote
resources:
- name: fraud
  virtual_hosts:
  - domains: ["*"]
    routes:
    - match: {prefix: /}
      route: {cluster: fraud-blue, timeout: 0.5s, a: 12:30, b: no, c: 0644, d: "5", e: 'no', f: }
"""
    new = dump(edited(load(text), Split.of({"blue": 9000, "green": 1000})), text).decode()
    for line in ("a: 12:30", "b: no", "c: 0644", 'd: "5"', 'e: "no"', "timeout: 0.5s", "f:\n"):
        assert line in new
    assert "weight: 9000" in new


def config_of(*actions: dict[str, Any], **more: Any) -> dict[str, Any]:
    made = [{"match": {"prefix": f"/{n}"}, "route": action} for n, action in enumerate(actions)]
    return {"name": "fraud", "virtual_hosts": [{"routes": made, **more}]}


def weighted(**weights: int) -> dict[str, Any]:
    entries = [{"name": f"fraud-{slot}", "weight": share} for slot, share in weights.items()]
    return {"weighted_clusters": {"clusters": entries}}


def test_a_single_cluster_has_everything() -> None:
    config = config_of({"cluster": "fraud-green"})
    assert routes.read_split(config, CLUSTERS) == Split.all_on("green")
    config = config_of({"cluster": "fraud-green-or-blue"})
    assert routes.read_split(config, CLUSTERS) == Split.all_on("green")


def test_any_weights_become_shares_of_the_whole() -> None:
    config = config_of(weighted(blue=1, green=1, red=1))
    shares = routes.read_split(config, CLUSTERS).weights
    assert sorted(shares.values()) == [3333, 3333, 3334]


def test_routes_that_disagree_are_refused() -> None:
    config = config_of(weighted(blue=90, green=10), weighted(blue=80, green=20))
    with pytest.raises(Malformed, match="disagree"):
        routes.read_split(config, CLUSTERS)
    config["virtual_hosts"][0]["routes"].pop()
    assert routes.read_split(config, CLUSTERS).weights == {"blue": 9000, "green": 1000}


@pytest.mark.parametrize(
    ("action", "said"),
    [
        ({"cluster": "else"}, "no route to any"),
        (weighted(blue=0, green=0), "sum to nothing"),
        (weighted(blue=90, purple=10), "no slot"),
        (weighted(blue=-1, green=5), "weight of -1"),
        (weighted(blue=90, green=2**40), "weight of"),
        ({"weighted_clusters": {"clusters": [{"name": "fraud-blue", "weight": "many"}]}}, "many"),
        ({**weighted(blue=1), "request_mirror_policies": "all"}, "list of mappings"),
    ],
)
def test_what_cannot_be_a_split_says_why(action: dict[str, Any], said: str) -> None:
    with pytest.raises(Malformed, match=said):
        routes.read_split(config_of(action), CLUSTERS)


def test_camel_case_is_read_and_kept() -> None:
    config = {
        "name": "fraud",
        "virtualHosts": [
            {
                "routes": [
                    {
                        "route": {
                            "weightedClusters": {
                                "clusters": [{"name": "fraud-blue", "weight": 1}],
                                "totalWeight": 1,
                                "runtimeKeyPrefix": "split",
                            },
                            "requestMirrorPolicies": [
                                {
                                    "cluster": "fraud-green-shadow",
                                    "runtimeFraction": {
                                        "defaultValue": {"numerator": 50},
                                        "runtimeKey": "shadow.green",
                                    },
                                }
                            ],
                        }
                    }
                ]
            }
        ],
    }
    assert routes.read_split(config, CLUSTERS) == Split.of({"blue": WHOLE}, {"green": 5000})
    assert routes.runtime_keys(config, CLUSTERS) == {"split.fraud-blue", "shadow.green"}
    after = Split.of({"blue": 9900, "green": 100}, {"green": 1, "red": 2})
    changed = routes.with_split(config, CLUSTERS, after)
    assert routes.read_split(changed, CLUSTERS) == after
    action = changed["virtualHosts"][0]["routes"][0]["route"]
    assert set(action) == {"weightedClusters", "requestMirrorPolicies"}
    assert "totalWeight" not in action["weightedClusters"]
    assert action["requestMirrorPolicies"][0]["runtimeFraction"]["runtimeKey"] == "shadow.green"


def test_all_slots_but_the_dominant_one_have_a_way_out() -> None:
    def named(split: Split) -> list[str]:
        changed = routes.with_split(config_of(weighted(blue=100)), CLUSTERS, split)
        entries = changed["virtual_hosts"][0]["routes"][0]["route"]["weighted_clusters"]
        return [entry["name"] for entry in entries["clusters"] if entry["weight"]]

    assert named(Split.of({"blue": 9500, "green": 500})) == ["fraud-blue", "fraud-green-or-blue"]
    assert named(Split.of({"blue": 500, "green": 9500})) == ["fraud-blue", "fraud-green"]
    assert named(Split.of({"blue": 5000, "green": 5000})) == ["fraud-blue", "fraud-green-or-blue"]
    assert named(Split.all_on("red")) == ["fraud-red"]


def test_the_order_of_the_clusters_stays_so_that_sticky_users_move_once() -> None:
    config = config_of(weighted(green=100, blue=9900))
    for share in (500, 5000, 9500, 10_000, 0):
        split = Split.of({"blue": WHOLE - share, "green": share})
        config = routes.with_split(config, CLUSTERS, split)
        entries = config["virtual_hosts"][0]["routes"][0]["route"]["weighted_clusters"]["clusters"]
        assert [CLUSTERS.slot(entry["name"]) for entry in entries] == ["green", "blue"]


def test_a_forced_variant_has_no_part_in_the_split_and_stays() -> None:
    forced = {
        "match": {"prefix": "/", "headers": [{"name": "x-variant", "exact_match": "green"}]},
        "route": {"cluster": "fraud-green"},
    }
    everybody = {"match": {"prefix": "/"}, "route": weighted(blue=100)}
    config = {"name": "fraud", "virtual_hosts": [{"routes": [forced, everybody]}]}
    assert routes.read_split(config, CLUSTERS) == Split.all_on("blue")
    assert routes.forced(config, CLUSTERS) == 1
    changed = routes.with_split(config, CLUSTERS, Split.all_on("red"))
    assert changed["virtual_hosts"][0]["routes"][0] == forced
    assert routes.read_split(changed, CLUSTERS) == Split.all_on("red")


def test_a_method_is_no_variant() -> None:
    post = {
        "match": {"prefix": "/", "headers": [{"name": ":method", "exact_match": "POST"}]},
        "route": {"cluster": "fraud-green"},
    }
    rest = {"match": {"prefix": "/"}, "route": {"cluster": "fraud-blue"}}
    config = {"name": "fraud", "virtual_hosts": [{"routes": [post, rest]}]}
    with pytest.raises(Malformed, match="disagree"):
        routes.read_split(config, CLUSTERS)


def test_mirrors_of_others_stay_and_inherited_ones_are_carried_over() -> None:
    tap = {"cluster": "tap", "trace_sampled": False}
    config = config_of(weighted(blue=1), request_mirror_policies=[tap])
    shadowed = Split.of({"blue": WHOLE}, {"green": 100})
    changed = routes.with_split(config, CLUSTERS, shadowed)
    policies = changed["virtual_hosts"][0]["routes"][0]["route"]["request_mirror_policies"]
    assert policies[0] == tap
    assert routes.read_split(changed, CLUSTERS) == shadowed
    off = routes.with_split(changed, CLUSTERS, Split.all_on("blue"))
    assert off["virtual_hosts"][0]["routes"][0]["route"]["request_mirror_policies"] == [tap]


def test_a_shadow_that_the_virtual_host_makes_cannot_be_taken_back_silently() -> None:
    ours = {"cluster": "fraud-green-shadow"}
    config = config_of(weighted(blue=1), request_mirror_policies=[ours])
    assert routes.read_split(config, CLUSTERS).mirrors == {"green": WHOLE}
    with pytest.raises(Malformed, match="virtual host"):
        routes.with_split(config, CLUSTERS, Split.all_on("blue"))


def test_another_services_routes_do_not_change_the_revision() -> None:
    config = config_of(weighted(blue=90, green=10), {"cluster": "search-blue"})
    before = routes.fingerprint(config, CLUSTERS)
    config["virtual_hosts"][0]["routes"][1]["route"]["cluster"] = "search-green"
    assert routes.fingerprint(config, CLUSTERS) == before
    config["virtual_hosts"][0]["routes"][0]["route"]["timeout"] = "9s"
    assert routes.fingerprint(config, CLUSTERS) != before


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (b"", "empty"),
        (b"[1, 2]", "no mapping"),
        (b"resources: [", "no YAML"),
        (b"a: &a [*a]", "itself"),
        (b"a: !!python/object:os.system x", "tag"),
        (b"a: 1\na: 2", "twice"),
        (b"\xff\xfe\x00", "no YAML"),
        (b"resources: []", "0 route configurations"),
    ],
)
def test_files_that_are_none_say_why(text: bytes, said: str) -> None:
    with pytest.raises(Malformed, match=said):
        routes.route_config(load(text), "fraud")


def test_a_yaml_bomb_is_refused_at_once() -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 9)]
    with pytest.raises(Malformed, match="nodes"):
        load("\n".join(lines).encode())
