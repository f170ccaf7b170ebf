"""`python -m catalogue`: write a data set of product photos and questions."""

import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from command_line.errors import UsageError, exit_status
from command_line.options import options_from_arguments
from command_line.values import Positional


@dataclass(frozen=True)
class CatalogueOptions:
    """Draw product photos with known answers and write them to a folder: photos/*.jpg, masks/*.png (white where the
    product is) and questions.jsonl, in English and Chinese.

    Example: python -m catalogue build/catalogue --split test --photos 200
    """

    folder: Positional[Path]
    """Folder to write to; new or empty."""
    split: Literal["train", "test"] = "test"
    """Photos and wordings for training, or others for tests."""
    photos: int = 200
    """Photos to draw."""
    per_photo: int = 7
    """Questions about each photo; the default asks one of each kind."""
    textures: bool = False
    """Products look metallic, wooden, knitted or quilted, and the questions are about that alone: something that the
    bundled checkpoint has not learned."""
    workers: int = os.cpu_count() or 1
    """Processes that draw (default: one a core)."""

    def __post_init__(self) -> None:
        if self.photos < 1 or self.per_photo < 1 or self.workers < 1:
            raise ValueError("--photos, --per-photo and --workers must be at least 1")
        if self.folder.exists() and not self.folder.is_dir():
            raise ValueError(f"{self.folder} is a file: name an empty or new folder")


def main() -> int:
    options = options_from_arguments(CatalogueOptions, "python -m catalogue")
    from catalogue.dataset import write_dataset  # brings numpy and Pillow, which --help does not need

    try:
        write_dataset(
            options.folder,
            options.split,
            options.photos,
            per_photo=options.per_photo,
            workers=options.workers,
            textures=options.textures,
        )
    except FileExistsError as error:
        raise UsageError(str(error)) from error
    except OSError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    print(f"{options.photos} photos and {options.photos * options.per_photo} questions in {options.folder}")
    return 0


if __name__ == "__main__":
    sys.exit(exit_status(main))
