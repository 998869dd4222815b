"""Refs: the named things that a change may set, and the values that they take."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, cast, get_args

from core.split import Split

Kind = Literal["stage", "alias", "traffic", "slot", "prompt", "index", "block"]
KINDS: tuple[str, ...] = get_args(Kind)

Value = str | Split | None
"""A version, a stage or a name; a split for `traffic`; None where nothing is set."""

# What stands between the two parts of a name, per kind; the last one counts, since registered
# model names may themselves hold an "@".
_SEPARATOR = {"stage": "/", "alias": "@", "slot": "/", "prompt": "@", "index": "@", "block": "/"}


@dataclass(frozen=True, slots=True, order=True)
class Ref:
    """`kind:name`, such as `alias:fraud@champion`. Refs sort, so that leases cannot deadlock."""

    kind: Kind
    name: str

    def __str__(self) -> str:
        return f"{self.kind}:{self.name}"

    @property
    def parts(self) -> tuple[str, str]:
        """The name in its two parts: `alias:fraud@champion` is ("fraud", "champion")."""
        separator = _SEPARATOR.get(self.kind)
        if separator is None:
            return self.name, ""
        owner, _, item = self.name.rpartition(separator)
        return owner, item

    @classmethod
    def parse(cls, text: str) -> Ref:
        """Raises ValueError with what would be right."""
        kind, colon, name = text.partition(":")
        if not colon or kind not in KINDS or not name:
            raise ValueError(f"{text!r} is not a ref; one looks like alias:fraud@champion")
        ref = cls(cast("Kind", kind), name)
        if kind in _SEPARATOR and not all(ref.parts):
            raise ValueError(f"{text!r} is not a ref; {kind} refs look like {_EXAMPLES[kind]}")
        return ref


_EXAMPLES = {
    "stage": "stage:fraud/13",
    "alias": "alias:fraud@champion",
    "slot": "slot:fraud/green",
    "prompt": "prompt:explainer@production",
    "index": "index:docs@live",
    "block": "block:fraud/13",
}


def stage_ref(model: str, version: str) -> Ref:
    return Ref("stage", f"{model}/{version}")


def alias_ref(model: str, alias: str) -> Ref:
    return Ref("alias", f"{model}@{alias}")


def prompt_ref(prompt: str, alias: str) -> Ref:
    return Ref("prompt", f"{prompt}@{alias}")


def traffic_ref(service: str) -> Ref:
    return Ref("traffic", service)


def slot_ref(service: str, slot: str) -> Ref:
    return Ref("slot", f"{service}/{slot}")


def block_ref(model: str, version: str) -> Ref:
    return Ref("block", f"{model}/{version}")


def encode(value: Value) -> Any:
    """A value as JSON has it."""
    return value.to_json() if isinstance(value, Split) else value


def decode(value: Any) -> Value:
    """The value back from its JSON."""
    if value is None or isinstance(value, str):
        return value
    return Split.from_json(value)


def show(value: Value) -> str:
    return "–" if value is None else str(value)
