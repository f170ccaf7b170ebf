"""A command line from a dataclass: what it takes, what it says, and what it refuses."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, Literal

import pytest

from command_line.options import command_from_arguments, options_from_arguments
from command_line.values import Argument, Count, ExistingFolder, Positional, Repeated, Seconds


@dataclass(frozen=True)
class Lists:
    """How lists are asked.

    By default, not at all.
    """

    lists: Annotated[int, Argument(metavar="K")] = 0
    """Allowed answers of a list."""


@dataclass(frozen=True)
class Shared:
    url: str | None = None
    """A server that runs already (default: start one)."""


@dataclass(frozen=True, kw_only=True)
class Options(Shared):
    """Ask a server 这是什么 100 % of the time.

    Example: python -m ask photo.jpg

    Exit status: 0 all is well.
    """

    photos: Positional[tuple[Path, ...]]
    """Photos to ask about, 商品."""
    output: ExistingFolder
    """Where the answers go."""
    callers: Count = 6
    """Callers at the same time; 50 % of them in Chinese."""
    language: Literal["en", "zh"] = "en"
    timeout_s: Annotated[Seconds, Argument(flag="--timeout")] = 0.25
    """Deadline of a call."""
    tag: Repeated[tuple[str, ...]] = ()
    """A word for the report."""
    triple: Annotated[tuple[int, int, int] | None, Argument(metavar=("A", "B", "C"))] = None
    http: Annotated[str | None, Argument(metavar="HOST:PORT", without_value="")] = None
    dry_run: bool = False
    """Send nothing."""
    memory_of: Annotated[Path | None, Argument(is_hidden=True)] = None
    lists: Lists = field(default_factory=Lists)

    def __post_init__(self) -> None:
        if self.dry_run and self.tag:
            raise ValueError("--dry-run and --tag do not go together")


def read(*arguments: str) -> Options:
    return options_from_arguments(Options, "python -m ask", arguments)


def said(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str]:
    with pytest.raises(SystemExit) as caught:
        read(*arguments)
    captured = capsys.readouterr()
    assert isinstance(caught.value.code, int)
    return caught.value.code, captured.out + captured.err


def test_what_is_not_given_is_the_dataclasses_default() -> None:
    assert read("a.jpg", "--output", ".") == Options(photos=(Path("a.jpg"),), output=Path())


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ("--callers 3", {"callers": 3}),
        ("--language zh", {"language": "zh"}),
        ("--timeout 2", {"timeout_s": 2.0}),
        ("--tag one --tag two", {"tag": ("one", "two")}),
        ("--triple 1 2 3", {"triple": (1, 2, 3)}),
        ("--http", {"http": ""}),
        ("--http localhost:8000", {"http": "localhost:8000"}),
        ("--dry-run", {"dry_run": True}),
        ("--memory-of x", {"memory_of": Path("x")}),
        ("--url localhost:1", {"url": "localhost:1"}),
        ("--lists 4", {"lists": Lists(4)}),
    ],
)
def test_an_option_is_its_field(arguments: str, expected: dict[str, Any]) -> None:
    options = read("a.jpg", "b.jpg", "--output", ".", *arguments.split())
    assert options == Options(photos=(Path("a.jpg"), Path("b.jpg")), output=Path(), **expected)


@dataclass(frozen=True)
class OneNamed:
    callers: Annotated[Count, Argument(is_positional=True)] = 6
    """Calls at the same time."""


@dataclass(frozen=True)
class OneOrNone:
    folder: Annotated[ExistingFolder | None, Argument(is_positional=True)] = None
    """Where the answers go."""


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [([], OneNamed()), (["3"], OneNamed(3)), ([], OneOrNone()), (["."], OneOrNone(Path()))],
)
def test_what_is_named_by_its_place_may_have_a_default(arguments: list[str], expected: Any) -> None:
    assert options_from_arguments(type(expected), "python -m ask", arguments) == expected


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ("--output .", "the following arguments are required: photos"),
        ("a.jpg", "the following arguments are required: --output"),
        ("a.jpg --output no/such", "argument --output: no/such is not a folder that exists"),
        ("a.jpg --output . --callers 0", "argument --callers: '0' came, but a whole number, at least 1, is expected"),
        ("a.jpg --output . --callers six", "'six' came, but a whole number, at least 1, is expected"),
        ("a.jpg --output . --timeout nan", "'nan' came, but a number above 0 is expected"),
        ("a.jpg --output . --language fr", "invalid choice: 'fr' (choose from 'en', 'zh')"),
        ("a.jpg --output . --call 3", "unrecognized arguments: --call 3"),
        ("a.jpg --output . --dry-run --tag one", "--dry-run and --tag do not go together"),
    ],
)
def test_what_cannot_be_is_said_and_ends_with_2(arguments: str, words: str, capsys: pytest.CaptureFixture[str]) -> None:
    status, text = said(capsys, *arguments.split())
    assert status == 2
    assert words in text
    assert text.startswith("usage: python -m ask ")


def test_help_holds_every_docstring_and_default_once(capsys: pytest.CaptureFixture[str]) -> None:
    status, text = said(capsys, "--help")
    assert status == 0
    lines = " ".join(text.split())
    for words in (
        "Ask a server 这是什么 100 % of the time.",
        "photos Photos to ask about, 商品 options:",
        "--callers N Callers at the same time; 50 % of them in Chinese (default: 6)",
        "--language {en,zh} (default: en)",
        "--timeout S Deadline of a call (default: 0.25)",
        "--url TEXT A server that runs already (default: start one)",
        "--http [HOST:PORT] --dry-run",
        "--triple A B C --http",
        "--dry-run Send nothing",
        "How lists are asked: By default, not at all. --lists K Allowed answers of a list",
    ):
        assert lines.count(words) == 1, words
    assert "memory-of" not in text
    assert "None" not in text and "False" not in text
    assert lines.endswith("Example: python -m ask photo.jpg Exit status: 0 all is well.")


@dataclass(frozen=True)
class Run(Shared):
    """Run one load test.

    More about it.
    """

    rate: float = 20.0
    """Requests a second."""


@dataclass(frozen=True)
class Worker:
    index: int


COMMANDS: dict[str, type[Any]] = {"run": Run, "worker": Worker}


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ("run --rate 4 --url a:1", Run(url="a:1", rate=4.0)),
        ("worker --index 3", Worker(3)),
    ],
)
def test_a_command_is_its_options(arguments: str, expected: object) -> None:
    assert command_from_arguments(COMMANDS, "python -m load", "Load a server.", arguments.split()) == expected


def test_help_of_commands_names_those_for_people(capsys: pytest.CaptureFixture[str]) -> None:
    for arguments, words, never in (
        (["--help"], "run Run one load test", "worker"),
        (["run", "--help"], "More about it. options:", "worker"),
    ):
        with pytest.raises(SystemExit):
            command_from_arguments(COMMANDS, "python -m load", "Load a server.", arguments)
        text = " ".join(capsys.readouterr().out.split())
        assert words in text
        assert never not in text
