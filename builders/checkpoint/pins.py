"""Holds a checkpoint to what it is known to be: a commit of the hub, and the SHA-256 of its weights."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from builders.checkpoint.digests import sha256_of_file
from builders.checkpoint.lock_file import COMMIT, LOCK_FILE
from builders.errors import UsageError

SUMS = "SHA256SUMS"
"""Beside a checkpoint's weights, in sha256sum's own format: what they must be."""


def write_sums(folder: Path) -> None:
    """Write `SHA256SUMS` of a checkpoint's weights."""
    lines = [f"{sha256_of_file(file)}  {file.name}\n" for file in sorted(folder.glob("*.safetensors"))]
    (folder / SUMS).write_text("".join(lines), "utf-8")


@dataclass(frozen=True)
class Pins:
    """What a checkpoint has to be. Of a folder, `sha256` alone counts."""

    revision: str | None = None
    """Commit of the hub; None: as the lock file says, else the newest."""
    sha256: tuple[str, ...] = ()
    """Of each `*.safetensors`, in any order; none: as the lock file or `SHA256SUMS` says."""
    lock: Path | None = Path(LOCK_FILE)
    """Lock file; None: commit and SHA-256 have to be named instead."""
    is_frozen: bool = True
    """Whether a checkpoint that the lock file does not have is refused, where it would be recorded."""


AS_LOCKED = Pins()
"""Of the hub, what the lock file of the current directory has."""


def require_hub_name(hub_id: str, pins: Pins) -> None:
    """
    Raises:
        UsageError: no name of the hub, or pins that do not name what comes from there to the bit.
    """
    if not re.fullmatch(r"\w[\w.-]*/[\w.-]+", hub_id):
        raise UsageError(f"there is no folder {hub_id}; a checkpoint on the hub is named OWNER/NAME")
    if pins.revision is not None and not re.fullmatch(COMMIT, pins.revision):
        raise UsageError(
            f"--revision {pins.revision!r} came for {hub_id}, but a commit is expected: 40 hexadecimal digits, on the "
            "hub's page of its files, for other names move"
        )
    if pins.lock is None and not (pins.revision and pins.sha256):
        raise UsageError(
            f"{hub_id} is of the hub: name its commit with --revision, and its weights' SHA-256 with --sha256"
        )


def require_weights(folder: Path, checkpoint: str, digests: Mapping[str, str], sha256: Sequence[str]) -> None:
    """
    Args:
        digests: SHA-256 of each file of `folder`, by its path in it.
        sha256: of each `*.safetensors` of the checkpoint, in any order; empty: as `SHA256SUMS` says, if it is there.

    Raises:
        UsageError: the weights are not these.
    """
    found = {name: digest for name, digest in digests.items() if re.fullmatch(r"[^/]+\.safetensors", name)}
    if sha256 and sorted(found.values()) != sorted(text.lower() for text in sha256):
        raise UsageError(f"{checkpoint}: the weights' SHA-256 is {', '.join(found.values())}, not {', '.join(sha256)}")
    if (folder / SUMS).is_file():
        for line in (folder / SUMS).read_text("utf-8").splitlines():
            expected, _, name = line.partition("  ")
            if found.get(name) != expected:
                raise UsageError(
                    f"{checkpoint}/{name} has the SHA-256 {found.get(name)}, not {expected} as {SUMS} says: "
                    f"restore it, or, if it was trained anew, write {SUMS} anew (sha256sum *.safetensors > {SUMS})"
                )
