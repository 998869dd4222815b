"""The command bar's line: completing and checking it from the commands' own definitions."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence

from commands import catalog
from commands.common import COMMON
from commands.spec import Param, Spec, params
from core.errors import nearest
from core.releases import PARTS
from core.versions import Stage

Words = Mapping[str, list[str]]
IN_CONSOLE = tuple(name for name in catalog.NAMES if name not in ("demo", "init"))
_ELSEWHERE = {
    ("--yes", "--confirm", "--key"): "the plan box asks",
    ("--config", "--env"): "it keeps what it was started with",
    ("--output", "-o"): "it shows the answer itself",
    ("--watch", "-w"): "it looks again by itself",
}
FORBIDDEN = {flag: why for flags, why in _ELSEWHERE.items() for flag in flags}
"""What has no meaning in the console, and why."""


def misplaced(word: str) -> str | None:
    """Why this option is for a shell alone; None where it is not."""
    why = FORBIDDEN.get(word.partition("=")[0])
    return f"{word} is not for the console: {why}" if why else None


def split_words(line: str) -> list[str]:
    """Raises ValueError on an unclosed quote."""
    return shlex.split(line.strip().removeprefix(":"))


def names(demo: bool) -> tuple[str, ...]:
    return (*IN_CONSOLE, "fault") if demo else IN_CONSOLE


def complete_line(line: str, words: Words, service: str | None) -> list[str]:
    """The whole lines that the line may become."""
    try:
        done = split_words(line)
    except ValueError:
        return []
    fresh = line.endswith(" ") or not done
    part = "" if fresh else done.pop()
    head = line[: len(line) - len(part)] if part and line.endswith(part) else line
    if not done:
        return [f"{name} " for name in names("fault" in words) if name.startswith(part)]
    found = [word for word in _candidates(done, part, words, service) if word.startswith(part)]
    return [f"{head}{shlex.quote(word)} " for word in found if word != part or fresh]


def _candidates(done: Sequence[str], part: str, words: Words, service: str | None) -> list[str]:
    name = done[0]
    if name == "fault":
        return words.get("fault", [])
    if name not in IN_CONSOLE:
        return []
    spec = catalog.find(name)
    flags = {param.flag: param for _, param in params(spec.args) if param.flag}
    if len(done) > 1 and done[-1] in flags and not _is_switch(spec, flags[done[-1]]):
        return _known(flags[done[-1]], words, _named(spec, done, words) or service)
    if part.startswith("-"):
        common = [o.flag for o in COMMON if spec.kind in o.only and o.flag not in FORBIDDEN]
        return [*flags, *common]
    positional = [param for _, param in params(spec.args) if param.flag is None]
    given = _positionals(spec, done[1:])
    place = len(given)
    found: list[str] = []
    if place < len(positional):
        found += _known(positional[place], words, _named(spec, done, words) or service)
    if place == 0 and len(positional) > 1 and service:
        # The row under the cursor is the default service.
        found += _known(positional[1], words, service)
    return found


def _known(param: Param, words: Words, service: str | None) -> list[str]:
    what = param.completes
    if what == "stage":
        return [stage.value for stage in Stage]
    if what == "part":
        return list(PARTS)
    if what == "asked":
        return [*words.get("service", []), *words.get("approval", [])]
    return [*words.get(what, []), *words.get(f"{what} {service}", [])]


def _named(spec: Spec, done: Sequence[str], words: Words) -> str | None:
    given = _positionals(spec, done[1:])
    return given[0] if given and given[0] in words.get("service", []) else None


def _is_switch(spec: Spec, param: Param) -> bool:
    return any(p is param and item.default is False for item, p in params(spec.args))


def _positionals(spec: Spec, words: Sequence[str]) -> list[str]:
    valued = {p.flag for item, p in params(spec.args) if p.flag and item.default is not False}
    valued |= {o.flag for o in COMMON if o.metavar}
    found: list[str] = []
    skip = False
    for word in words:
        if skip:
            skip = False
        elif word in valued:
            skip = True
        elif not word.startswith("-"):
            found.append(word)
    return found


def with_service(spec: Spec, words: Sequence[str], known: Words, service: str | None) -> list[str]:
    """The words with the default service put in where the line names none."""
    takes = [param for _, param in params(spec.args) if param.flag is None]
    if not takes or takes[0].completes != "service" or service is None:
        return list(words)
    given = _positionals(spec, words)
    if given and given[0] in known.get("service", []):
        return list(words)
    required = [
        p
        for item, p in params(spec.args)
        if p.flag is None and p.completes == "service" and item.default is not None
    ]
    if required and len(given) < len(takes):
        return [service, *words]
    return list(words)


def check_line(line: str, words: Words, service: str | None) -> str | None:
    """What is wrong with the line so far, or None."""
    try:
        done = split_words(line)
    except ValueError:
        return "a quote is not closed"
    if not done:
        return None
    name, rest = done[0], done[1:]
    typing_name = not rest and not line.endswith(" ")
    if name in ("q", "quit", "help"):
        return None
    if name not in names("fault" in words):
        if typing_name and any(known.startswith(name) for known in names("fault" in words)):
            return None
        if name in catalog.NAMES:
            return f"{name} runs from a shell"
        meant = catalog.SUGGEST.get(name)
        guess = f" Did you mean {meant!r}?" if meant else nearest(name, IN_CONSOLE)
        return f"there is no command {name!r}.{guess}"
    if name == "fault":
        return None
    return _check_words(catalog.find(name), rest, words, service, done_typing=line.endswith(" "))


def _check_words(
    spec: Spec, rest: list[str], words: Words, service: str | None, *, done_typing: bool
) -> str | None:
    for word in rest:
        if said := misplaced(word):
            return said
    flags = {param.flag for _, param in params(spec.args) if param.flag}
    flags |= {o.flag for o in COMMON if spec.kind in o.only} | {"--help", "-h"}
    settled = rest if done_typing else rest[:-1]
    for word in settled:
        if word.startswith("--") and word.split("=")[0] not in flags:
            return f"{spec.name} has no {word}.{nearest(word, [f for f in flags if f])}"
    full = with_service(spec, rest, words, service)
    given = _positionals(spec, full)
    takes = [(item, p) for item, p in params(spec.args) if p.flag is None]
    if len(given) > len(takes):
        return f"{spec.name} takes {len(takes)} words, not {len(given)}"
    known = words.get("service", [])
    names_service = bool(takes and given) and takes[0][1].completes == "service"
    typed = bool(settled) or len(given) > 1
    if names_service and typed and known and given[0] not in known:
        return f"there is no service {given[0]!r}.{nearest(given[0], known)}"
    return None
