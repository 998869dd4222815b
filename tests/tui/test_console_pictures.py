"""A few screens as pictures: a change of face is seen, and made on purpose."""

from __future__ import annotations

import re

import pytest

from tests.tui.pictures import PICTURES, draw, path


@pytest.mark.parametrize("name", PICTURES)
def test_the_screen_looks_as_it_was_drawn(name: str) -> None:
    drawn, kept = draw(name), path(name).read_text()
    # The words first: their difference is readable.
    assert words(drawn) == words(kept)
    assert drawn == kept, "python -m tests.tui.pictures writes the pictures anew"


def words(svg: str) -> list[str]:
    return re.findall(r"<text[^>]*>([^<]*)</text>", svg)
