"""Typer commands made from the operations' declarations."""

import inspect
from collections.abc import Callable, Iterable, Mapping
from dataclasses import MISSING, Field, fields
from enum import Enum
from typing import Annotated, Any, get_args, get_origin

import typer

from vmedia_bench.cli.asking import answer
from vmedia_bench.cli.common import BENCH, FORMAT, QUIET
from vmedia_bench.cli.completion import COMPLETERS
from vmedia_bench.cli.form import Form
from vmedia_bench.cli.plain import Plain
from vmedia_bench.control.registry import operation

Run = Callable[[dict[str, Any]], None]
RunPlain = Callable[[str | None, dict[str, Any], str, bool], None]
"""Called with bench, values, form and quiet."""


def option_name(field: str) -> str:
    """The option of a parameter: seconds are what options count in, so they drop their unit."""
    return "--" + field.removesuffix("_s").replace("_", "-")


def parameter(
    field: "Field[Any]",
    *,
    place: bool = False,
    name: str = "",
    kind: Any = None,
    required: bool = False,
    default: Any = None,
    help_text: str = "",
) -> inspect.Parameter:
    """A Typer parameter with the declared type, default and help.

    `name`, `kind`, `default` and `help_text` replace what is declared; `required` overrules a
    declared default.
    """
    declared, declared_help = _declared(field)
    start = ... if required else _default(field) if default is None else default
    shown = _typer_type(declared) if kind is None else kind
    if required and type(None) in get_args(shown):
        shown = get_args(shown)[0]
    more: dict[str, Any] = {
        "help": help_text or declared_help,
        "autocompletion": COMPLETERS.get(field.name),
    }
    info: Any
    if place:
        if _chooses(shown):
            more["help"] += f" One of {', '.join(shown)}."
        info = typer.Argument(start, metavar=field.name.upper(), show_default=False, **more)
    else:
        with_default = shown is not bool and start not in {None, "", ...}
        option = option_name(name or field.name)
        if shown == bool | None:
            option += option.replace("--", "/--no-", 1)
        info = typer.Option(start, option, show_default=with_default, **more)
    return _keyword(name or field.name, shown, info)


def flag(name: str, text: str) -> inspect.Parameter:
    """An option without a value."""
    return _keyword(name, bool, typer.Option(False, option_name(name), help=text))


def text_option(name: str, text: str) -> inspect.Parameter:
    """An option with any text."""
    return _keyword(name, str | None, typer.Option(None, option_name(name), help=text))


def function(summary: str, parameters: Iterable[inspect.Parameter], run: Run) -> Callable[..., Any]:
    """A function for Typer with these parameters, which calls `run` with their values."""

    def command(**values: Any) -> None:
        run(values)

    signature = inspect.Signature(list(parameters))
    command.__signature__ = signature  # type: ignore[attr-defined]
    command.__annotations__ = {name: p.annotation for name, p in signature.parameters.items()}
    command.__doc__ = summary
    return command


def plain_command(
    command: Plain, *, kinds: Mapping[str, Any] | None = None, run: RunPlain | None = None
) -> Callable[..., Any]:
    """The Typer command of a table entry: its operation's parameters and the common options.

    `kinds` are types to take instead of the declared ones; `run` is called instead of the
    operation being asked.
    """
    declaration = operation(command.operation)
    given = {**command.places, **(kinds or {})}
    parameters = [
        parameter(field, place=field.name in command.places, kind=given.get(field.name))
        for field in in_order(fields(declaration.params), command.places)
    ]

    def called(values: dict[str, Any]) -> None:
        bench, form, quiet = (values.pop(name) for name in ("bench", "form", "quiet"))
        if run is not None:
            run(bench, sendable(values), form, quiet)
        else:
            answer(command, sendable(values), bench=bench, form=form, quiet=quiet)

    return function(declaration.summary, (*parameters, *common_parameters()), called)


def common_parameters() -> tuple[inspect.Parameter, ...]:
    """`--bench`, `--format` and `--quiet`."""
    kinds = (("bench", str | None, BENCH), ("form", Form, FORMAT), ("quiet", bool, QUIET))
    return tuple(_keyword(*one) for one in kinds)


def in_order(declared: "Iterable[Field[Any]]", places: Mapping[str, object]) -> "list[Field[Any]]":
    """Fields that go by position first, in their order on the command line."""
    order = list(places)
    return sorted(declared, key=lambda f: order.index(f.name) if f.name in places else len(order))


def sendable(values: Mapping[str, Any]) -> dict[str, Any]:
    """Values as JSON takes them, without what was not given."""
    return {
        name: value.value if isinstance(value, Enum) else value
        for name, value in values.items()
        if value is not None and value != []
    }


def _keyword(name: str, kind: Any, info: Any) -> inspect.Parameter:
    return inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=info, annotation=kind)


def _declared(field: "Field[Any]") -> tuple[Any, str]:
    """A field's type, and its line of help."""
    if get_origin(field.type) is Annotated:
        kind, *texts = get_args(field.type)
        return kind, f"{texts[0].rstrip('.')}."
    return field.type, ""


def _default(field: "Field[Any]") -> Any:
    if field.default is not MISSING:
        value = field.default
        return None if value == () else value
    return ... if field.default_factory is MISSING else None


def _chooses(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, Enum)


def _typer_type(kind: Any) -> Any:
    """What Typer understands: repeated options are lists there."""
    return list[str] | None if get_origin(kind) is tuple else kind


def group(app: typer.Typer, name: str, summary: str) -> typer.Typer:
    """A noun with verbs, added to `app`."""
    noun = typer.Typer(help=summary, no_args_is_help=True)
    # Without a callback Typer takes a noun with a single verb for that verb.
    noun.callback()(lambda: None)
    app.add_typer(noun, name=name)
    return noun
