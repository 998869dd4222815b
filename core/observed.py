"""What was seen of one service before a plan is made: the joined view of versions and slots."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from core.config import Service
from core.errors import Refused, UsageError, nearest
from core.history import Release
from core.refs import Ref
from core.split import WHOLE, Split
from core.versions import Model, Version, parse_stage


@dataclass(frozen=True, slots=True)
class SlotView:
    """What a slot holds and whether a version can be loaded into it."""

    version: str | None
    ready: bool = True
    can_load: bool = False
    why_not: str = ""


@dataclass(frozen=True, slots=True)
class RouterView:
    shadow: bool = False
    smallest_step: int = 1
    limits: tuple[str, ...] = ()
    guarded: bool = True


@dataclass(frozen=True, slots=True)
class Observed:
    """One service as it was read just now. `releases` are newest first."""

    service: Service
    model: Model | None = None
    router: RouterView | None = None
    split: Split | None = None
    previous: Split | None = None
    """The settled split before the running canary or shadow, as the journal has it."""
    slots: Mapping[str, SlotView] = field(default_factory=dict)
    prompts: Mapping[Ref, str | None] = field(default_factory=dict)
    releases: tuple[Release, ...] = ()
    guarded_registry: bool = False
    left_behind: frozenset[str] = frozenset()
    """Versions that rollbacks left, as the journal has it: known without the registry."""
    returned: str | None = None
    """The release that the newest move of traffic led back to, as the journal has it; None where
    that was no rollback."""

    @property
    def name(self) -> str:
        return self.service.name

    @property
    def champion(self) -> str | None:
        return self.model.aliases.get(self.service.champion_alias) if self.model else None

    @property
    def live(self) -> dict[str, int]:
        """Version to basis points of live traffic; a slot of unknown version under "?slot"."""
        return by_version(self.split.weights if self.split else {}, self.held())

    def serves(self, version: str) -> bool:
        """Whether the main traffic is its own: more than a canary gets without the gate, or all
        of it before the canary that runs. Without a router it is the champion's."""
        if self.split is None:
            return version == self.champion
        share = self.live.get(version, 0)
        if share == WHOLE or share > max(WHOLE // 2, self.service.max_ungated):
            return True
        before = self.previous.settled if self.previous else None
        return share > 0 and before is not None and self.held().get(before) == version

    def as_served(self, version: Version) -> Model:
        """The model for judging `version`: what the alias names is compared with what users have,
        where that is another version, and not with itself."""
        model = self.need_model()
        main = next(iter(self.live), version.number)
        if version.number != self.champion or self.serves(version.number) or not model.find(main):
            return model
        return replace(model, aliases={**model.aliases, self.service.champion_alias: main})

    def held(self) -> dict[str, str | None]:
        return {name: slot.version for name, slot in self.slots.items()}

    def slot_of(self, version: str) -> str | None:
        """The slot that holds the version; one with live traffic first, then a ready one."""
        weights = self.split.weights if self.split else {}
        holding = [name for name, slot in self.slots.items() if slot.version == version]
        holding.sort(key=lambda name: (-weights.get(name, 0), not self.slots[name].ready, name))
        return holding[0] if holding else None

    def dominant(self, *, but: str | None = None) -> str | None:
        """The slot with most live traffic, the champion's when it has any; never `but`."""
        weights = {k: v for k, v in (self.split.weights if self.split else {}).items() if k != but}
        champion = self.slot_of(self.champion) if self.champion else None
        if champion in weights:
            return champion
        return max(weights, key=lambda name: weights[name], default=None)

    def release_now(self) -> Release | None:
        """The newest release whose content is what serves now, or None.

        Prompts that could not be read tell nothing against it.
        """
        live = self.live
        if self.split is None or self.split.settled is None or len(live) != 1:
            return None
        (version,) = live
        prompts = {ref.name: value for ref, value in self.prompts.items() if value is not None}
        unread = bool(self.service.prompts) and not self.prompts
        return next(
            (
                release
                for release in self.releases
                if release.version == version and (unread or dict(release.prompts) == prompts)
            ),
            None,
        )

    def need_model(self) -> Model:
        if self.model is None and self.service.model:
            raise Refused(f"model {self.service.model} of {self.name} could not be read")
        if self.model is None:
            raise Refused(
                f"{self.name} has no registered model",
                hint=f'name it in the config: [services.{self.name}] model = "…"',
            )
        return self.model

    def need_split(self) -> Split:
        if self.router is None or self.split is None:
            raise Refused(
                f"{self.name} has no router that modeldeck can move: traffic follows your deploy",
                hint=f"a [services.{self.name}.router] table in the config connects one",
            )
        return self.split

    def find(self, text: str) -> Version:
        """A version by number, alias (`@champion`), stage name, `run:ID` or `models:/name/13`."""
        model = self.need_model()
        word = text.strip()
        if word.startswith("models:/"):
            name, _, word = word.removeprefix("models:/").rpartition("/")
            if name != model.name:
                raise UsageError(
                    f"{text} is not a version of {model.name}, which {self.name} serves"
                )
        if word.startswith("@"):
            number = model.aliases.get(word[1:])
            if number is None:
                known = [f"@{alias}" for alias in model.aliases]
                raise UsageError(f"{model.name} has no alias {word}.{nearest(word, known)}")
            word = number
        elif word.startswith("run:"):
            return self._one(text, [v for v in model.versions if v.run_id == word[4:]])
        elif stage := parse_stage(word):
            alias = self.service.champion_alias
            return self._one(text, [v for v in model.versions if v.stage(alias) is stage])
        number = word.removeprefix("v")
        found = model.find(number)
        if found is None:
            numbers = [version.number for version in model.versions]
            guess = nearest(number, numbers) if numbers else ""
            listed = ", ".join(numbers[:12]) or "none"
            raise UsageError(
                f"{model.name} has no version {text!r}.{guess}", hint=f"there are {listed}"
            )
        return found

    def _one(self, text: str, found: list[Version]) -> Version:
        if len(found) == 1:
            return found[0]
        what = "no version" if not found else f"{len(found)} versions"
        numbers = ", ".join(version.number for version in found)
        raise UsageError(
            f"{text!r} names {what} of {self.name}",
            hint=f"name one of {numbers}" if numbers else None,
        )


def by_version(shares: Mapping[str, int], held: Mapping[str, str | None]) -> dict[str, int]:
    """Shares per slot as shares per version, largest first."""
    joined: dict[str, int] = {}
    for slot, share in sorted(shares.items(), key=lambda item: -item[1]):
        version = held.get(slot) or f"?{slot}"
        joined[version] = joined.get(version, 0) + share
    return joined
