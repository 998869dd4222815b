"""Work that may never come back holds nobody up."""

from __future__ import annotations

import asyncio
import subprocess
import sys

import pytest

from commands.aside import aside


def test_it_gives_back_what_the_work_returns_or_raises() -> None:
    def fails() -> int:
        raise ValueError("no")

    assert asyncio.run(aside(lambda: 7)) == 7
    with pytest.raises(ValueError, match="no"):
        asyncio.run(aside(fails))


def test_a_program_ends_while_its_work_hangs() -> None:
    program = """
import asyncio, threading
from commands.aside import aside
async def main():
    try:
        async with asyncio.timeout(0.05):
            await aside(threading.Event().wait)
    except TimeoutError:
        print("given up")
asyncio.run(main())
"""
    ran = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=30, check=False
    )
    assert (ran.returncode, ran.stdout, ran.stderr) == (0, "given up\n", "")
