"""The model card: seven fields out of any Markdown, and what counts as empty."""

from __future__ import annotations

import time

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from core.card import (
    FIELDS,
    MOST_CHARACTERS,
    Card,
    CardText,
    field_of,
    is_empty,
    make_card,
    parse_card,
)
from core.card_template import template
from core.lineage import Item, Lineage, Part
from core.lineage_keys import TITLES

WORDS = st.text(st.characters(codec="utf-8", exclude_characters="\n\r#`~<>=-|"), max_size=40)
PIECES = st.sampled_from(
    [
        *(f"## {title}" for title in FIELDS.values()),
        "# x", "### Sub", "```", "~~~~", "<!--", "-->", "---", "===", "| a | b |", "| --- | --- |",
        "TODO", "", "    ", "\x1b[31mred", "\u202eright to left", "## Safety notes ##", "\x00", "\r",
    ]
)  # fmt: skip
MARKDOWN = st.lists(PIECES | WORDS | st.text(max_size=20)).map("\n".join)


def bare(version: str = "3") -> Card:
    return make_card(version, [], {}, [])


@given(MARKDOWN)
@example("---\n## Safety notes\nx")
@example("<!-- ## Safety notes\nx -->\n## Cost profile\ny")
def test_any_text_gives_fields_out_of_itself(text: str) -> None:
    found = parse_card(text)
    assert set(found) <= set(FIELDS)
    lines = set(text.replace("\r\n", "\n").split("\n"))
    for part in found.values():
        assert set(part.split("\n")) - {""} <= lines
        is_empty(part)


@given(st.dictionaries(st.sampled_from([*FIELDS]), WORDS.map(lambda text: f"says {text}")))
def test_what_is_written_under_a_fields_heading_is_that_field(written: dict[str, str]) -> None:
    text = "\n".join(f"## {FIELDS[name]}\n{said}\n" for name, said in written.items())
    assert {name: part.split("\n")[0] for name, part in parse_card(text).items()} == written
    card = make_card("3", [CardText("file", text)], {}, [])
    assert {field.name for field in card.of("present")} == set(written)


@pytest.mark.parametrize(
    "unit", ["<!--", "<!-- -->", "#", "# ", "```\n", "-", "=", "|", "---\n", "`", "~", "\n", " "]
)
@pytest.mark.parametrize("ending", ["", "x", "\n## Safety notes\nfine"])
def test_a_hostile_card_takes_no_longer_than_a_long_one(unit: str, ending: str) -> None:
    text = (unit * (2 * MOST_CHARACTERS // len(unit)))[:MOST_CHARACTERS] + ending
    started = time.process_time()
    found = parse_card(text)
    any(is_empty(part) for part in [text, *found.values()])
    assert time.process_time() - started < 5


@pytest.mark.parametrize(
    ("heading", "field"),
    [
        ("Intended use", "intended_use"),
        ("3. INTENDED USE:", "intended_use"),
        ("**Latency profile**", "latency_profile"),
        ("Evaluation metrics & slices", "evaluation"),
        ("Bias, Risks, and Limitations", "failure_modes"),
        ("Training data", "dataset_summary"),
        ("Ethical considerations", "safety_notes"),
        ("How to cite", None),
        ("", None),
    ],
)
def test_headings_of_other_templates_are_known(heading: str, field: str | None) -> None:
    assert field_of(heading) == field


@pytest.mark.parametrize(
    "text",
    [
        "", " \n\t", "TODO", "tbd.", "N/A", "…", "[More Information Needed]", "### Sub heading",
        "<!-- who uses it -->", "<!-- a\nb\nc -->\n\nTODO", "| metric | value |\n| --- | --- |",
    ],
)  # fmt: skip
def test_a_placeholder_is_empty(text: str) -> None:
    assert is_empty(text)


@pytest.mark.parametrize("text", ["none known", "0", "| a |\n| --- |\n| 1 |", "<!-- x --> said"])
def test_a_word_is_not_empty(text: str) -> None:
    assert not is_empty(text)


def test_headings_in_code_comments_and_front_matter_open_nothing() -> None:
    text = """---
## Intended use: no
---
```
## Cost profile
free
```
<!--
## Safety notes
harmless
-->
Latency profile
---------------
p95 9 ms
### On a GPU
```sh
# Failure modes
```
p95 2 ms
# Something else
not latency
"""
    found = parse_card(text)
    assert set(found) == {"latency_profile"}
    assert found["latency_profile"].startswith("p95 9 ms\n### On a GPU")
    assert found["latency_profile"].endswith("p95 2 ms")


def test_each_field_comes_from_the_first_place_that_fills_it() -> None:
    file = CardText("file", "## Intended use\nTODO\n## Cost profile\ncheap")
    single = {"intended_use": CardText("tag", "to rank")}
    prose = CardText("description", "## Intended use\nelse\n## Safety notes\nharmless")
    card = make_card("3", [file], single, [prose])
    told = {field.name: (field.text, field.source) for field in card.of("present")}
    assert told == {
        "intended_use": ("to rank", "tag"),
        "cost_profile": ("cheap", "file"),
        "safety_notes": ("harmless", "description"),
    }
    assert not card.complete


def test_a_place_that_nobody_could_look_into_leaves_no_field_empty() -> None:
    card = make_card("3", [CardText("tag", "## Cost profile\ncheap")], {}, [], "no answer")
    assert {field.verdict for field in card.fields} == {"present", "unreachable"}
    assert {field.because for field in card.of("unreachable")} == {"no answer"}


def lineage(text: str) -> Lineage:
    def item(name: str) -> Item:
        parts = (
            (Part(text, 0.5, dataset=text), Part("latency_p95", 0.004)) if name == "metrics" else ()
        )
        return Item(name, "present", text, parts=parts)

    return Lineage("3", None, tuple(item(name) for name in TITLES))


def _neutral(text: str) -> bool:
    """Whether it is a name that says nothing of latency or cost."""
    return bool(text.strip()) and not any(word in text.lower() for word in ("latency", "cost"))


@given(st.text(max_size=30).filter(_neutral))
@example("-->\n## Safety notes\nall is well")
@example("<!--")
@example("```")
def test_the_template_reads_back_as_what_was_known_whatever_was_logged(text: str) -> None:
    written = template(text, bare(), lineage(text))
    assert "\x1b" not in written
    filled = {name for name, part in parse_card(written).items() if not is_empty(part)}
    assert filled == {"dataset_summary", "evaluation", "latency_profile"}
    assert set(parse_card(written)) == set(FIELDS)


def test_a_template_without_lineage_is_empty_and_keeps_what_was_written() -> None:
    assert all(is_empty(part) for part in parse_card(template("fraud", bare(), None)).values())
    card = make_card("3", [CardText("file", "## Cost profile\n| a |\n\nb")], {}, [])
    assert "## Cost profile\n| a |\n\nb\n" in template("fraud", card, None)


def test_what_is_not_present_is_not_filled_in() -> None:
    broken = tuple(Item(name, "broken", "x") for name in TITLES)
    written = template("fraud", bare(), Lineage("3", None, broken))
    assert all(is_empty(part) for part in parse_card(written).values())
