"""A command line from a frozen dataclass: names, types, defaults and help stand in it, once.

    @dataclass(frozen=True)
    class Options:
        \"\"\"Load a server, and say whether anything grew.

        example: python -m checks.soak build/vitrine-small
        \"\"\"

        repository: Positional[BuiltRepository]
        \"\"\"A built repository.\"\"\"
        callers: Count = 6
        \"\"\"Calls at the same time.\"\"\"

`callers` is `--callers N`, with "Calls at the same time (default: 6)" in the
help; the class's docstring stands above the options, and its paragraphs that
begin with "example" or "exit status" below them. A switch is a `bool` that is
False; a choice is a `Literal`; `X | None` may be left out; a tuple takes
several values; a field that is a dataclass is a group of options, with its own
docstring as the title. `__post_init__` raises ValueError where options cannot
go together.
"""

import argparse
import dataclasses
import inspect
import shutil
import textwrap
import types
import typing
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

from command_line.docstrings import field_docstrings
from command_line.values import NOT_GIVEN, Argument

_BELOW = ("example", "exit status")
_NONE = type(None)
_METAVARS = {int: "N", float: "X", str: "TEXT", Path: "PATH"}
_Options = TypeVar("_Options")


def options_from_arguments(kind: type[_Options], prog: str, arguments: Sequence[str] | None = None) -> _Options:
    """Read a program's arguments.

    Args:
        kind: a frozen dataclass, as described above.
        prog: how the program is started, such as "python -m checks.soak".
        arguments: None: those that this process was started with.

    Raises:
        SystemExit: 0 after `--help`; 2 where the arguments cannot be, after usage and reason on standard error.
    """
    parser = _parser(kind, prog)
    return _read(parser, kind, vars(parser.parse_args(arguments)))


def command_from_arguments(
    kinds: Mapping[str, type[_Options]], prog: str, description: str, arguments: Sequence[str] | None = None
) -> _Options:
    """Read the arguments of a program that has commands.

    Args:
        kinds: the options of each command, by its name. A class without a docstring is a command for programs.
        description: of all of them, written like a class's docstring.

    Returns:
        The options of the command that was named: their class tells which it was.

    Raises:
        SystemExit: as `options_from_arguments`.
    """
    above, below = _description(description)
    parser = _new_parser(prog, above, below)
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    parsers = {}
    for name, kind in kinds.items():
        above, below = _description(_docstring(kind))
        more: dict[str, Any] = (
            {"help": above.partition("\n\n")[0].removesuffix(".").replace("%", "%%")} if above else {}
        )
        more |= {"description": above, "epilog": below, "formatter_class": argparse.RawDescriptionHelpFormatter}
        parsers[name] = commands.add_parser(name, allow_abbrev=False, **more)
        _add_fields(parsers[name], kind)
    found = vars(parser.parse_args(arguments))
    command = found.pop("command")
    return _read(parsers[command], kinds[command], found)


def _parser(kind: type, prog: str) -> argparse.ArgumentParser:
    parser = _new_parser(prog, *_description(_docstring(kind)))
    _add_fields(parser, kind)
    return parser


def _new_parser(prog: str, above: str, below: str) -> argparse.ArgumentParser:
    raw = argparse.RawDescriptionHelpFormatter
    return argparse.ArgumentParser(prog, description=above, epilog=below, formatter_class=raw, allow_abbrev=False)


def _read(parser: argparse.ArgumentParser, kind: type[_Options], found: Mapping[str, Any]) -> _Options:
    try:
        return _make(kind, found)
    except ValueError as error:
        parser.error(str(error))


def _make(kind: type[_Options], found: Mapping[str, Any]) -> _Options:
    values: dict[str, Any] = {}
    hints = typing.get_type_hints(kind)
    for field in dataclasses.fields(typing.cast(Any, kind)):
        if dataclasses.is_dataclass(hints[field.name]):
            values[field.name] = _make(typing.cast(type, hints[field.name]), found)
        elif field.name in found:
            value = found[field.name]
            values[field.name] = tuple(value) if isinstance(value, list) else value
    return kind(**values)


def _add_fields(container: argparse._ActionsContainer, kind: type) -> None:
    docstrings, hints = field_docstrings(kind), typing.get_type_hints(kind, include_extras=True)
    for field in dataclasses.fields(typing.cast(Any, kind)):
        hint = hints[field.name]
        if isinstance(hint, type) and dataclasses.is_dataclass(hint):
            title, _, description = _docstring(hint).partition("\n\n")
            _add_fields(container.add_argument_group(title.removesuffix("."), description or None), hint)
        else:
            _add_field(container, field, hint, docstrings.get(field.name, ""))


def _add_field(
    container: argparse._ActionsContainer, field: "dataclasses.Field[Any]", hint: Any, docstring: str
) -> None:
    kind, argument = _unwrap(hint)
    is_required = field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING
    flag = argument.flag or f"--{field.name.replace('_', '-')}"
    more: dict[str, Any] = {"help": _help(docstring, field, argument), "default": argparse.SUPPRESS}
    if kind is bool:
        assert field.default is False, f"{field.name}: a switch is False unless it is given"
        container.add_argument(flag, action="store_true", dest=field.name, **more)
        return
    more |= _values(kind, argument, is_required)
    if argument.is_positional:
        if not is_required:  # of a positional, argparse reads the default like a text that was given
            more["default"] = field.default
        container.add_argument(field.name, **more)
    else:
        container.add_argument(flag, dest=field.name, required=is_required, **more)


def _values(kind: Any, argument: Argument, is_required: bool) -> dict[str, Any]:
    """argparse's own words for how many values come, of which type, and how they are named."""
    more: dict[str, Any] = {}
    if typing.get_origin(kind) is tuple:
        elements = typing.get_args(kind)
        kind, inner = _unwrap(elements[0])
        argument = _merge(inner, argument)
        if argument.is_repeated:
            more["action"] = "append"
        else:
            more["nargs"] = "+" if elements[-1] is Ellipsis else len(elements)
    elif argument.without_value is not NOT_GIVEN:
        more |= {"nargs": "?", "const": argument.without_value}
    elif argument.is_positional and not is_required:
        more["nargs"] = "?"
    if typing.get_origin(kind) is typing.Literal:
        more["choices"] = typing.get_args(kind)
    else:
        more["type"] = _reader(argument.read) if argument.read else kind
    if "choices" not in more and (not argument.is_positional or isinstance(argument.metavar, tuple)):
        more["metavar"] = argument.metavar or _METAVARS[kind]
    return more


def _reader(read: Any) -> Any:
    def reader(text: str) -> Any:
        try:
            return read(text)
        except ValueError as error:
            raise argparse.ArgumentTypeError(str(error)) from error

    return reader


def _unwrap(hint: Any) -> tuple[Any, Argument]:
    """Take a type out of `X | None` and `Annotated`, which may stand in each other."""
    if isinstance(hint, types.UnionType) or typing.get_origin(hint) is typing.Union:
        [hint] = [one for one in typing.get_args(hint) if one is not _NONE]
        return _unwrap(hint)
    if typing.get_origin(hint) is not typing.Annotated:
        return hint, Argument()
    inner, *outer = typing.get_args(hint)
    kind, argument = _unwrap(inner)
    for one in outer:
        argument = _merge(argument, one)
    return kind, argument


def _merge(inner: Argument, outer: Argument) -> Argument:
    usual = Argument()
    said = {field.name: getattr(outer, field.name) for field in dataclasses.fields(outer)}
    return dataclasses.replace(inner, **{name: value for name, value in said.items() if value != getattr(usual, name)})


def _help(docstring: str, field: "dataclasses.Field[Any]", argument: Argument) -> str:
    if argument.is_hidden:
        return argparse.SUPPRESS
    text, default = docstring.removesuffix("."), field.default
    if not any(default is one for one in (dataclasses.MISSING, None, False, "", ())) and "(default" not in text:
        values = default if isinstance(default, tuple) else (default,)
        said = " ".join(f"{value:g}" if isinstance(value, float) else str(value) for value in values)
        text = f"{text} (default: {said})".strip()
    return text.replace("%", "%%")


def _docstring(kind: type) -> str:
    """A class's own docstring; "" where it has none but the one that `dataclass` makes."""
    text = inspect.getdoc(kind) or ""
    return "" if text.startswith(f"{kind.__name__}(") else text


def _description(docstring: str) -> tuple[str, str]:
    """What stands above the options and what below, wrapped; examples and what is indented stay as they are."""
    above: list[str] = []
    below: list[str] = []
    width = max(40, shutil.get_terminal_size().columns - 2)
    for paragraph in inspect.cleandoc(docstring).split("\n\n"):
        lines = paragraph.split("\n")
        has_layout = paragraph.lower().startswith("example") or any(line.startswith(" ") for line in lines)
        text = paragraph if has_layout else textwrap.fill(" ".join(lines), width, break_on_hyphens=False)
        (below if paragraph.lower().startswith(_BELOW) else above).append(text)
    return "\n\n".join(above), "\n\n".join(below)
