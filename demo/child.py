"""`python -m demo.child PARENT PROGRAM ARG ...`: becomes PROGRAM, and dies when PARENT dies.

With `--gently` before PARENT it is asked to end, by SIGTERM.
"""

from __future__ import annotations

import os
import signal
import sys

PR_SET_PDEATHSIG = 1


def die_with(parent: int, how: signal.Signals = signal.SIGKILL) -> None:
    """Ask the kernel for a signal when the parent process ends. Where it cannot: nothing.

    Elsewhere than on Linux the next start of the fleet clears up by the list of processes.
    """
    if sys.platform == "linux":
        import ctypes

        ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, how, 0, 0, 0)
    if os.getppid() != parent:
        # It died before the kernel was asked.
        os._exit(1)


def main() -> None:
    words = sys.argv[1:]
    gently = words[0] == "--gently"
    parent, program, *arguments = words[gently:]
    die_with(int(parent), signal.SIGTERM if gently else signal.SIGKILL)
    os.execv(program, [program, *arguments])


if __name__ == "__main__":
    main()
