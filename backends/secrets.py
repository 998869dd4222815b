"""Where secrets come from."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from core.errors import UsageError
from core.redaction import remember
from core.schema import Secret


def load(secret: Secret | None) -> str | None:
    """The secret's value, remembered for redaction. Raises UsageError saying where it is missing."""
    if secret is None:
        return None
    value = _find(secret)
    remember(value)
    return value


def _find(secret: Secret) -> str:
    if secret.env is not None:
        value = os.environ.get(secret.env)
        if not value:
            raise UsageError(
                f"the environment variable {secret.env}, which the config names, is not set"
            )
        return value
    if secret.file is not None:
        path = Path(secret.file).expanduser()
        try:
            mode = path.stat().st_mode
            if stat.S_IMODE(mode) & 0o077:
                raise UsageError(
                    f"{path} can be read by others", hint=f"chmod 600 {path}, then try again"
                )
            return path.read_text(encoding="utf-8").strip()
        except UnicodeDecodeError as error:
            raise UsageError(
                f"the secret in {path} cannot be read: it is not UTF-8 text",
                hint="the file holds the token or password alone",
            ) from error
        except OSError as error:
            raise UsageError(f"the secret in {path} cannot be read: {error.strerror}") from error
    if secret.keyring is not None:
        try:
            # Nobody's dependency: whoever names the keyring in the config installs it.
            import keyring
        except ImportError as error:
            raise UsageError(
                "the config names the system keyring, and the package keyring is not installed",
                hint="pip install keyring, or use env or file",
            ) from error
        found = keyring.get_password("modeldeck", secret.keyring)
        if not found:
            raise UsageError(
                f"the keyring holds no entry {secret.keyring!r} of the service modeldeck"
            )
        return str(found)
    raise UsageError("a secret in the config names neither env, file nor keyring")
