"""`python -m evaluation.several_photos REPOSITORY`: is a product's answer more often right from several photos?"""

import sys
from dataclasses import dataclass
from typing import Annotated

from command_line.errors import exit_status
from command_line.options import options_from_arguments
from command_line.values import Argument, Count, Positional, WholeNumber
from serving.repository_option import BuiltRepository


@dataclass(frozen=True)
class SeveralPhotosOptions:
    """Draw three photos of each product (other pose, background, scale and light), one of them half covered or blurred,
    ask one question of each kind in both languages, and join the answers by the client's rule and by others: how many
    are right, and how far can the joined confidence be trusted?

    Example: python -m evaluation.several_photos build/vitrine-small --products 300

    Exit status: 1 the client's rule is less than 3 points better than one of the photos, taken blindly.
    """

    repository: Positional[BuiltRepository]
    """A built repository; served embedded unless --url is given."""
    url: Annotated[str | None, Argument(metavar="HOST:PORT")] = None
    """A server that runs already."""
    products: Count = 300
    """Products to draw."""
    first_photo: WholeNumber = 40_000
    """Number of the first photo among which three of each product are looked for."""
    threads: Count = 2
    """Photos asked about at once."""


def main() -> int:
    options = options_from_arguments(SeveralPhotosOptions, "python -m evaluation.several_photos")
    from evaluation.photos_of_product import compare_rules  # brings gRPC, which --help does not need

    return compare_rules(options)


if __name__ == "__main__":
    sys.exit(exit_status(main))
