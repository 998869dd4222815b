"""From a command's one definition to a Typer command, and back to its typed arguments."""

from __future__ import annotations

import dataclasses
import inspect
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, get_type_hints

import typer

from commands import catalog
from commands.common import COMMON, Common, check_common
from commands.spec import Param, Spec, params
from core.errors import UsageError, nearest

_COMMON_PANEL = "Common options"


@dataclass(frozen=True, slots=True)
class Parsed:
    """A command line that was understood."""

    spec: Spec
    args: Any
    common: Common


Run = Callable[[Parsed], Any]


def _everywhere() -> str:
    """The options that are no single command's, for the program's own help."""
    flags = [f"{option.flag} {option.metavar}".strip() for option in COMMON if not option.only]
    return (
        f"With or without a command: {', '.join(flags)}. The console alone: --low-bandwidth, "
        "--no-mouse. --version prints the version."
    )


def build(specs: Sequence[Spec], run: Run) -> typer.Typer:
    """A Typer program of these commands; each calls `run` with what was parsed."""
    app = typer.Typer(
        add_completion=True,
        no_args_is_help=False,
        rich_markup_mode=None,
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["--help", "-h"]},
        help="The ops console for models in production. Without a command it opens the console.",
        epilog=_everywhere(),
    )

    @app.callback()
    def _program() -> None:
        """Keeps a program of one command a group, so that the command is always named."""

    for spec in specs:
        app.command(spec.name, help=_help(spec), epilog=None)(_callback(spec, run))
    return app


def parse_line(words: Sequence[str], spec: Spec) -> Parsed:
    """The arguments of one command, for the command bar. Raises UsageError."""
    taken: list[Parsed] = []
    app = build([spec], taken.append)
    invoke(app, [spec.name, *words])
    if not taken:
        raise UsageError(f"{spec.name}: see {spec.name} --help")
    return taken[0]


def invoke(app: typer.Typer, argv: Sequence[str]) -> Any:
    """Run the program and give back what its command returned. Raises UsageError, never exits."""
    command = typer.main.get_command(app)
    try:
        return command.main(list(argv), prog_name="modeldeck", standalone_mode=False)
    except typer.TyperException as error:
        raise UsageError(_say(error), hint=_see(argv)) from error


def _say(error: Any) -> str:
    text = error.format_message() if hasattr(error, "format_message") else str(error)
    return " ".join(str(text).split())


def _see(argv: Sequence[str]) -> str:
    known = argv[0] if argv and argv[0] in catalog.NAMES else None
    return f"modeldeck {known} --help shows how it is written" if known else "modeldeck --help"


def unknown_command(name: str) -> UsageError:
    meant = catalog.SUGGEST.get(name)
    guess = f" Did you mean {meant!r}?" if meant else nearest(name, catalog.NAMES)
    return UsageError(f"there is no command {name!r}.{guess}", hint="modeldeck --help lists them")


def _help(spec: Spec) -> str:
    examples = "\n".join(f"  {example}" for example in spec.examples)
    # \b keeps the lines of the paragraph as they are.
    return f"{spec.summary}.\n\n\b\nExamples:\n{examples}" if examples else f"{spec.summary}."


def _callback(spec: Spec, run: Run) -> Callable[..., Any]:
    own = {item.name for item, _ in params(spec.args)}

    def callback(**values: Any) -> Any:
        args = spec.args(**{name: values[name] for name in own})
        common = {name: value for name, value in values.items() if name not in own}
        return run(Parsed(spec, args, check_common(common)))

    hints = get_type_hints(spec.args)
    signature = [
        inspect.Parameter(
            item.name,
            inspect.Parameter.KEYWORD_ONLY,
            default=inspect.Parameter.empty
            if item.default is dataclasses.MISSING
            else item.default,
            annotation=Annotated[hints[item.name], _typer_param(param)],
        )
        for item, param in params(spec.args)
    ]
    signature += [
        _common_parameter(option.name)
        for option in COMMON
        if not option.only or spec.kind in option.only
    ]
    # What Typer reads instead of the function's own parameters.
    described: Any = callback
    described.__signature__ = inspect.Signature(signature)
    described.__annotations__ = {item.name: item.annotation for item in signature}
    described.__name__ = spec.name
    return callback


def _typer_param(param: Param) -> Any:
    complete = _completer(param.completes) if param.completes else None
    if param.flag is None:
        return typer.Argument(
            help=param.help, metavar=param.metavar or None, autocompletion=complete
        )
    return typer.Option(
        param.flag, help=param.help, metavar=param.metavar or None, autocompletion=complete
    )


def _common_parameter(name: str) -> inspect.Parameter:
    option = next(item for item in COMMON if item.name == name)
    kind: Any = bool if option.default is False else str | None
    if name == "watch":
        kind = float | None
    flags = [option.flag, *([option.short] if option.short else [])]
    info = typer.Option(
        *flags,
        help=option.text,
        metavar=option.metavar or None,
        rich_help_panel=_COMMON_PANEL,
    )
    return inspect.Parameter(
        name,
        inspect.Parameter.KEYWORD_ONLY,
        default=option.default,
        annotation=Annotated[kind, info],
    )


def _completer(what: str) -> Callable[[typer.Context, str], list[str]]:
    def complete(ctx: typer.Context, incomplete: str) -> list[str]:
        from commands.completion import words

        given = {name: ctx.params.get(name) for name in ("service", "config", "env")}
        if given["service"] is None and ctx.args and "service" in ctx.params:
            # An option whose value is being typed keeps Typer from placing the words before it.
            given["service"] = ctx.args[0]
        return [word for word in words(what, **given) if word.startswith(incomplete)]

    return complete
