"""The configuration file: defaults of options, below the environment and the command line.

A TOML file. Keys outside tables (`bench`, `format`, `quiet`) hold for all commands; a table named
after a command, such as `[serve]` or `[trace.record]`, has options of that command.
"""

import os
from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from vmedia_bench.cli.exit_codes import ExitCode
from vmedia_bench.cli.failure import CommandFailedError

PATH_VARIABLE = "VMEDIA_BENCH_CONFIG"
COMMON = ("bench", "format", "quiet")
LIMIT = 1 << 20
"""Bytes that a file may have: one that never ends is no configuration."""
_NOT_OPTIONS = {"help", "install-completion", "show-completion"}


def config_path(environment: Mapping[str, str] = os.environ) -> Path:
    """Where the file is, or would be."""
    named = environment.get(PATH_VARIABLE)
    if named:
        return Path(named)
    from platformdirs import user_config_path

    return user_config_path("vmedia-bench") / "config.toml"


def read_config(environment: Mapping[str, str] = os.environ) -> dict[str, Any]:
    """What the file says, nothing where there is none.

    CommandFailedError: USAGE for what is no TOML, MISSING for a file that was named and cannot be
    read.
    """
    import tomllib

    path = config_path(environment)
    try:
        with path.open("rb") as file:
            data = file.read(LIMIT + 1)
        if len(data) > LIMIT:
            raise _wrong(f"it has more than {LIMIT:,} bytes, no configuration file has")
        return tomllib.loads(data.decode("utf-8"))
    except FileNotFoundError:
        if environment.get(PATH_VARIABLE):
            raise CommandFailedError(
                f"{PATH_VARIABLE}: there is no {path}", ExitCode.MISSING
            ) from None
        return {}
    except OSError as error:
        raise CommandFailedError(
            f"cannot read {path}: {error.strerror}", ExitCode.MISSING
        ) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise CommandFailedError(f"{path}: {error}", ExitCode.USAGE) from error


def defaults(
    tree: Any, config: Mapping[str, Any], environment: Mapping[str, str]
) -> dict[str, Any]:
    """Defaults by command and parameter, as click's `default_map` has them.

    `tree` is the click group of all commands. CommandFailedError(USAGE) for an unknown key, and a
    value that no option can have.
    """
    common = {key: config[key] for key in COMMON if key in config}
    for key, value in common.items():
        options = list(_all(tree, key))
        if not _is_plain(value) or not any(_takes(option, value) for option in options):
            known = dict.fromkeys(choice for option in options for choice in _choices(option))
            among = f"is none of {', '.join(known)}" if known else "is no text"
            raise _wrong(f"{key}: {value!r} {among}")
    own = {key: value for key, value in config.items() if key not in common}
    return _group(tree, own, common, environment, ())


def _group(
    group: Any,
    config: Mapping[str, Any],
    common: Mapping[str, Any],
    environment: Mapping[str, str],
    words: tuple[str, ...],
) -> dict[str, Any]:
    found: dict[str, Any] = {}
    _check_keys(config, list(group.commands), words)
    for name, command in group.commands.items():
        path = (*words, name)
        table = config.get(name, {})
        if not isinstance(table, Mapping):
            raise _wrong(f"{'.'.join(path)} is a command: give its options in a table of that name")
        if hasattr(command, "commands"):
            found[name] = _group(command, table, common, environment, path)
        else:
            found[name] = _options(command, table, common, environment, path)
    return found


def _options(
    command: Any,
    table: Mapping[str, Any],
    common: Mapping[str, Any],
    environment: Mapping[str, str],
    words: tuple[str, ...],
) -> dict[str, Any]:
    """One command's defaults by parameter: what holds for all, its table, its variables."""
    options = dict(_named_options(command))
    _check_keys({key.replace("_", "-"): None for key in table}, list(options), words)
    for key, value in table.items():
        _check_value(f"[{'.'.join(words)}] {key}", options[key.replace("_", "-")], value)
    found = {
        options[key].name: value
        for key, value in common.items()
        if key in options and _takes(options[key], value)
    }
    found |= {options[key.replace("_", "-")].name: value for key, value in table.items()}
    for name, option in options.items():
        variable = "_".join(("VMEDIA_BENCH", *words, name)).upper().replace("-", "_")
        if variable in environment:
            found[option.name] = _split(option, environment[variable])
    return found


def _named_options(command: Any) -> Iterator[tuple[str, Any]]:
    """Options by their long names."""
    for parameter in command.params:
        for name in parameter.opts:
            if name.startswith("--") and name[2:] not in _NOT_OPTIONS:
                yield name[2:], parameter


def _all(group: Any, name: str) -> Iterator[Any]:
    """The options of that name, of all commands."""
    for command in group.commands.values():
        if hasattr(command, "commands"):
            yield from _all(command, name)
        else:
            yield from (option for known, option in _named_options(command) if known == name)


def _check_value(place: str, option: Any, value: object) -> None:
    """Whether it is what an option's value can be; its own type has the last word."""
    if option.multiple:
        if not isinstance(value, list) or not all(map(_is_plain, value)):
            raise _wrong(f'{place}: a list of texts, such as ["fps=25"]')
    elif not _is_plain(value):
        raise _wrong(f"{place}: text, a number, true or false")


def _is_plain(value: object) -> bool:
    return isinstance(value, str | int | float)


def _takes(option: Any, value: object) -> bool:
    """Whether a choice has that value; a format for all is none for a command without it."""
    choices = _choices(option)
    return not choices or value in choices


def _choices(option: Any) -> list[str]:
    """What an option takes, where it takes only that."""
    return [getattr(choice, "value", choice) for choice in getattr(option.type, "choices", ())]


def _split(option: Any, text: str) -> object:
    if not option.multiple:
        return text
    import shlex

    return shlex.split(text)


def _check_keys(given: Mapping[str, object], known: list[str], words: tuple[str, ...]) -> None:
    for key in given:
        if key not in known:
            candidates = known if words else [*COMMON, *known]
            near = get_close_matches(key, candidates, n=3) or candidates
            place = f"[{'.'.join(words)}] " if words else ""
            raise _wrong(f"{place}{key}: there is no such key; near it: {', '.join(near)}")


def _wrong(what: str) -> CommandFailedError:
    return CommandFailedError(f"{config_path()}: {what}", ExitCode.USAGE)
