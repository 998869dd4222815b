"""`python -m demo --state DIR`: the fleet without a console, until it is interrupted."""

from __future__ import annotations

import argparse
import asyncio
import signal
import sys
from pathlib import Path

from core.errors import ModeldeckError
from demo.faults import FAULTS, NO_FAULT, switch
from demo.fleet import Fleet


def say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


async def run(state: Path, fault: str, simulate_gpus: bool) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    task = asyncio.current_task()
    assert task

    def interrupt() -> None:
        if up:
            stop.set()
        else:
            task.cancel()

    up = False
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        loop.add_signal_handler(number, interrupt)
    async with Fleet(state, say=say, simulate_gpus=simulate_gpus) as fleet:
        up = True
        if fault != NO_FAULT:
            switch(state, fault)
        print(fleet.config_path, flush=True)
        await stop.wait()


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m demo", description=__doc__)
    parser.add_argument("--state", type=Path, required=True, help="where everything lives")
    parser.add_argument("--fault", choices=list(FAULTS), default=NO_FAULT)
    parser.add_argument("--simulate-gpus", action="store_true")
    options = parser.parse_args()
    try:
        asyncio.run(run(options.state, options.fault, options.simulate_gpus))
    except ModeldeckError as error:
        say(f"error: {error.message}" + (f"\n{error.hint}" if error.hint else ""))
        return error.exit_code
    except (KeyboardInterrupt, asyncio.CancelledError):
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
