"""Checks that a built repository is, to the bit, the one that was built."""

import hashlib
import json
import os
import shutil
from pathlib import Path
from typing import Any

from serving.errors import ServingError, UsageError
from vitrine_steps.file_format import MANIFEST_FORMAT, FormatError, require_format

_CACHE = "__pycache__"
_BUILD_AGAIN = "it was built by another version of Vitrine: build the repository again, or serve it with that version"
_OF_PEOPLE = ("answer_rules.yaml",)
"""Files that people put beside `manifest.json`."""


def read_manifest(repository: Path) -> dict[str, Any]:
    """Read what a built repository was made of, its `manifest.json`.

    Raises:
        UsageError: no such folder, not one that `python -m builders` wrote, or one of another version of Vitrine.
    """
    file = repository / "manifest.json"
    try:
        manifest = json.loads(file.read_text(encoding="utf-8"))
        require_format(manifest, MANIFEST_FORMAT, file=file, remedy=_BUILD_AGAIN)
        if not isinstance(manifest["sha256"], dict):
            raise TypeError("sha256 is not an object")
    except (FileNotFoundError, NotADirectoryError) as error:
        what = "has no manifest.json" if repository.is_dir() else "is not a folder that exists"
        raise UsageError(
            f"{repository} {what}: name a repository that `python -m builders --checkpoint ... --output FOLDER` "
            "has built (in a container VITRINE_REPOSITORY names it)"
        ) from error
    except FormatError as error:
        raise UsageError(str(error)) from error
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise UsageError(f"{file} is broken ({type(error).__name__}: {error}): build the repository again") from error
    return dict(manifest)


def _entries_of(repository: Path) -> list[Path]:
    """List every folder, file and link; what another server of this repository removes meanwhile may be missing."""
    return sorted(Path(folder, name) for folder, *within in os.walk(repository) for names in within for name in names)


def remove_python_caches(repository: Path) -> None:
    """Remove the caches that Python steps write into the repository.

    Raises:
        ServingError: they cannot be removed.
    """
    for cache in (path for path in _entries_of(repository) if path.name == _CACHE):
        shutil.rmtree(cache, ignore_errors=True)
        # Where we may remove it and it is there again, another server of this repository has just written it.
        if cache.exists() and not (os.access(cache.parent, os.W_OK) and os.access(cache, os.W_OK)):
            raise ServingError(f"{cache} was not built, and cannot be removed from here: remove it")


def require_intact(repository: Path) -> None:
    """Compare every file with the SHA-256 that the builder noted.

    Python's caches, which the steps write and would run instead of what was built, are removed.

    Raises:
        UsageError: a file is missing, was changed, or was not built; names it.
    """
    remove_python_caches(repository)
    expected: dict[str, str] = read_manifest(repository)["sha256"]
    remedy = "restore it, or build the repository again"
    for name, sha256 in expected.items():
        file = repository / name
        if not file.is_file():
            raise UsageError(f"{repository} lacks {name}, which was built: {remedy}")
        with file.open("rb") as data:
            found = hashlib.file_digest(data, "sha256").hexdigest()
        if found != sha256:
            raise UsageError(
                f"{file} is not what was built (SHA-256 {found[:12]}…, built was {sha256[:12]}…): {remedy}"
            )
    known = {*expected, *_OF_PEOPLE, "manifest.json"}
    for folder in sorted(path for path in repository.iterdir() if path.is_dir()):
        if not any(name.startswith(f"{folder.name}/") for name in expected):  # Triton takes each one for a model
            raise UsageError(f"{folder} was not built, so it may not be served: remove it")
    for link in (path for path in _entries_of(repository) if path.is_symlink()):
        raise UsageError(f"{link} is a link, so what it leads to was not built: remove it")
    for file in (path for path in _entries_of(repository) if path.is_file()):
        # Another server of this repository may be writing caches at this very moment.
        if str(file.relative_to(repository)) not in known and file.parent.name != _CACHE:
            raise UsageError(f"{file} was not built, so it may not be served: remove it")
