"""`python -m evaluation.colour_spaces REPOSITORY`: are photos of other colour spaces answered like their sRGB twins?"""

import sys
from dataclasses import dataclass
from typing import Annotated

from command_line.errors import exit_status
from command_line.options import options_from_arguments
from command_line.values import Argument, Count, File, Positional, WholeNumber
from serving.repository_option import BuiltRepository


@dataclass(frozen=True)
class ColourSpaceOptions:
    """Draw catalogue photos, write each in other colour spaces with the profile of each, and ask colour and category in
    both languages: are as many answers right as about the sRGB twins?

    Example: python -m evaluation.colour_spaces build/vitrine-small --photos 120

    Exit status: 1 a space is more than 1 % worse.
    """

    repository: Positional[BuiltRepository]
    """A built repository; served embedded unless --url is given."""
    url: Annotated[str | None, Argument(metavar="HOST:PORT")] = None
    """A server that runs already."""
    photos: Count = 120
    """Photos to draw."""
    first_photo: WholeNumber = 30_000
    """Number of the first photo that is drawn."""
    threads: Count = 2
    """Photos asked about at once."""
    cmyk_profile: File | None = None
    """Profile of a real press, such as FOGRA39 (default: a simple one)."""


def main() -> int:
    options = options_from_arguments(ColourSpaceOptions, "python -m evaluation.colour_spaces")
    from evaluation.colour_space_twins import compare_twins  # brings gRPC, which --help does not need

    return compare_twins(options)


if __name__ == "__main__":
    sys.exit(exit_status(main))
