"""The reference of all commands, docs/cli.md: `python -m vmedia_bench.cli.reference`."""

from collections.abc import Iterator, Sequence
from typing import Any

from vmedia_bench.cli.app import HOMES, build
from vmedia_bench.cli.exit_codes import ExitCode

HEAD = """\
# Commands

Made from the commands themselves by `make docs`: do not edit. [scripting.md](scripting.md) shows
them at work.

Most commands take `--bench`, `--format` and `--quiet`; they are described here once. A command that
has not all three lists those that it has.

| option | environment | what it does |
| --- | --- | --- |
"""
AFTER_OPTIONS = """
stdout carries data only; what is said about it goes to stderr. Colour comes on a terminal, never
with `NO_COLOR`, and only in addition to the word that says the same.

## Exit codes

| code | name | meaning |
| --- | --- | --- |
"""
CONFIGURATION = """
## Configuration

Options get their values from the configuration file, then from the environment, then from the
command line; the last one wins. The file is `~/.config/vmedia-bench/config.toml`
(`XDG_CONFIG_HOME` moves it, `VMEDIA_BENCH_CONFIG` names another). Keys outside tables (`bench`,
`format`, `quiet`) hold for all commands; a table named after a command, such as `[serve]` or
`[trace.show]`, has long options of that command. A key that no command has is an error that names
the near ones. `vmedia-bench config-file` shows what is in force, `vmedia-bench config-file
--example` prints a file to start from.

Each option also has a variable, `VMEDIA_BENCH_` and the words of command and option:
`VMEDIA_BENCH_SERVE_FPS=60`.

## Completion

`vmedia-bench --install-completion` teaches the shell that runs it; `--show-completion` prints
what it would install. Open sessions, backends, presets, rules and controls come from the running
bench.

"""
_SHARED = ("bench", "form", "quiet")
_TYPES = {"str": "TEXT", "int": "INTEGER", "float": "NUMBER"}


def reference() -> str:
    """The page, as Markdown."""
    tree = build()
    sample = tree.commands["sessions"]
    shared = [_shared_row(option) for option in sample.params if option.name in _SHARED]
    codes = [f"| {code.value} | {code.name} | {code.meaning} |" for code in ExitCode]
    sections = [text for name in HOMES for text in _sections(name, tree.commands[name])]
    return (
        HEAD
        + "\n".join(shared)
        + "\n"
        + AFTER_OPTIONS
        + "\n".join(codes)
        + "\n"
        + CONFIGURATION
        + "\n".join(sections)
    )


def _sections(words: str, command: Any) -> Iterator[str]:
    """A command's section, or those of a noun's verbs."""
    if hasattr(command, "commands"):
        for name, verb in command.commands.items():
            yield from _sections(f"{words} {name}", verb)
        return
    arguments = [p for p in command.params if p.param_type_name == "argument"]
    options = [p for p in command.params if p.param_type_name == "option"]
    shared = _SHARED if {*_SHARED} <= {p.name for p in options} else ()
    own = [p for p in options if p.name not in shared]
    usage = " ".join(
        (f"vmedia-bench {words}", *map(_place, arguments), *(["[OPTIONS]"] * bool(own)))
    )
    lines = [f"## {words}", "", f"`{usage}`", "", " ".join((command.help or "").split())]
    if any(_text(p) for p in arguments):
        lines += ["", "| argument | |", "| --- | --- |"]
        lines += [f"| `{_place(p)}` | {_text(p)} |" for p in arguments]
    if own:
        lines += ["", "| option | default | |", "| --- | --- | --- |"]
        lines += [f"| {_names(p)} | {_default(p)} | {_text(p)} |" for p in own]
    yield "\n".join((*lines, ""))


def _place(parameter: Any) -> str:
    name = str(parameter.metavar or parameter.name.upper())
    return name if parameter.required else f"[{name}]"


def _names(option: Any) -> str:
    names = [*option.opts, *option.secondary_opts]
    value = "" if option.is_flag or option.count else f" {_value(option)}"
    return ", ".join(f"`{name}{value}`" for name in names)


def _value(option: Any) -> str:
    if option.metavar:
        return str(option.metavar)
    if _choices(option):
        return "CHOICE"
    name = str(option.type.name).lower().removesuffix(" range")
    return _TYPES.get(name, name.upper())


def _choices(parameter: Any) -> Sequence[Any]:
    return getattr(parameter.type, "choices", ())


def _default(option: Any) -> str:
    if option.required:
        return "required"
    value = option.default
    value = getattr(value, "value", value)
    untold = option.is_flag or option.count or "[default:" in (option.help or "")
    if value is None or value == "" or untold:
        return ""
    return f"`{value}`"


def _text(parameter: Any) -> str:
    text = " ".join((parameter.help or "").split())
    choices = [getattr(choice, "value", choice) for choice in _choices(parameter)]
    if not all(choice in text for choice in choices):
        words = ", ".join(f"`{choice}`" for choice in choices)
        text = f"{text} One of {words}." if text else f"One of {words}."
    return text.replace("|", "\\|")


def _shared_row(option: Any) -> str:
    variable = option.envvar or ""
    return f"| {_names(option)} | {f'`{variable}`' if variable else ''} | {_text(option)} |"


if __name__ == "__main__":
    print(reference(), end="")
