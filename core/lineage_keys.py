"""Where the ten items of lineage are looked for: the defaults, and what a config may say.

No store standardises seeds, images, feature versions or approvals. What the clients of one store
note by themselves, its adapter names (`Registry.lineage_keys`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from core.evidence import Key, parse_key

TITLES: Mapping[str, str] = {
    "commit": "commit SHA",
    "dataset": "dataset snapshot",
    "feature_version": "feature version",
    "hyperparameters": "hyperparameters",
    "seeds": "seeds",
    "hardware": "hardware or image",
    "metrics": "metrics",
    "artifacts": "artifact links",
    "owner": "owner",
    "approval": "approval status",
}
"""The ten items by name, in the order in which they are shown."""

DEFAULT_KEYS: Mapping[str, tuple[str, ...]] = {
    "commit": ("tags.commit",),
    "dataset": ("inputs.training", "inputs.train", "inputs"),
    "feature_version": (
        "tags.feature_version",
        "params.feature_version",
        "version_tags.feature_version",
    ),
    "hyperparameters": ("params",),
    "seeds": ("params.seed", "params.random_state", "params.random_seed", "tags.seed"),
    "hardware": ("tags.image", "tags.hardware", "version_tags.hardware"),
    "metrics": ("metrics",),
    "artifacts": ("model.MLmodel",),
    "owner": ("version_tags.owner", "tags.owner", "model_tags.owner"),
    "approval": ("version_tags.approval", "version_tags.approval_status", "tags.approval"),
}
"""Where each item is looked for unless the config says otherwise, after the store's own keys. The
first key that holds something counts; of hyperparameters, metrics and artifacts every key must."""

_TEXT = frozenset({"tags", "params", "version_tags", "model_tags"})
ALLOWED: Mapping[str, frozenset[str]] = {
    **dict.fromkeys(TITLES, _TEXT),
    "dataset": _TEXT | {"inputs"},
    "metrics": frozenset({"metrics"}),
    "artifacts": frozenset({"artifacts", "model"}),
}
"""The kinds of key that each item takes."""

CARD_KEYS = ("artifacts.model_card.md", "model.model_card.md", "version_tags.model_card")
"""Where a model card lies: Markdown, in files or tags."""
CARD_ALLOWED = frozenset({"artifacts", "model", "tags", "version_tags", "model_tags"})

Keys = Mapping[str, Sequence[Key]]


def default_keys(own: Mapping[str, Sequence[str]]) -> dict[str, tuple[str, ...]]:
    """Where each item is looked for in a store whose clients note some under keys of its `own`."""
    return {name: (*own.get(name, ()), *keys) for name, keys in DEFAULT_KEYS.items()}


def keys_of(
    *configured: Mapping[str, Sequence[str] | None], own: Mapping[str, Sequence[str]] | None = None
) -> dict[str, tuple[Key, ...]]:
    """The keys of every item: what the later tables say stands before the earlier, and the
    defaults come last. Raises ValueError for a key that is none."""
    chosen: dict[str, Sequence[str]] = {**default_keys(own or {})}
    for table in configured:
        chosen |= {name: keys for name, keys in table.items() if keys and name in TITLES}
    return {name: tuple(parse_key(key) for key in keys) for name, keys in chosen.items()}


def wrong_keys(name: str, texts: Sequence[str]) -> list[str]:
    """What is wrong with the keys that a config gives an item, in words."""
    said = [] if texts else ["is empty; it takes at least one key"]
    for text in texts:
        try:
            key = parse_key(text)
        except ValueError as error:
            said.append(f"holds a key that is none: {error}")
            continue
        allowed = CARD_ALLOWED if name == "card" else ALLOWED[name]
        if key.kind not in allowed:
            what = TITLES.get(name, "model card")
            said.append(f"holds {text!r}; the {what} is looked for in {', '.join(sorted(allowed))}")
    return said
