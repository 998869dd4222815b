"""Who acts: the name that the journal records, and where it comes from."""

from __future__ import annotations

import os
import pwd


def identity() -> tuple[str, str]:
    """The login name; the one behind sudo where there is one; MODELDECK_ACTOR for a script.

    With it where it comes from, in words.
    """
    for variable in ("MODELDECK_ACTOR", "SUDO_USER"):
        if named := os.environ.get(variable):
            return named, f"the variable {variable}"
    try:
        return pwd.getpwuid(os.getuid()).pw_name, "the login"
    except KeyError:
        pass
    if named := os.environ.get("USER"):
        return named, "the variable USER: this account has no login name"
    return f"uid {os.getuid()}", "the account's number: it has no login name"


def actor() -> str:
    """The name alone."""
    return identity()[0]


def holder() -> str:
    """Names this very process among all that share a journal."""
    return f"{actor()}@{os.uname().nodename}:{os.getpid()}:{os.urandom(4).hex()}"
