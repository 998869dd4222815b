"""The model card: seven fields, read out of Markdown that anybody may have written.

Every pass over the text is linear in its length, whatever it holds.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

FieldVerdict = Literal["present", "empty", "unreachable"]

FIELDS: Mapping[str, str] = {
    "intended_use": "Intended use",
    "dataset_summary": "Dataset summary",
    "evaluation": "Evaluation metrics and slices",
    "failure_modes": "Failure modes",
    "latency_profile": "Latency profile",
    "cost_profile": "Cost profile",
    "safety_notes": "Safety notes",
}
"""The seven fields and their headings, in the order of the template."""

_ALSO: Mapping[str, tuple[str, ...]] = {
    "intended_use": ("intended uses", "uses", "direct use", "intended use cases"),
    "dataset_summary": ("dataset", "datasets", "training data", "data", "training dataset"),
    "evaluation": (
        "evaluation", "evaluation metrics", "evaluation results", "metrics", "slices",
        "quantitative analyses",
    ),
    "failure_modes": (
        "limitations", "known limitations", "bias risks and limitations",
        "caveats and recommendations",
    ),
    "latency_profile": ("latency",),
    "cost_profile": ("cost", "costs"),
    "safety_notes": ("safety", "ethical considerations"),
}  # fmt: skip
"""Headings that other templates have for the same."""

MOST_CHARACTERS = 256 * 1024
"""Of a card; what follows is not read."""

_ATX = re.compile(r" {0,3}(#{1,6})(?:[ \t]+(.*))?$")
_UNDERLINE = re.compile(r" {0,3}(=+|-+)[ \t]*$")
_FENCE = re.compile(r" {0,3}(`{3,}|~{3,})")
_RULE = re.compile(r"[ \t|:\-]*")
_PLACEHOLDERS = frozenset(
    {"todo", "tbd", "tba", "fixme", "xxx", "na", "more information needed", "to be done"}
)


@dataclass(frozen=True, slots=True)
class CardText:
    """Some Markdown, or one field's text, and where it came from."""

    source: str
    text: str


@dataclass(frozen=True, slots=True)
class CardField:
    """One field. `text` is as written, without blank lines around it."""

    name: str
    verdict: FieldVerdict
    text: str = ""
    source: str | None = None
    because: str = ""

    def to_json(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "verdict": self.verdict,
            "text": self.text or None,
            "source": self.source,
            "because": self.because or None,
        }


@dataclass(frozen=True, slots=True)
class Card:
    version: str
    fields: tuple[CardField, ...]

    @property
    def complete(self) -> bool:
        return all(field.verdict == "present" for field in self.fields)

    def of(self, verdict: FieldVerdict) -> tuple[CardField, ...]:
        return tuple(field for field in self.fields if field.verdict == verdict)


def make_card(
    version: str,
    files: Sequence[CardText],
    single: Mapping[str, CardText],
    prose: Sequence[CardText],
    unasked: str | None = None,
) -> Card:
    """Each field from the first place that fills it: card files, then texts of single fields, then
    descriptions. `unasked` says why a file could not be looked into: a field that is filled
    nowhere else may be filled there.
    """
    before = [(text.source, parse_card(text.text)) for text in files]
    after = [(text.source, parse_card(text.text)) for text in prose]

    def one(name: str) -> CardField:
        offers = [CardText(source, found.get(name, "")) for source, found in before]
        offers += [single[name]] if name in single else []
        offers += [CardText(source, found.get(name, "")) for source, found in after]
        for offer in offers:
            if not is_empty(offer.text):
                return CardField(name, "present", offer.text.strip("\n"), offer.source)
        if unasked is not None:
            return CardField(name, "unreachable", because=unasked)
        written = next((offer.source for offer in offers if offer.text), None)
        because = f"{written} says nothing here" if written else "no such heading anywhere"
        return CardField(name, "empty", because=because)

    return Card(version, tuple(one(name) for name in FIELDS))


def field_of(heading: str) -> str | None:
    """The field that a heading opens, or None: "3. Intended Use:" is intended_use."""
    return _FIELD_OF.get(_plain(heading))


def _plain(text: str) -> str:
    """Lower-case words alone, without a leading number."""
    words = re.sub(r"[\W_]+", " ", text.replace("&", " and ")).split()
    if words and words[0].isdecimal():
        words = words[1:]
    return " ".join(words).lower()


_FIELD_OF = {_plain(title): name for name, title in FIELDS.items()} | {
    also: name for name, titles in _ALSO.items() for also in titles
}


def parse_card(text: str) -> dict[str, str]:
    """The text under each field's heading; a field that no heading opens is left out.

    A heading below a field's own belongs to it unless it opens another field. What stands twice
    is joined. Headings within code, comments and front matter open nothing.
    """
    found: dict[str, list[str]] = {}
    stack: list[tuple[int, str | None]] = []
    lines = _without_front_matter(text[:MOST_CHARACTERS].replace("\r\n", "\n").split("\n"))
    fence, commented = "", False
    for index, line in enumerate(lines):
        level, title = 0, ""
        if fence:
            closing = _FENCE.match(line)
            if closing and closing[1].startswith(fence) and not line.strip(" \t`~"):
                fence = ""
        else:
            bare, commented = _uncomment(line, commented)
            opening = _FENCE.match(bare)
            if opening:
                fence = opening[1]
            else:
                level, title = _heading(bare, lines[index + 1] if index + 1 < len(lines) else "")
        if level:
            while stack and stack[-1][0] >= level:
                stack.pop()
            around = stack[-1][1] if stack else None
            stack.append((level, field_of(title) or around))
            if field_of(title):
                found.setdefault(str(field_of(title)), [])
                continue
        within = stack[-1][1] if stack else None
        if within is not None:
            found[within].append(line)
    return {name: "\n".join(_body(part)) for name, part in found.items()}


def _without_front_matter(lines: list[str]) -> list[str]:
    """Front matter stands between two lines of three dashes at the very top."""
    if lines and lines[0].rstrip() == "---":
        for index, line in enumerate(lines[1:], 1):
            if line.rstrip() in ("---", "..."):
                return lines[index + 1 :]
    return lines


def _uncomment(line: str, inside: bool) -> tuple[str, bool]:
    """The line without what stands in HTML comments; whether one goes on after it."""
    kept: list[str] = []
    at = 0
    while True:
        if inside:
            end = line.find("-->", at)
            if end < 0:
                return "".join(kept), True
            at, inside = end + 3, False
        start = line.find("<!--", at)
        if start < 0:
            return "".join([*kept, line[at:]]), False
        kept.append(line[at:start])
        at, inside = start + 4, True


def _heading(line: str, following: str) -> tuple[int, str]:
    """Level and words of a heading; level 0 where the line is none."""
    atx = _ATX.match(line)
    if atx:
        return len(atx[1]), (atx[2] or "").strip().rstrip("#").strip()
    underlined = _UNDERLINE.match(following)
    if underlined and line.strip() and not line.startswith("    ") and "|" not in line:
        return (1 if underlined[1][0] == "=" else 2), line.strip()
    return 0, ""


def _body(lines: list[str]) -> list[str]:
    """Without blank lines around it, and without the line under an underlined heading."""
    kept = list(lines)
    if kept and _UNDERLINE.match(kept[0]):
        kept.pop(0)
    while kept and not kept[0].strip():
        kept.pop(0)
    while kept and not kept[-1].strip():
        kept.pop()
    return kept


def is_empty(text: str) -> bool:
    """Whether nothing is said: only blanks, comments, headings, placeholders or a bare table."""
    said: list[str] = []
    commented = False
    for line in text[:MOST_CHARACTERS].split("\n"):
        bare, commented = _uncomment(line, commented)
        if bare.strip() and not _ATX.match(bare):
            said.append(bare)
    if len(said) == 2 and "|" in said[0] and _RULE.fullmatch(said[1]):
        return True
    return all(_is_placeholder(line) for line in said)


def _is_placeholder(line: str) -> bool:
    words = re.sub(r"[\W_]+", " ", line.replace("n/a", "na").replace("N/A", "na")).strip().lower()
    return not words or words in _PLACEHOLDERS
