"""One product of the catalogue, and what is asked about its photo; and a repository that reads no text."""

import shutil
from pathlib import Path

from builders.repository.manifest import renew_digests
from builders.text.engines import TEXT_MODELS
from catalogue.dataset import first_seed
from catalogue.photos import photo_from_seed

SEED = first_seed("test") + 11
PHOTO = photo_from_seed(SEED, long_side_px=(300, 400)).jpeg_bytes()
QUESTIONS = {"en": "What colour is it?", "zh": "它是什么颜色的？"}


def without_text(repository: Path, folder: Path) -> Path:
    """Copy a built repository without what reads text."""
    shutil.copytree(repository, folder, ignore=shutil.ignore_patterns("__pycache__", *TEXT_MODELS))
    renew_digests(folder)
    return folder
