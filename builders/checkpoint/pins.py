"""Holds a checkpoint to what it is known to be: a commit of the hub, and the SHA-256 of its weights."""

import re
from pathlib import Path

from builders.checkpoint.digests import sha256_of_file
from builders.errors import UsageError

SUMS = "SHA256SUMS"
"""Beside a checkpoint's weights, in sha256sum's own format: what they must be."""


def require_pinned(hub_id: str, revision: str | None, sha256: list[str]) -> None:
    """
    Raises:
        UsageError: no name of the hub, or what comes from there is not named to the bit.
    """
    if not re.fullmatch(r"\w[\w.-]*/[\w.-]+", hub_id):
        raise UsageError(f"there is no folder {hub_id}; a checkpoint on the hub is named OWNER/NAME")
    if not re.fullmatch(r"[0-9a-f]{40}", revision or ""):
        came = "" if revision is None else f", but {revision!r} came"
        raise UsageError(
            f"there is no folder {hub_id}; if the hub's checkpoint of that name is meant, name its commit with "
            f"--revision (40 hexadecimal digits, on the hub's page of its files){came}"
        )
    if not sha256:
        raise UsageError(
            f"{hub_id} is of the hub: say with --sha256 what its weights are (the hub's page of model.safetensors "
            "shows it)"
        )


def require_weights(folder: Path, checkpoint: str, sha256: list[str]) -> None:
    """
    Args:
        sha256: of each `*.safetensors` of the checkpoint, in any order; empty: as `SHA256SUMS` says, if it is there.

    Raises:
        UsageError: the weights are not these.
    """
    found = {file.name: sha256_of_file(file) for file in sorted(folder.glob("*.safetensors"))}
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
