"""A repository as it would be if Triton's key held nothing of the release."""

import json
from pathlib import Path

from builders.checkpoint.digests import sha256_of_folder
from builders.repository.cached_input import name_cached_inputs


def with_plain_inputs(repository: Path) -> None:
    """Take the release off the names of cached inputs; the release stays as it was."""
    name_cached_inputs(repository, "")
    file = repository / "manifest.json"
    manifest = json.loads(file.read_text("utf-8"))
    manifest["sha256"] = {name: sha256 for name, sha256 in sha256_of_folder(repository).items() if name != file.name}
    file.write_text(json.dumps(manifest), "utf-8")
