"""Collects the `--help` of every command line, for the page `reference/command-lines.md`."""

import os
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
_COLUMNS = "80"
_TIMEOUT_S = 120.0
_SIDE_BY_SIDE = 2


class CommandLineError(Exception):
    """A command did not print its help; the message holds the command and what it printed instead."""


@dataclass(frozen=True)
class Command:
    module: str
    name: str = ""
    """Name that users type; "" means `python -m MODULE`."""
    subcommands: tuple[str, ...] = ()

    @property
    def shown(self) -> str:
        return self.name or f"python -m {self.module}"


@dataclass(frozen=True)
class Group:
    title: str
    commands: tuple[Command, ...]


_ASK = ("ask", "ask-product", "choose", "embed", "read", "explain", "watch", "profile", "health")
_FEEDBACK = tuple(f"feedback {action}" for action in ("add", "list", "next", "answer", "export", "forget"))
GROUPS = (
    Group(
        "Ask",
        (
            Command(
                "vitrine_client.cli",
                "vitrine",
                (*_ASK, "bulk", "feedback", *_FEEDBACK),
            ),
        ),
    ),
    Group(
        "Build and serve",
        (
            Command("builders"),
            Command("builders.calibration"),
            Command("serving"),
            Command("serving.demo"),
            Command("serving.health"),
            Command("serving.container"),
            Command("serving.door.gateway"),
            Command("serving.canary"),
            Command("desk"),
            Command("desk.demo_shop"),
            Command("shop", subcommands=("import", "check", "index")),
        ),
    ),
    Group(
        "Measure",
        (
            Command("loadtest", subcommands=("run", "knee", "stages", "simulate", "gate", "compare")),
            Command("evaluation"),
            Command("evaluation.text"),
            Command("evaluation.listing_checks"),
            Command("evaluation.compare"),
            Command("evaluation.colour_spaces"),
            Command("evaluation.several_photos"),
            Command("evaluation.similar"),
            Command("benchmarks"),
            Command("benchmarks.one_question"),
            Command("benchmarks.chat"),
            Command("benchmarks.tune"),
            Command("benchmarks.door"),
            Command("benchmarks.text"),
            Command("benchmarks.outage"),
            Command("benchmarks.overload"),
            Command("benchmarks.bulk"),
            Command("benchmarks.vectors"),
            Command("benchmarks.engines"),
            Command("benchmarks.decoding"),
            Command("benchmarks.peak"),
            Command("benchmarks.agreement"),
            Command("loadtest.fake_server"),
        ),
    ),
    Group(
        "Check",
        (
            Command("checks.fuzz"),
            Command("checks.fuzz.guided"),
            Command("checks.fuzz.corpora"),
            Command("checks.soak"),
            Command("checks.gpu"),
        ),
    ),
    Group(
        "Draw and train",
        (Command("catalogue"), Command("training", subcommands=("release", "tune", "check", "label", "bundled"))),
    ),
)

NOT_ON_THE_PAGE = {
    "benchmarks.peers": "started by `python -m benchmarks`",
    "benchmarks.peers.rapidocr_peer": "started by `python -m benchmarks.text`",
    "deploy.supply.audit": "run by `make supply`",
    "deploy.supply.lock": "takes no options",
    "deploy.supply.sbom": "run by `make supply`",
    "serving.supervision.with_parent": "started by the supervisor",
    "vitrine_steps.photo.decoder_process": "started by the photo step",
}
"""Modules that can be run, but not by users, each with the reason."""


def command_lines_page() -> str:
    """Write the body of the page, in Markdown: a heading and a code block for each command and subcommand.

    Raises:
        CommandLineError: a command is not there or fails.
    """
    with ThreadPoolExecutor(_SIDE_BY_SIDE) as pool:
        helps = dict(zip(_calls(), pool.map(lambda call: help_of(*call), _calls()), strict=True))
    lines = []
    for group in GROUPS:
        lines += [f"## {group.title}", ""]
        for command in group.commands:
            for subcommand in ("", *command.subcommands):
                lines += [f"{'####' if subcommand else '###'} `{f'{command.shown} {subcommand}'.strip()}`", ""]
                lines += ["```text", helps[command, subcommand].rstrip(), "```", ""]
    return "\n".join(lines)


def help_of(command: Command, subcommand: str = "") -> str:
    """Run a command with `--help`.

    Raises:
        CommandLineError: it ends with another status than 0, or prints nothing.
    """
    words = subcommand.split()
    paths = os.pathsep.join(filter(None, [str(ROOT / "client" / "src"), os.environ.get("PYTHONPATH")]))
    environment = os.environ | {"COLUMNS": _COLUMNS, "NO_COLOR": "1", "TERM": "dumb", "PYTHONPATH": paths}
    run = [sys.executable, "-m", command.module, *words, "--help"]
    done = subprocess.run(
        run, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=_TIMEOUT_S, check=False
    )
    if done.returncode or not done.stdout.strip():
        raise CommandLineError(f"`{' '.join(run[1:])}` ended with {done.returncode}: {done.stderr.strip()[-500:]}")
    return done.stdout


def _calls() -> Iterator[tuple[Command, str]]:
    for group in GROUPS:
        for command in group.commands:
            yield command, ""
            yield from ((command, subcommand) for subcommand in command.subcommands)
