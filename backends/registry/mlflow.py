"""MLflow's model registry over its REST interface. The package mlflow is never imported here:
that costs seconds, and its client waits minutes for a dead server.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from backends.base import Context, Health, Reading, StillOurs, always_ours
from backends.registry import mlflow_answers as answers
from backends.registry import mlflow_filters as filters
from backends.registry.mlflow_aliases import MlflowAliases
from backends.registry.mlflow_calls import PAGE
from backends.registry.mlflow_evaluation import MlflowEvaluations
from backends.registry.mlflow_ledger import EXPERIMENT, NoLedger
from backends.secrets import load
from core.errors import BackendError, Conflict, Denied, nearest
from core.ledger import Chain, Deed
from core.refs import Ref, Value, show
from core.schema import Duration, Secret, Url
from core.text import clean
from core.versions import Model

_TAG_OF = {"stage": answers.STAGE_TAG, "block": answers.BLOCK_TAG}


@dataclass(frozen=True, slots=True)
class Options:
    url: Url
    """The tracking server, `https://mlflow.example.com`."""
    token: Secret | None = None
    """A bearer token; MLflow's own basic-auth takes `username` and `password` instead."""
    username: str | None = None
    password: Secret | None = None
    timeout: Duration = 3.0
    ledger: Literal["auto", "required", "off"] = "auto"
    """Who moved which alias, in an experiment of the server. `auto` moves without an entry where
    the ledger may not be written, `required` does not, `off` never asks for it."""


def open_backend(options: Options, context: Context) -> MlflowRegistry:  # noqa: ARG001
    password = load(options.password)
    auth = (options.username, password or "") if options.username is not None else None
    token = None if auth else load(options.token)
    registry = MlflowRegistry(options.url, token=token, auth=auth, timeout=options.timeout)
    registry.claims = options.ledger
    return registry


class MlflowRegistry(MlflowEvaluations, MlflowAliases):
    """The `Registry` protocol on MLflow, with a ledger (`mlflow_aliases`) for its aliases.

    MLflow compares nothing before it sets: `write` reads again just before, which narrows the
    window in which somebody else's write is overwritten. A claim closes it among all who claim.
    """

    # Also with the ledger: it holds movers apart, and stops no request that lands late.
    guarded = False
    claims: Literal["auto", "required", "off"] = "auto"
    # A busy server works off its queue although nobody waits for the answers any more.
    settle_seconds = 5.0

    # Older servers do not understand IN.
    _lists = True

    # What there is

    async def aliases(self, models: Sequence[str]) -> Mapping[str, Mapping[str, str]]:
        wanted = list(dict.fromkeys(models))
        if not wanted:
            return {}
        if len(wanted) == 1:
            found = await self._find(wanted[0])
            return {} if found is None else {wanted[0]: self._understand(answers.aliases_of, found)}
        seen = await self._aliases_by_search(wanted, "")
        missing = [name for name in wanted if name not in seen]
        if missing:
            seen |= await self._aliases_by_search(missing, filters.PROMPTS)
        return {name: seen[name] for name in wanted if name in seen}

    async def model(self, name: str) -> Model:
        found = await self._model(name)
        what = f"versions of {clean(name)}"
        params = {"filter": filters.versions_of(name), "max_results": 10 * PAGE}
        items = [
            item
            async for item in self._pages("model-versions/search", "model_versions", params, what)
        ]
        return self._understand(
            lambda: answers.model(name, answers.aliases_of(found), items, answers.tags_of(found)),
            what=what,
        )

    async def names(self) -> Sequence[str]:
        what = "registered models"
        pages = self._pages("registered-models/search", "registered_models", {}, what)
        return [self._understand(answers.name_of, item, what=what) async for item in pages]

    async def check(self) -> Sequence[Health]:
        started = time.monotonic()
        label = self._http.backend
        try:
            await self._get("registered-models/search", {"max_results": 1}, "registered models")
        except BackendError as error:
            took = time.monotonic() - started
            return [Health(label, False, error.message, took, error.hint)]
        took = time.monotonic() - started
        return [
            Health(label, True, await self._server_version(), took),
            await self._check_ledger(),
            Health("MLflow: may write", None, "not checked: only a write would show it"),
        ]

    async def _check_ledger(self) -> Health:
        what = "MLflow: ledger of who moved what"
        if self.claims == "off":
            return Health(what, None, 'ledger = "off": two at once may overwrite each other')
        try:
            root = await self._find_root()
        except BackendError as error:
            return Health(what, False, error.message, hint=error.hint)
        if root is None:
            return Health(what, None, f"none yet: the first promotion makes {EXPERIMENT}")
        return Health(what, True, f"{self._place}, may be read; writing was not tried")

    # Refs

    async def read(self, ref: Ref) -> Reading:
        owner, item = ref.parts
        if ref.kind in _TAG_OF:
            tags = await self._version_tags(owner, item)
            return Reading(tags.get(_TAG_OF[ref.kind]))
        if ref.kind in ("alias", "prompt"):
            found = await self._model(owner, prompt=ref.kind == "prompt")
            named = self._understand(answers.aliases_of, found, what=f"aliases of {clean(owner)}")
            return Reading(named.get(item))
        raise self._denied(f"read {clean(ref)}", f"MLflow holds no {ref.kind}")

    async def write(self, ref: Ref, after: Value, *, before: Value, revision: str) -> None:
        await self.write_for(ref, after, before=before, revision=revision, deed=Deed())

    async def write_for(
        self,
        ref: Ref,
        after: Value,
        *,
        before: Value,
        revision: str,  # noqa: ARG002
        deed: Deed,
        still_ours: StillOurs = always_ours,
    ) -> str:
        if after is not None and not isinstance(after, str):
            raise self._denied(f"set {clean(ref)}", f"takes a word, not {clean(show(after))}")
        if ref.kind not in ("alias", "prompt") or self.claims == "off":
            await self._write_unclaimed(ref, after, before, still_ours)
            return ""
        if before is not None and not isinstance(before, str):
            raise self._denied(f"set {clean(ref)}", f"never was {clean(show(before))}")
        # Also where the ledger would say no: a prompt is no model, and a model no prompt.
        await self.read(ref)
        try:
            entry = await self._move(*ref.parts, after, before, deed, still_ours)
        except NoLedger as error:
            if self.claims == "required":
                raise
            await self._write_unclaimed(ref, after, before, still_ours)
            return f"without an entry in the ledger: {error.message.removeprefix('ledger: ')}"
        return f"entry {entry.number} of the ledger"

    async def ledger(self, models: Sequence[str]) -> Mapping[str, Chain]:
        return {} if self.claims == "off" else await super().ledger(models)

    async def _write_unclaimed(
        self, ref: Ref, after: str | None, before: Value, still_ours: StillOurs
    ) -> None:
        seen = (await self.read(ref)).value
        if seen not in (before, after):
            raise Conflict(
                f"{clean(ref)} is {clean(show(seen))}, not {clean(show(before))}: "
                f"somebody else changed it",
                hint="look at `modeldeck changes`, then make the plan again",
            )
        await still_ours()
        owner, item = ref.parts
        if ref.kind in _TAG_OF:
            await self._set_tag(owner, item, _TAG_OF[ref.kind], after)
        else:
            await self._set_alias(owner, item, after)

    async def _named(self, model: str, alias: str) -> str | None:
        found = await self._model(model)
        return self._understand(answers.aliases_of, found, what=f"aliases of {clean(model)}").get(
            alias
        )

    async def _set_tag(self, model: str, number: str, key: str, value: str | None) -> None:
        body = {"name": model, "version": number, "key": key}
        if value is None:
            await self._send("DELETE", "model-versions/delete-tag", body, f"delete tag {key}")
        else:
            await self._send(
                "POST", "model-versions/set-tag", {**body, "value": value}, f"set tag {key}"
            )

    async def _set_alias(self, model: str, alias: str, number: str | None) -> None:
        body, what = {"name": model, "alias": alias}, f"set {clean(model)}@{clean(alias)}"
        if number is None:
            await self._send("DELETE", "registered-models/alias", body, what)
            return
        try:
            await self._send("POST", "registered-models/alias", {**body, "version": number}, what)
        except Denied:
            await self._name_versions(model, number, what)
            raise

    # Calls

    async def _aliases_by_search(
        self, models: Sequence[str], more: str
    ) -> dict[str, Mapping[str, str]]:
        """Models that are left out do not exist, or are prompts where `more` does not ask."""
        listed = filters.any_of(models) if self._lists else None
        condition = " AND ".join(part for part in (listed, more) if part)
        params: dict[str, Any] = {"filter": condition} if condition else {}
        what, wanted = "aliases", set(models)
        found: dict[str, Mapping[str, str]] = {}
        try:
            async for item in self._pages(
                "registered-models/search", "registered_models", params, what
            ):
                name = self._understand(answers.name_of, item, what=what)
                if name in wanted:
                    found[name] = self._understand(answers.aliases_of, item, what=what)
        except Denied as error:
            if listed is None or error.http_status != 400:
                raise
            self._lists = False
            return await self._aliases_by_search(models, more)
        return found

    async def _find(self, name: str) -> Mapping[str, Any] | None:
        what = f"model {clean(name)}"
        answer = await self._look_up("registered-models/get", {"name": name}, what)
        if answer is None:
            return None
        return self._understand(answers.registered_model, answer, name, what=what)

    async def _model(self, name: str, *, prompt: bool | None = None) -> Mapping[str, Any]:
        """Raises Denied where there is none, or where it is not (or is) a prompt."""
        found = await self._find(name)
        kind = "prompt" if prompt else "model"
        what = f"{kind} {clean(name)}"
        if found is None:
            raise self._denied(what, f"there is no registered {what}", await self._alike(name))
        if prompt is not None and self._understand(answers.is_prompt, found) is not prompt:
            raise self._denied(what, f"{clean(name)} is a {'model' if prompt else 'prompt'}")
        return found

    async def _version_tags(self, model: str, number: str) -> Mapping[str, str]:
        what = f"version {clean(number)} of {clean(model)}"
        params = {"name": model, "version": number}
        known = number.isascii() and number.isdigit()
        answer = await self._look_up("model-versions/get", params, what) if known else None
        if answer is None:
            await self._name_versions(model, number, what)
            raise self._denied(what, f"there is no {what}")
        item = self._understand(answers.model_version, answer, (model, number), what=what)
        return self._understand(answers.tags_of, item, what=what)

    async def _name_versions(self, model: str, number: str, what: str) -> None:
        """Raises a Denied that names what there is, where the version is what is missing."""
        try:
            there = [version.number for version in (await self.model(model)).versions]
        except Denied:
            raise
        except BackendError:
            return
        if number not in there:
            newest = ", ".join(there[:3]) or "none"
            guess = f"its newest versions are {newest}.{nearest(number, there)}"
            said = f"{clean(model)} has no version {clean(number)}; {guess}"
            raise self._denied(what, said)

    async def _alike(self, name: str) -> str | None:
        try:
            return nearest(clean(name), [clean(known) for known in await self.names()]).strip()
        except BackendError:
            return None

    async def _server_version(self) -> str:
        try:
            answer = await self._http.request("GET", "/version", what="server version")
        except BackendError:
            return "answers, and does not tell its version"
        text = answer.text.strip()
        return f"MLflow {clean(text)}" if 0 < len(text) < 40 else "answers with no version"
