"""Photos in a folder."""

from pathlib import Path

PHOTO_SUFFIXES = (".jpg", ".jpeg", ".png", ".webp", ".avif")
"""Suffixes of the formats that a server reads on any machine; HEIC needs a package of its own."""


def photo_files(folder: Path) -> list[Path]:
    """List the photos in `folder` and below it, by name; none where there is no such folder."""
    return sorted(file for file in folder.rglob("*") if file.suffix.lower() in PHOTO_SUFFIXES)
