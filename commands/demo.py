"""`demo`: the embedded fleet, with the console on it or headless."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from commands.configfile import state_folder
from commands.output import envelope, print_json
from commands.spec import Invocation, Spec, option
from core.errors import (
    EXIT_INTERRUPTED,
    EXIT_OK,
    ModeldeckError,
    Refused,
    UsageError,
    nearest,
)
from core.redaction import shown
from demo.faults import FAULTS as FAULTS
from demo.faults import switch as switch

STOP_SECONDS = 15.0
RECORD_EVERY = 2.0


@dataclass(frozen=True, slots=True)
class Args:
    headless: bool = option("--headless", "run the fleet without the console", default=False)
    state: str | None = option("--state", "where the fleet lives", default=None, metavar="DIR")
    fault: str | None = option(
        "--fault",
        "switch a fault on, in a running fleet too; none ends it",
        default=None,
        metavar="NAME",
        completes="fault",
    )
    simulate_gpus: bool = option(
        "--simulate-gpus", "show four hosts of eight GPUs, marked SIMULATED", default=False
    )
    reset: bool = option("--reset", "remove the fleet's folder", default=False)


def state_of(args: Args) -> Path:
    chosen = Path(args.state).expanduser() if args.state else state_folder() / "demo"
    return chosen.absolute()


async def run(_deck: Any, given: Invocation) -> int | Callable[[], int]:
    args = given.args
    assert isinstance(args, Args)
    state = state_of(args)
    _need_extra()
    if args.reset:
        return _reset(state, given)
    if args.fault is not None:
        _check_fault(args.fault)
        if _running(state):
            return _switch(state, args.fault, given)
    if args.headless:
        return await _headless(state, args)
    # The console has an event loop of its own, so that it opens once this one has ended.
    return lambda: _with_console(state, args, given)


def _need_extra() -> None:
    from importlib.util import find_spec

    from demo.fleet import LIBRARIES

    lacking = [name for name in LIBRARIES if not find_spec(name)]
    if lacking:
        raise UsageError(
            f"the embedded fleet needs {', '.join(lacking)}, which the base install leaves out",
            hint="install the extra: uv tool install 'modeldeck[demo]'",
        )


def _check_fault(name: str) -> None:
    if name not in FAULTS:
        known = nearest(name, FAULTS) or f" There is {', '.join(FAULTS)}."
        raise UsageError(f"{name!r} is no fault that can be staged.{known}")


def _running(state: Path) -> bool:
    from demo.layout import Layout
    from demo.state import is_running

    return is_running(Layout(state))


def _reset(state: Path, given: Invocation) -> int:
    from demo.fleet import Fleet

    Fleet.reset(state)
    _answer(given, {"state": str(state)}, f"removed {state}")
    return EXIT_OK


def _switch(state: Path, name: str, given: Invocation) -> int:
    fault = switch(state, name)
    _answer(given, {"state": str(state), "fault": name}, f"{name}: {fault.story}")
    return EXIT_OK


def _answer(given: Invocation, data: dict[str, Any], text: str) -> None:
    if given.common.json:
        print_json(envelope("demo", data, None))
    else:
        print(shown(text))


async def _headless(state: Path, args: Args) -> int:
    """The fleet until a signal; the last line on standard output is the config's path."""
    from demo.fleet import Fleet

    stop = asyncio.Event()
    running = asyncio.current_task()
    assert running is not None

    def end() -> None:
        """Once it is up it ends in order; while it starts, what was started is cancelled."""
        if not stop.is_set() and not up:
            running.cancel()
        stop.set()

    up = False
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        loop.add_signal_handler(number, end)

    try:
        async with Fleet(state, say=say, simulate_gpus=args.simulate_gpus) as fleet:
            up = True
            if args.fault is not None:
                switch(state, args.fault)
            recording = asyncio.create_task(_record(fleet.config_path, stop))
            print(fleet.config_path, flush=True)
            await stop.wait()
            await recording
    except asyncio.CancelledError:
        if not stop.is_set():
            raise
    return EXIT_INTERRUPTED


def say(text: str) -> None:
    print(shown(text), file=sys.stderr, flush=True)


async def _record(config: Path, stop: asyncio.Event) -> None:
    """Watch the fleet as a console would, so that scripts find fresh verdicts."""
    from commands.deck import Deck
    from commands.sources.fleet import read_fleet
    from commands.sources.history import note_outside
    from commands.sources.metrics import Recorder
    from commands.sources.recording import Recording

    async with Deck.open(str(config)) as deck:

        async def outside() -> None:
            await note_outside(deck, await read_fleet(deck))

        turns = Recording(Recorder(deck), say)
        while not stop.is_set():
            await turns.turn()
            await turns.attempt("what changed outside", outside())
            try:
                await asyncio.wait_for(stop.wait(), RECORD_EVERY)
            except TimeoutError:
                continue


def _with_console(state: Path, args: Args, given: Invocation) -> int:
    """The fleet in a process of its own, the console on it here, and an end to both."""
    if given.open_console is None:
        raise UsageError("there is no console to open here", hint="modeldeck demo --headless")
    if not sys.stdout.isatty():
        raise UsageError(
            "the console needs a terminal", hint="modeldeck demo --headless runs without one"
        )
    if _running(state):
        raise Refused(
            f"a fleet runs in {state} already",
            hint=f"modeldeck --config {state / 'modeldeck.toml'} opens the console on it",
        )
    # Also when this process is killed, or leaves without a word because its terminal hangs.
    words = [sys.executable, "-m", "demo.child", "--gently", str(os.getpid())]
    words += [sys.executable, "-m", "tui.launch", "demo", "--headless", "--state", str(state)]
    words += ["--fault", args.fault] if args.fault else []
    words += ["--simulate-gpus"] if args.simulate_gpus else []
    fleet = subprocess.Popen(
        words,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    try:
        path = _wait_until_up(fleet)
        return given.open_console(path, given.common.read_only, given.common.no_color)
    except KeyboardInterrupt:
        return EXIT_INTERRUPTED
    finally:
        _end(fleet)


def _wait_until_up(fleet: subprocess.Popen[str]) -> Path:
    """The config's path, once the fleet printed it; what it says goes to standard error."""
    import threading

    assert fleet.stdout is not None
    assert fleet.stderr is not None
    up = threading.Event()
    said: list[str] = []

    def pass_on() -> None:
        assert fleet.stderr is not None
        for line in fleet.stderr:
            said.append(line)
            del said[:-20]
            if not up.is_set():
                sys.stderr.write(line)
                sys.stderr.flush()

    threading.Thread(target=pass_on, daemon=True).start()
    path = fleet.stdout.readline().strip()
    up.set()
    if not path:
        fleet.wait(STOP_SECONDS)
        raise ModeldeckError(
            "the fleet did not start", hint="its last words stand above; its logs lie in its folder"
        )
    return Path(path)


def _end(fleet: subprocess.Popen[str]) -> None:
    if fleet.poll() is None:
        fleet.terminate()
        try:
            fleet.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            os.killpg(fleet.pid, signal.SIGKILL)
            fleet.wait()


SPEC = Spec(
    "demo",
    "other",
    "Start the embedded fleet, real models behind a real proxy, and open the console on it",
    Args,
    run,
    (
        "modeldeck demo",
        "modeldeck demo --headless --state ./fleet",
        "modeldeck demo --fault bad-candidate",
    ),
    needs_deck=False,
)
