"""Who acts: the name that the journal records, and where it comes from."""

from __future__ import annotations

import os
import pwd


def actor() -> str:
    """The login name; the one behind sudo where there is one; MODELDECK_ACTOR for a script."""
    named = os.environ.get("MODELDECK_ACTOR") or os.environ.get("SUDO_USER")
    if named:
        return named
    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        return os.environ.get("USER") or f"uid {os.getuid()}"


def holder() -> str:
    """Names this very process among all that share a journal."""
    return f"{actor()}@{os.uname().nodename}:{os.getpid()}:{os.urandom(4).hex()}"
