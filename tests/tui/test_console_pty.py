"""The console in a real terminal: what reaches it, byte for byte, and how it is left."""

from __future__ import annotations

import re
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

import pyte
import pytest

from tests.tui.hostile import NAME
from tests.tui.pty_cost import Terminal, measure
from tui.confirm import READY_AFTER

CONSOLE = (sys.executable, "-m", "tests.tui.pty_console")
HOSTILE = (
    "\x1b]0;owned", "\x1b]52;", "\x1b[97;45m", "\x9b", "\x07", "\u202e", "\u200b", "\r",
)  # fmt: skip
START = 30.0


def shown(output: bytes, columns: int = 120, lines: int = 36) -> pyte.Screen:
    screen = pyte.Screen(columns, lines)
    pyte.ByteStream(screen).feed(output)
    return screen


def text_of(terminal: Terminal) -> str:
    return "\n".join(shown(bytes(terminal.output), terminal.columns, terminal.lines).display)


def until(terminal: Terminal, *texts: str, seconds: float = START) -> None:
    for said in texts:
        for _ in range(int(seconds / 0.1)):
            if said in text_of(terminal):
                break
            terminal.read_for(0.1)
        else:
            raise AssertionError(f"never came: {said}\n{text_of(terminal)}")


@pytest.mark.parametrize(
    ("columns", "lines"), [pytest.param(120, 36, marks=pytest.mark.slow), (80, 24)]
)
def test_no_name_steers_the_terminal(columns: int, lines: int) -> None:
    with Terminal([*CONSOLE, "hostile"], columns, lines) as terminal:
        until(terminal, "m\\x1b]0;ow")
        for keys in ("2", "3", "5", "w", "?", "1", ":plan\r", "\x1b", ":answer\r", ":error\r"):
            terminal.write(keys.encode())
            terminal.read_for(0.6)
        terminal.write(b"\x1bq")
        terminal.read_for(1)
        output = bytes(terminal.output)
    # The terminal's own driver makes \r\n of the line ends of a full picture.
    drawn = output.split(b"\x1b[?1049h", 1)[1].replace(b"\r\n", b"\n")
    for sequence in HOSTILE:
        assert sequence.encode() not in drawn, repr(sequence)
    screen = shown(output, columns, lines)
    assert screen.title == ""
    # Whatever is left of each escape belongs to the few kinds that a screen is drawn with.
    rest = re.sub(rb"\x1b\[[?>=<]?[0-9;]*\$?[A-Za-z]", b"", drawn)
    assert not re.search(rb"[\x00-\x09\x0b-\x1a\x1c-\x1f\x7f]", rest)
    assert not re.search("[\x80-\x9f]", rest.decode("utf-8", errors="ignore"))
    assert NAME.encode() not in output


def test_it_quits_at_once_when_everything_hangs() -> None:
    with Terminal([*CONSOLE, "hang"]) as terminal:
        until(terminal, "asking…", "UTC")
        terminal.write(b"\x1b[B")
        until(terminal, "asked")
        terminal.write(b"q")
        assert terminal.ends(10) < 1.5
        assert terminal.process.returncode == 0
        assert b"\x1b[?1049l" in terminal.output


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGINT])
def test_a_signal_leaves_the_terminal_as_it_was(number: signal.Signals) -> None:
    with Terminal([*CONSOLE, "still"]) as terminal:
        until(terminal, "service-00")
        terminal.process.send_signal(number)
        terminal.ends(10)
        assert terminal.process.returncode == 0
        assert b"\x1b[?1049l" in terminal.output
        assert b"Traceback" not in terminal.output


def test_a_dropped_connection_leaves_nothing_running() -> None:
    """The line goes away without a word: the terminal, and with it what would be written."""
    with Terminal([*CONSOLE, "still"]) as terminal:
        until(terminal, "service-00")
        terminal.hang_up()
        terminal.process.wait(10)


def applying(terminal: Terminal, record: Path) -> None:
    """Confirm the rollback, and wait until its first set is under way."""
    until(terminal, "R → r17")
    terminal.write(b"R")
    until(terminal, "esc cancels (No)")
    terminal.read_for(READY_AFTER + 0.3)
    terminal.write(b"y")
    until(terminal, "applying")
    assert record.read_text() == "set 0\n"


def test_a_connection_dropped_during_a_plan_ends_the_plan_first(tmp_path: Path) -> None:
    record = tmp_path / "record"
    with Terminal([*CONSOLE, "plan", str(record)]) as terminal:
        applying(terminal, record)
        terminal.hang_up()
        assert terminal.process.wait(15) == 130
    assert record.read_text() == "set 0\nput back\n"


def test_a_connection_that_hangs_does_not_hold_a_plan_up(tmp_path: Path) -> None:
    record = tmp_path / "record"
    with Terminal([*CONSOLE, "plan", str(record)]) as terminal:
        applying(terminal, record)
        with terminal.stuck():
            for _ in range(150):
                if "done" in record.read_text():
                    break
                terminal.read_for(0.1)
        assert record.read_text() == "set 0\nset 1\ndone\n"
        # And when it goes on, the picture is whole again.
        terminal.output.clear()
        until(terminal, "change 214: done", "Services: 1 critical", "? keys")


def test_a_terminal_that_hangs_does_not_keep_the_console_alive() -> None:
    with Terminal([*CONSOLE, "moving"]) as terminal:
        until(terminal, "service-00")
        with terminal.stuck():
            terminal.read_for(0.5)
            terminal.process.send_signal(signal.SIGTERM)
            assert terminal.ends(15) < 8


def test_control_c_leaves_it_cleanly_too() -> None:
    with Terminal([*CONSOLE, "still"]) as terminal:
        until(terminal, "service-00")
        terminal.write(b"\x03")
        terminal.ends(10)
        assert terminal.process.returncode == 0
        assert b"\x1b[?1049l" in terminal.output


def test_a_paste_does_nothing() -> None:
    with Terminal([*CONSOLE, "still"]) as terminal:
        until(terminal, "service-00")
        terminal.write(b"\x1b[200~Rqy:rollback\x1b[201~")
        terminal.read_for(1)
        terminal.write(b"?")
        until(terminal, "confirms the plan in the box")
        assert terminal.process.poll() is None


def cells(screen: pyte.Screen, lines: Sequence[int]) -> list[object]:
    return [dict(screen.buffer[y]) for y in lines]


def test_a_still_screen_writes_nothing_but_its_clock() -> None:
    with Terminal([*CONSOLE, "still"]) as terminal:
        until(terminal, "service-00", "latency p95")
        terminal.read_for(4)
        before = shown(bytes(terminal.output))
        still = terminal.read_for(5)
        after = shown(bytes(terminal.output))
    assert len(still) / 5 < 100
    # Only digits and colons, between cursor moves.
    assert re.fullmatch(rb"[0-9:]*", re.sub(rb"\x1b\[[?0-9;]*[A-Za-z]", b"", still))
    assert before.display[1:] == after.display[1:]
    assert before.display[0] != after.display[0]
    assert before.display[0][:105] == after.display[0][:105]


def test_fifty_services_and_eight_gpus_fit_through_a_thin_line() -> None:
    cost = measure("moving", seconds=5)
    assert 50 < cost.bytes_per_second <= 4000
    assert cost.rss <= 80e6
    # The target is 2 % of a core (`benchmarks/`); a busy machine may measure a little more.
    assert cost.cpu_share < 0.10
    screen = shown(b"\x1b[H" + cost.output)
    assert screen.cursor is not None


def test_what_is_drawn_in_pieces_is_the_picture_as_a_whole() -> None:
    """Partial repaints must leave what a full one would have drawn."""
    with Terminal([*CONSOLE, "moving"]) as terminal:
        until(terminal, "service-00", "latency p95")
        for _ in range(3):
            terminal.read_for(1)
            terminal.write(b"\x1b[B")
        terminal.write(b"p")
        until(terminal, "PAUSED")
        terminal.read_for(1)
        pieces = text_of(terminal).split("\n")[1:]
        began = len(terminal.output)
        # Another size and back again draws everything anew.
        terminal.resize(121, 36)
        terminal.read_for(1)
        terminal.resize(120, 36)
        terminal.read_for(1.5)
        fresh = shown(bytes(terminal.output[began:])).display[1:]
    assert pieces == fresh


def test_without_colours_everything_is_still_said() -> None:
    with Terminal([*CONSOLE, "still"], extra={"NO_COLOR": "1"}) as terminal:
        until(terminal, "✖ service-00", "SYS CRIT", "▲ service-02", "SYS WARN")
        colours = re.findall(rb"\x1b\[([0-9;]*)m", bytes(terminal.output))
    codes = {code for group in colours for code in group.split(b";")}
    assert not codes & {str(n).encode() for n in (*range(31, 38), *range(41, 48), *range(90, 108))}
