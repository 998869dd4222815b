"""One command from a shell: parse, run, print, exit."""

from __future__ import annotations

import asyncio
import itertools
import os
import signal
import sys
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, cast

from commands import catalog
from commands.common import Common, split_line
from commands.output import confirmed, envelope, print_error, print_grids, print_json
from commands.parse import Parsed, build, invoke, unknown_command
from commands.spec import Grid, Invocation, OpenConsole, Spec
from commands.streams import forgiving, nobody_reads
from core.errors import EXIT_INTERRUPTED, EXIT_NO, EXIT_OK, ModeldeckError, Refused, UsageError


def main(argv: Sequence[str], open_console: OpenConsole | None = None) -> int:
    """The exit code of `modeldeck ARGV`, everything printed as far as somebody reads it."""
    with forgiving():
        return _main(argv, open_console)


def _main(argv: Sequence[str], open_console: OpenConsole | None) -> int:
    def run_parsed(parsed: Parsed) -> int:
        result = asyncio.run(_run(parsed, open_console))
        return result if isinstance(result, int) else result()

    if "_MODELDECK_COMPLETE" in os.environ:
        return _complete(run_parsed)
    name, words = split_line(argv)
    json_wanted = _wants_json(words)
    try:
        if name is None:
            return _help([*words] or ["--help"], run_parsed)
        if name not in catalog.NAMES:
            raise unknown_command(name)
        result = invoke(build([catalog.find(name)], run_parsed), [name, *words])
        return result if isinstance(result, int) else EXIT_OK
    except ModeldeckError as error:
        return _failed(name or "", error, json_wanted=json_wanted)
    except KeyboardInterrupt:
        return EXIT_INTERRUPTED
    except Exception as error:
        return _crashed(name or "", error, words)


def _help(words: list[str], run_parsed: Callable[[Parsed], int]) -> int:
    result = invoke(build(catalog.everything(), run_parsed), words)
    return result if isinstance(result, int) else EXIT_OK


def _complete(run_parsed: Callable[[Parsed], int]) -> int:
    """Answer the shell's script: one word a line, and nothing where something goes wrong, since
    it would be written into the line that is being typed."""
    from commands.completion import prepare

    try:
        name = prepare(os.environ)
        if name is None:
            invoke(build(catalog.everything(), run_parsed), [])
        elif name in catalog.NAMES:
            invoke(build([catalog.find(name)], run_parsed), [])
    except Exception:
        return EXIT_NO
    return EXIT_OK


def _wants_json(words: Sequence[str]) -> bool:
    pairs = itertools.pairwise(words)
    return any(pair in (("-o", "json"), ("--output", "json")) for pair in pairs) or any(
        word in ("--output=json", "-ojson") for word in words
    )


def _failed(command: str, error: ModeldeckError, *, json_wanted: bool, data: Any = None) -> int:
    if json_wanted:
        print_json(envelope(command, data, error))
    print_error(error)
    return error.exit_code


def _crashed(command: str, error: Exception, words: Sequence[str]) -> int:
    """A defect of ours: one line for the user, the traceback in the log where --debug asks."""
    from commands.log import write_traceback

    where = write_traceback(error) if "--debug" in words else None
    hint = f"the traceback is in {where}" if where else "run it again with --debug to log it"
    said = ModeldeckError(f"{command}: a defect in modeldeck: {type(error).__name__}", hint=hint)
    return _failed(command, said, json_wanted=_wants_json(words))


async def _run(parsed: Parsed, open_console: OpenConsole | None) -> int | Callable[[], int]:
    """The exit code, or what gives one once the event loop has ended."""
    spec, common = parsed.spec, parsed.common
    if not spec.needs_deck:
        given = Invocation(parsed.args, common, open_console)
        run = cast("Callable[[None, Invocation], Awaitable[int | Callable[[], int]]]", spec.run)
        return await run(None, given)
    from commands.deck import Deck

    async with Deck.open(common.config, common.env, common.read_only) as deck:
        if spec.kind == "change":
            from commands.runchange import run_change

            return await run_change(deck, parsed)
        if spec.kind == "record":
            from commands.door import check_writable

            check_writable(deck)
            return await _record(deck, spec, parsed.args, common)
        return await _query(deck, spec, parsed.args, common)


async def _record(deck: Any, spec: Spec, args: Any, common: Common) -> int:
    """Write it down; on a terminal once the person has read what, and said that they mean it.

    Scripts are not asked: no system is touched, and the line that they run names what it is about.
    """
    read: Sequence[Grid] = ()
    asks = sys.stdin.isatty() and not common.json and not common.yes
    if spec.question is not None and asks:
        read = await spec.question(deck, args)
        print_grids(read, color=False if common.no_color else None)
        if not confirmed(f"{spec.name} it?"):
            raise Refused("not confirmed: nothing was recorded")
    return _show(spec, await spec.run(deck, args), common, read)


async def _query(deck: Any, spec: Spec, args: Any, common: Common) -> int:
    if common.watch is None:
        return _show(spec, await spec.run(deck, args), common)
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        loop.add_signal_handler(number, stopped.set)
    code = EXIT_OK
    while not stopped.is_set():
        try:
            code = _show(spec, await spec.run(deck, args), common)
        except UsageError:
            # It will be as wrong the next time.
            raise
        except ModeldeckError as error:
            code = _failed(spec.name, error, json_wanted=common.json)
        if not common.json:
            print(flush=True)
        if nobody_reads():
            break
        try:
            await asyncio.wait_for(stopped.wait(), common.watch)
        except TimeoutError:
            continue
    return code


def _show(spec: Spec, report: Any, common: Common, read: Sequence[Grid] = ()) -> int:
    """Print the report, but for what was `read` already."""
    error: ModeldeckError | None = report.error()
    if common.json:
        print_json(envelope(spec.name, report.data(), error))
    else:
        fresh = [grid for grid in report.grids() if grid not in read]
        print_grids(fresh, color=False if common.no_color else None)
    if error is not None:
        print_error(error)
    return error.exit_code if error else EXIT_OK
