"""`python -m evaluation.similar REPOSITORY`: are photos that are found alike, and are listings twice found?"""

import sys
from dataclasses import dataclass
from typing import Annotated

from command_line.errors import exit_status
from command_line.options import options_from_arguments
from command_line.values import Argument, Count, Folder, Positional
from serving.repository_option import BuiltRepository


@dataclass(frozen=True)
class SimilarOptions:
    """Draw catalogue photos that the checkpoint was not trained with and embed them. How many of the ten nearest have
    the photo's category and colour? And from which cosine on is a photo a copy of another (re-encoded, smaller, cut),
    and not another of the same category, colour, pattern and number?

    With --photos-of, real photos instead: how many of the nearest are of the same class; and is a photo found when its
    product is photographed otherwise (a cut-out, with transparency, turned, smaller, in other light, on another ground;
    of any other photo a part in other light)? Beside vectors stand histograms of colours, and chance.

    Examples:
      python -m evaluation.similar build/vitrine-small --photos 4000
      python -m evaluation.similar build/vitrine-small --photos-of my-photos
    """

    repository: Positional[BuiltRepository]
    """A built repository; served embedded unless --url is given."""
    url: Annotated[str | None, Argument(metavar="HOST:PORT")] = None
    """A server that runs already."""
    photos: Count = 4000
    """Photos to draw."""
    copied: Count = 500
    """Photos of which copies are made."""
    photos_of: Folder | None = None
    """Folder of real photos, a folder in it for each class; folders in these are finer classes."""
    grounds: Folder | None = None
    """Photos to put cut-outs in front of (default: those of scikit-image and scikit-learn)."""


def main() -> int:
    options = options_from_arguments(SimilarOptions, "python -m evaluation.similar")
    from evaluation.similar_photos import evaluate_similar  # brings gRPC, which --help does not need

    return evaluate_similar(options)


if __name__ == "__main__":
    sys.exit(exit_status(main))
