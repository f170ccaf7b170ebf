"""`python -m evaluation.listing_checks`: how many wrong listings are found, and right ones called wrong?"""

import random
import sys
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Annotated

from catalogue.attributes import CATEGORIES, COLOURS, Attributes
from command_line.errors import exit_status
from command_line.options import options_from_arguments
from command_line.values import Argument, Count, Positional, WholeNumber
from serving.repository_option import BuiltRepository
from shop.products.product import Language, Product


@dataclass(frozen=True)
class ListingOptions:
    """Draw products with photos, write a wrong colour or category into the listings of some, and check them all.

    Example:
      python -m evaluation.listing_checks build/vitrine-small --listings 1000
    """

    repository: Positional[BuiltRepository]
    """A built repository; served embedded unless --url is given."""
    url: Annotated[str | None, Argument(metavar="HOST:PORT")] = None
    """A server that runs already."""
    listings: Count = 1000
    """Listings; every second one is wrong in one field."""
    first_photo: WholeNumber = 40_000
    """Number of the first photo that is drawn."""
    threads: Count = 2
    """Photos asked about at once."""


def main() -> int:
    options = options_from_arguments(ListingOptions, "python -m evaluation.listing_checks")
    return measure_listing_checks(options)


def measure_listing_checks(options: ListingOptions) -> int:
    """Print shares at several thresholds; returns the exit status."""
    from tqdm import tqdm
    from vitrine_client import VqaClient

    from catalogue.dataset import first_seed
    from catalogue.photos import photo_from_seed
    from evaluation.figures import figures_table, share
    from serving.supervision.server import EmbeddedServer
    from serving.triton.command import ServerSettings
    from shop.facts.listing_check import FIELDS, THRESHOLD, check_photo

    def check(number: int) -> tuple[str, dict[str, float]]:
        """The field that is wrong, and the confidence of each contradiction."""
        photo = photo_from_seed(first_seed("test") + options.first_photo + number)
        product, wrong = listing(photo.attributes, number)
        found = check_photo(client, product, photo.jpeg_bytes(), 0.0).contradictions
        return wrong, {one.field: one.confidence for one in found}

    with ExitStack() as stack:
        url = options.url
        if url is None:
            settings = ServerSettings(options.repository, grpc_port=0, metrics_port=None)
            url = stack.enter_context(EmbeddedServer(settings)).url
        client = stack.enter_context(VqaClient(url, timeout_s=60))
        pool = stack.enter_context(ThreadPoolExecutor(options.threads))
        rows = list(tqdm(pool.map(check, range(options.listings)), total=options.listings, disable=None))
    figures = []
    for threshold in sorted({0.9, 0.98, 0.99, 0.998, 0.999, THRESHOLD}):
        section = f"listing wrong with {threshold:g}"
        sure = [(wrong, {field for field, share in found.items() if share >= threshold}) for wrong, found in rows]
        for field in FIELDS:
            figures += share(
                section, f"wrong {field} found", [field in found for wrong, found in sure if wrong == field]
            )
        figures += share(section, "all wrong ones found", [wrong in found for wrong, found in sure if wrong])
        figures += share(section, "right listings called wrong", [bool(found) for wrong, found in sure if not wrong])
    print(figures_table(figures).lstrip("\n"))
    return 0


def listing(truth: Attributes, number: int) -> tuple[Product, str]:
    """Write a photo's listing, in both languages by turns; every second one is wrong in the field that is named."""
    rng = random.Random(f"listing {number}")
    wrong = ("colour", "category")[number // 2 % 2] if number % 2 else ""
    words = {"colour": truth.colour, "category": truth.category}
    if wrong:
        words[wrong] = rng.choice(sorted({*(COLOURS if wrong == "colour" else CATEGORIES)} - {words[wrong]}))
    if number // 4 % 2:
        attributes: Mapping[Language, Mapping[str, str]] = {"zh": {"颜色": COLOURS[words["colour"]]}}
        category = CATEGORIES[words["category"]]
    else:
        attributes, category = {"en": {"Color": words["colour"]}}, words["category"]
    return Product("drawn", str(number), category=category, attributes=attributes), wrong


if __name__ == "__main__":
    sys.exit(exit_status(main))
