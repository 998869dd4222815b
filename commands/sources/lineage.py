"""The evidence behind lineage and model card, read from the registry and a local clone."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import asdict

from backends.source.git import has_commit
from commands.deck import Deck
from commands.sources.service import read_model
from commands.together import together
from core.card import FIELDS, MOST_CHARACTERS, Card, CardText, make_card
from core.config import Service
from core.errors import BackendError
from core.evidence import FILES, Evidence, Key, RunRecord, Unasked, parse_key
from core.lineage import Lineage, commit_of, judge
from core.lineage_keys import CARD_KEYS, Keys, keys_of
from core.observed import Observed
from core.versions import Model, Version

AT_ONCE = 4
"""Files that are asked for at one time."""
_FIELD_TAG = "model_card."
"""`model_card.intended_use`, a tag of the version or the run, holds one field."""


async def find_version(deck: Deck, service: Service, text: str | None) -> tuple[Model, Version]:
    """The version that a command names; the champion where it names none.

    Raises Refused without a registered model, UsageError where there is no such version,
    BackendError where the registry cannot be asked.
    """
    seen = Observed(service, await read_model(deck, service))
    model = seen.need_model()
    return model, seen.find(text or f"@{service.champion_alias}")


async def read_lineage(deck: Deck, service: Service, model: Model, version: Version) -> Lineage:
    """The ten items, judged. What could not be asked is unreachable, and nothing is raised."""
    keys = _keys(deck, service)
    run, files = await together(_run(deck, version), _files(deck, version, keys["artifacts"], 1))
    there = {key: seen if isinstance(seen, Unasked) else seen is not None for key, seen in files}
    evidence = Evidence(version, run, model.tags, there)
    clone = service.lineage.clone or deck.config.lineage.clone
    known = await _commit(clone, commit_of(evidence, keys))
    return judge(Evidence(version, run, model.tags, there, known), keys)


async def read_card(deck: Deck, service: Service, model: Model, version: Version) -> Card:
    """The seven fields: card files and tags, tags of single fields, then the descriptions."""
    named = service.lineage.card or deck.config.lineage.card or CARD_KEYS
    keys = [parse_key(text) for text in named]
    wanted = [key for key in keys if key.kind in FILES]
    run, found = await together(_run(deck, version), _files(deck, version, wanted, MOST_CHARACTERS))
    evidence = Evidence(version, run, model.tags)
    read = dict(found)
    texts: list[CardText] = []
    unasked = [run.why] if isinstance(run, Unasked) else []
    for key in keys:
        seen = read[key] if key in read else evidence.text(key)
        if isinstance(seen, Unasked):
            unasked.append(seen.why)
        elif isinstance(seen, bytes):
            texts.append(CardText(key.words, seen.decode(errors="replace")))
        elif seen is not None:
            texts.append(CardText(key.words, seen))
    single = {}
    for name in FIELDS:
        for kind in ("version_tags", "tags"):
            key = Key(kind, _FIELD_TAG + name)
            value = evidence.text(key)
            if value is not None and name not in single:
                single[name] = CardText(key.words, value)
    prose = [CardText("description of the version", version.description)]
    for text in deck.registry.description_keys:
        note = evidence.text(parse_key(text))
        prose += [CardText("description of the run", note)] if note else []
    return make_card(version.number, texts, single, prose, unasked[0] if unasked else None)


def _keys(deck: Deck, service: Service) -> Keys:
    tables = (deck.config.lineage, service.lineage)
    configured = ({k: v for k, v in asdict(one).items() if k != "clone"} for one in tables)
    return keys_of(*configured, own=deck.registry.lineage_keys)


async def _run(deck: Deck, version: Version) -> RunRecord | Unasked:
    try:
        return await deck.registry.run_record(version)
    except BackendError as error:
        return Unasked(error.message)


async def _files(
    deck: Deck, version: Version, keys: Sequence[Key], most: int
) -> list[tuple[Key, bytes | Unasked | None]]:
    """The beginning of each file; None where it is not there."""
    turns = asyncio.Semaphore(AT_ONCE)

    async def one(key: Key) -> tuple[Key, bytes | Unasked | None]:
        async with turns:
            try:
                return key, await deck.registry.file(version, key, most=most)
            except BackendError as error:
                return key, Unasked(error.message)

    return list(await together(*(one(key) for key in keys)))


async def _commit(clone: str | None, commit: str | None) -> bool | Unasked | None:
    if clone is None or commit is None:
        return None
    try:
        return await has_commit(clone, commit)
    except BackendError as error:
        return Unasked(error.message)
