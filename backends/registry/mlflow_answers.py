"""What MLflow answers, as values: pure, and distrustful of every part.

Each function raises `Malformed` with what is wrong. Names, numbers, run ids and tags come back
as they were sent, control characters and all: they go back to the server as identifiers, and
are cleaned where they are shown. Only prose (a version's status message) is cleaned here.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from backends.registry.mlflow_fields import Malformed, items, moment, number, table, text
from core.text import clean
from core.versions import Model, Version

IS_PROMPT = "mlflow.prompt.is_prompt"
STAGE_TAG = "stage"
BLOCK_TAG = "modeldeck.blocked"

_READY = "READY"


def page(answer: Mapping[str, Any], key: str) -> tuple[list[Mapping[str, Any]], str | None]:
    """The items of one page and the token of the next; MLflow leaves empty lists out."""
    return items(answer, key), text(answer, "next_page_token", "") or None


def registered_model(answer: Mapping[str, Any], asked: str | None = None) -> Mapping[str, Any]:
    """The `registered_model` of an answer; the one that was asked for, if that is given."""
    model = table(answer, "registered_model")
    if asked is not None and name_of(model) != asked:
        raise Malformed(f"was asked for model {asked!r} and answered {name_of(model)!r}")
    return model


def name_of(item: Mapping[str, Any]) -> str:
    return text(item, "name")


def is_prompt(model: Mapping[str, Any]) -> bool:
    return tags_of(model).get(IS_PROMPT, "").lower() == "true"


def aliases_of(model: Mapping[str, Any]) -> dict[str, str]:
    """Alias to version number."""
    return {text(item, "alias"): number(item, "version") for item in items(model, "aliases")}


def tags_of(item: Mapping[str, Any]) -> dict[str, str]:
    """Tags as written; a tag without a value is an empty string."""
    return {text(tag, "key"): text(tag, "value", "") for tag in items(item, "tags")}


def model_version(
    answer: Mapping[str, Any], asked: tuple[str, str] | None = None
) -> Mapping[str, Any]:
    """The `model_version` of an answer; the one that was asked for, if that is given."""
    item = table(answer, "model_version")
    if asked is not None and (name_of(item), number_of(item)) != asked:
        raise Malformed(f"was asked for {asked} and answered another version")
    return item


def number_of(item: Mapping[str, Any]) -> str:
    return number(item, "version")


def model(
    name: str,
    aliases: Mapping[str, str],
    versions: list[Mapping[str, Any]],
    tags: Mapping[str, str] | None = None,
) -> Model:
    """Versions newest first by number; a version that a page repeats counts once."""
    names: dict[str, list[str]] = {}
    for alias, named in aliases.items():
        names.setdefault(named, []).append(alias)
    found = {
        number_of(item): _version(name, item, names.get(number_of(item), []))
        for item in versions
        if name_of(item) == name
    }
    newest_first = sorted(found.values(), key=lambda version: int(version.number), reverse=True)
    return Model(name, tuple(newest_first), dict(aliases), dict(tags or {}))


def _version(model_name: str, item: Mapping[str, Any], aliases: list[str]) -> Version:
    tags = tags_of(item)
    status = text(item, "status", _READY)
    said = text(item, "status_message", "")
    legacy = text(item, "current_stage", "None")
    return Version(
        model=model_name,
        number=number_of(item),
        created=moment(item, "creation_timestamp"),
        status=status if status == _READY else clean(f"{status}: {said}" if said else status),
        run_id=text(item, "run_id", "") or None,
        tag_stage=tags.get(STAGE_TAG),
        legacy_stage=None if legacy == "None" else legacy,
        aliases=tuple(sorted(aliases)),
        blocked=tags.get(BLOCK_TAG),
        tags=tags,
        description=text(item, "description", ""),
        source=text(item, "source", ""),
    )
