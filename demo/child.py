"""`python -m demo.child PARENT PROGRAM ARG ...`: becomes PROGRAM, and dies when PARENT dies."""

from __future__ import annotations

import os
import signal
import sys

PR_SET_PDEATHSIG = 1


def die_with(parent: int) -> None:
    """Ask the kernel for SIGKILL when the parent process ends. Where it cannot: nothing.

    Elsewhere than on Linux the next start of the fleet clears up by the list of processes.
    """
    if sys.platform == "linux":
        import ctypes

        ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != parent:
        # It died before the kernel was asked.
        os._exit(1)


def main() -> None:
    parent, program, *arguments = sys.argv[1:]
    die_with(int(parent))
    os.execv(program, [program, *arguments])


if __name__ == "__main__":
    main()
