"""The one key that moves production: never too early, never held, never without the name."""

from __future__ import annotations

from tui.confirm import HELD_WITHIN, READY_AFTER, Confirmation


def test_a_fresh_key_after_half_a_second_confirms() -> None:
    box = Confirmation()
    box.shown(True, 10.0)
    assert box.confirms(box.saw("y", 10.0 + READY_AFTER), 10.0 + READY_AFTER) == ""


def test_a_key_right_after_the_plan_appeared_confirms_nothing() -> None:
    box = Confirmation()
    box.shown(True, 10.0)
    assert "too early" in box.confirms(box.saw("y", 10.4), 10.4)


def test_a_key_that_is_held_down_never_confirms() -> None:
    box = Confirmation()
    at = 9.0
    for _ in range(3):
        box.saw("y", at)
        at += 0.03
    box.shown(True, at)
    # The keyboard's first pause, then thirty repeats a second, for a minute.
    at += 0.66
    for _ in range(1800):
        assert box.confirms(box.saw("y", at), at) != ""
        at += 0.033


def test_a_key_that_went_down_just_before_the_box_was_complete_never_confirms() -> None:
    box = Confirmation()
    box.saw("y", 9.99)
    box.shown(True, 10.0)
    for after in (0.52, 0.66, 0.7, 1.1):
        assert "held" in box.confirms(box.saw("y", 10.0 + after), 10.0 + after)


def test_letting_go_and_pressing_again_confirms() -> None:
    box = Confirmation()
    box.saw("y", 9.9)
    box.shown(True, 10.0)
    at = 10.5 + HELD_WITHIN
    assert box.confirms(box.saw("y", at), at) == ""


def test_the_half_second_begins_again_when_the_plan_changes() -> None:
    box = Confirmation()
    box.shown(True, 10.0)
    box.shown(False, 12.0)
    box.shown(True, 12.1)
    assert "too early" in box.confirms(True, 12.5)
    assert box.confirms(True, 12.7) == ""


def test_what_was_not_read_to_the_end_cannot_be_confirmed() -> None:
    box = Confirmation()
    box.shown(False, 10.0)
    assert "read to the end" in box.confirms(True, 20.0)


def test_the_name_must_be_typed_exactly() -> None:
    box = Confirmation(word="fraud")
    box.shown(True, 10.0)
    for letter in "frau":
        box.letter(letter)
    assert box.confirms(True, 12.0) == "type fraud first"
    box.letter("t")
    assert box.wants_letters
    box.letter("\b")
    box.letter("d")
    assert not box.wants_letters
    assert box.confirms(True, 12.0) == ""
