"""What `python -m checks.fuzz` takes."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from command_line.values import Argument, Count, File, Folder, Positional
from serving.repository_option import BuiltRepository


@dataclass(frozen=True)
class FuzzOptions:
    """Send hostile requests to a real server of a built repository: damaged photos, odd questions, lists, parameters,
    headers, contents and encodings, streams, compression, any tensors to any model, frames by hand, random bytes, any
    method; and HTTP, where it is named.

    Example: python -m checks.fuzz build/vitrine-small --count 20000

    Exit status: 0 no process ended, it answers as before, and told nothing of its inside; 1 otherwise; 2 wrong usage.
    """

    repository: Positional[BuiltRepository]
    """A built repository; with --url: the one that is served there."""
    count: Count = 200_000
    """Requests to send."""
    seed: int = 0
    """Number that the requests are drawn from; the same one draws the same requests."""
    url: Annotated[str | None, Argument(metavar="HOST:PORT")] = None
    """A running server or gateway (default: start a server)."""
    tls_ca: File | None = None
    """With --url: who signed its certificate (PEM)."""
    api_key_file: File | None = None
    """With --url: the key that it asks for."""
    watch: Annotated[int | None, Argument(metavar="PID")] = None
    """With --url: a process here, such as `python -m serving`: neither it nor any process below it may end (default:
    only the address tells)."""
    http: Annotated[str | None, Argument(metavar="HOST:PORT", without_value="")] = None
    """HTTP too; the address is needed with --url only."""
    no_door: bool = False
    """Leave out what ends a Triton 2.51 that no door stands before."""
    overflows: bool = False
    """Also shapes whose number of elements overflows, for the models that only ensembles are to call: known to end
    their processes under Triton 2.51."""
    only: Annotated[tuple[str, ...], Argument(metavar="KIND")] = ()
    """Kinds to send, such as stream (default: all)."""
    again: tuple[File, ...] = ()
    """Kept requests to send instead."""
    output: Folder = Path("build/fuzz")
    """Folder for Triton's log and, where something is wrong, the last requests."""
