"""Digests of files."""

import hashlib
from pathlib import Path


def sha256_of_file(file: Path) -> str:
    """SHA-256 in hexadecimal."""
    with file.open("rb") as data:
        return hashlib.file_digest(data, "sha256").hexdigest()


def sha256_of_folder(folder: Path) -> dict[str, str]:
    """SHA-256 of every file below `folder`, by its path relative to it."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {str(file.relative_to(folder)): sha256_of_file(file) for file in files}


def write_whole(file: Path, data: bytes | memoryview) -> None:
    """Write `file` so that it is there whole or not at all."""
    partial = file.with_name(f".{file.name}.part")
    try:
        partial.write_bytes(data)
        partial.replace(file)
    except BaseException:
        partial.unlink(missing_ok=True)
        raise
