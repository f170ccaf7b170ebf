"""Commands on the pages are commands that there are, with options that they take."""

import functools
import re
from collections import defaultdict

import pytest

from docs.generate.command_lines import GROUPS, Command, help_of
from tests.docs.pages import ROOT, markdown_files

COMMANDS = {command.module: command for group in GROUPS for command in group.commands}
OF_THEIR_TIME = ("CHANGELOG.md", "docs/adr/")
"""Pages that say what was so when they were written."""
help_text = functools.cache(help_of)
PROGRAM = re.compile(r"(?:python3? -m (?P<module>[\w.]+)|(?:(?<=`)|(?<=\$ )|(?<=bin/)|(?<=\| ))(?P<vitrine>vitrine))\s")
END = re.compile(r"[`|;>]|&&|\s#|$", re.MULTILINE)
OPTION = re.compile(r"(?<![\w-])--[a-z][a-z0-9-]*")


def pages() -> dict[str, str]:
    """Text by path; a command that goes on in the next line stands in one."""
    texts = {file.relative_to(ROOT).as_posix(): file.read_text("utf-8") for file in markdown_files()}
    return {name: re.sub(r"\\\n\s*", " ", text) for name, text in texts.items() if not name.startswith(OF_THEIR_TIME)}


def commands_named() -> dict[tuple[str, str], dict[str, str]]:
    """For each module and subcommand, the options that are named, each with a page."""
    named: dict[tuple[str, str], dict[str, str]] = defaultdict(dict)
    for page, text in pages().items():
        for found in PROGRAM.finditer(text):
            rest = text[found.end() : END.search(text, found.end()).start()]  # type: ignore[union-attr]  # `$` is there
            module = found["module"] or "vitrine_client.cli"
            known = COMMANDS[module].subcommands if module in COMMANDS else ()
            subcommand = max((name for name in known if f"{rest} ".startswith(f"{name} ")), key=len, default="")
            named[module, subcommand] |= dict.fromkeys(OPTION.findall(rest), page)
    return named


NAMED = commands_named()


def test_the_pages_name_commands() -> None:
    assert {"builders", "serving", "loadtest", "evaluation", "vitrine_client.cli"} <= {module for module, _ in NAMED}


@pytest.mark.servers
@pytest.mark.parametrize("module", sorted({module for module, _ in NAMED} & set(COMMANDS)))
def test_every_option_on_a_page_is_one_of_its_command(module: str) -> None:
    command: Command = COMMANDS[module]
    unknown = {
        f"{command.shown} {subcommand} {option} ({page})"
        for (name, subcommand), options in NAMED.items()
        if name == module
        for option, page in options.items()
        if not re.search(rf"(?<![\w-]){option}(?![\w-])", help_text(command, subcommand))
    }
    assert not unknown


def test_every_make_target_on_a_page_is_there() -> None:
    targets = set(re.findall(r"(?m)^([a-z][a-z-]*):", (ROOT / "Makefile").read_text("utf-8")))
    named = {
        (target, page)
        for page, text in pages().items()
        for line in re.findall(r"(?m)(?:`|^\$ )make ([a-z][a-z -]*)", text)
        for target in line.split()
    }
    assert {"build", "test", "gpu-check"} <= {target for target, _ in named}, "pages are read"
    assert not {(target, page) for target, page in named if target not in targets}
