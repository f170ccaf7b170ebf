"""An option that takes a folder that `python -m builders` wrote."""

from pathlib import Path
from typing import Annotated

from command_line.values import Argument
from serving.errors import UsageError
from serving.triton.integrity import read_manifest


def built_repository(text: str) -> Path:
    """Read the path of a built repository.

    Raises:
        ValueError: no such folder, or no built repository.
    """
    try:
        read_manifest(Path(text))
    except UsageError as error:
        raise ValueError(str(error)) from error
    return Path(text)


BuiltRepository = Annotated[Path, Argument(built_repository, "REPOSITORY")]
