"""One command, one function: each defined once, for the CLI, the console and the docs."""

VERSION = "0.1.0"
"""Also in pyproject.toml; a test holds the two together."""
