"""`card`: the model card of a version and what is empty in it, or a template to start from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from commands.deck import Deck
from commands.sources.lineage import find_version, read_card, read_lineage
from commands.spec import Cell, Grid, No, Spec, Style, option, positional
from core.card import FIELDS, Card, CardField, FieldVerdict
from core.card_template import template
from core.errors import BackendError, ModeldeckError, Refused, UsageError

MARKS: Mapping[FieldVerdict, tuple[str, Style]] = {
    "present": ("✔ present", "ok"),
    "empty": ("✖ empty", "critical"),
    "unreachable": ("? unreachable", "unknown"),
}
_WRITE = "modeldeck card {0} {1} --init --to model_card.md writes one to start from"


@dataclass(frozen=True, slots=True)
class Args:
    service: str = positional("the service", completes="service")
    version: str | None = positional(
        "a number, an alias or a stage; the champion if left out", completes="version", default=None
    )
    init: bool = option(
        "--init", "a card to start from, filled in with what the lineage knows", default=False
    )
    to: str | None = option("--to", "with --init: the file to write", default=None, metavar="PATH")


@dataclass(frozen=True)
class CardReport:
    service: str
    model: str
    card: Card

    def data(self) -> Mapping[str, Any]:
        return {
            "service": self.service,
            "model": self.model,
            "version": self.card.version,
            "complete": self.card.complete,
            "fields": [field.to_json() for field in self.card.fields],
        }

    def grids(self) -> Sequence[Grid]:
        rows: list[Sequence[Cell]] = [
            (
                MARKS[field.verdict],
                (FIELDS[field.name], "strong"),
                (field.source or "–", "dim"),
                (field.because, MARKS[field.verdict][1]),
            )
            for field in self.card.fields
        ]
        title = f"{self.service}: model card of {self.model} v{self.card.version}"
        checklist = Grid(("", "field", "from", ""), rows, title)
        return [checklist, *(self._text(field) for field in self.card.of("present"))]

    def _text(self, field: CardField) -> Grid:
        lines = [(line,) for line in field.text.split("\n")]
        return Grid((), lines, FIELDS[field.name], verbatim=True)

    def error(self) -> ModeldeckError | None:
        """A place that could not be looked into weighs more than a field that is empty."""
        name = f"{self.service} v{self.card.version}"
        unreachable = self.card.of("unreachable")
        if unreachable:
            said = f"the model card of {name} could not be read: {unreachable[0].because}"
            return BackendError(said, backend="card", hint="`modeldeck doctor` asks every backend")
        empty = self.card.of("empty")
        if empty:
            said = ", ".join(FIELDS[field.name] for field in empty)
            hint = _WRITE.format(self.service, self.card.version)
            return No(f"the model card of {name} lacks {said}", hint=hint)
        return None


@dataclass(frozen=True)
class TemplateReport:
    """A card to start from, on standard output or in `path`."""

    service: str
    version: str
    text: str
    path: Path | None

    def data(self) -> Mapping[str, Any]:
        path = str(self.path) if self.path else None
        return {
            "service": self.service,
            "version": self.version,
            "template": self.text,
            "path": path,
        }

    def grids(self) -> Sequence[Grid]:
        if self.path is None:
            return [
                Grid((), [(line,) for line in self.text.rstrip("\n").split("\n")], verbatim=True)
            ]
        said = f"wrote {self.path}: replace the comments, then log it as model_card.md"
        return [Grid((), [(said,)], verbatim=True)]

    def error(self) -> ModeldeckError | None:
        return None


async def run(deck: Deck, args: Args) -> CardReport | TemplateReport:
    if args.to is not None and not args.init:
        raise UsageError("--to says where --init writes", hint="add --init")
    service = deck.service(args.service)
    model, version = await find_version(deck, service, args.version)
    card = await read_card(deck, service, model, version)
    if not args.init:
        return CardReport(service.name, model.name, card)
    lineage = await read_lineage(deck, service, model, version)
    text = template(model.name, card, lineage)
    path = write_new(args.to, text) if args.to is not None else None
    return TemplateReport(service.name, version.number, text, path)


def write_new(to: str, text: str) -> Path:
    """The file, which was not there before. Raises Refused where it was."""
    file = Path(to).expanduser()
    try:
        with file.open("x", encoding="utf-8") as out:
            out.write(text)
    except FileExistsError as error:
        raise Refused(f"{file} is there already: it was left alone") from error
    except OSError as error:
        raise UsageError(f"{file} cannot be written: {error.strerror}") from error
    return file


SPEC = Spec(
    "card",
    "query",
    "The model card of a version and the fields that are empty",
    Args,
    run,
    (
        "modeldeck card tumor",
        "modeldeck card tumor 4 -o json",
        "modeldeck card tumor 4 --init --to model_card.md",
    ),
    watch=True,
)
