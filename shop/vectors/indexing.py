"""All photos of a shop's products into the vectors of the server's release, which then serve."""

from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from pathlib import Path

from vitrine_client import Embedding, InvalidPhotoError, InvalidRequestError, VqaClient

from shop.facts.listing_check import photo_file
from shop.products.product import Product
from shop.vectors.entries import entry_from_product
from shop.vectors.opening import open_vectors, serving_release, switch_to
from shop.vectors.port import Entry, Vector, Vectors

_AT_ONCE = 256


def index_products(
    client: VqaClient, products: Iterable[Product], folder: Path, url: str, *, threads: int = 4, switches: bool = True
) -> tuple[int, int]:
    """Embed the first photo of each product, and fill the collection of the release that the server has.

    The collection of the release before goes on serving until this one is made to serve.

    Args:
        folder: that the photos' paths stand in.
        url: of the vectors.
        switches: whether this release's collection serves from then on: for all shops that are in it.

    Returns:
        How many products are in, and how many have no photo that can be read.

    Raises:
        VitrineError: the server or the store is away; or the server was exchanged for another release meanwhile.
    """

    def embedded(product: Product) -> tuple[Product, Embedding] | None:
        file = photo_file(product, folder)
        try:
            return (product, client.embed(file)) if file else None
        except (InvalidPhotoError, InvalidRequestError):
            return None

    vectors: Vectors | None = None
    done = lost = 0
    with ThreadPoolExecutor(threads) as pool:
        for some in _some(products):
            found = [one for one in pool.map(embedded, some) if one]
            lost += len(some) - len(found)
            if not found:
                continue
            if vectors is None:
                vectors = open_vectors(url, found[0][1].release, len(found[0][1].vector))
            vectors.upsert([_entry(product, embedding) for product, embedding in found])
            done += len(found)
    if vectors:
        vectors.index()
        vectors.close()
        if switches or serving_release(url) is None:
            switch_to(url, vectors.release)
    return done, lost


def _some(products: Iterable[Product]) -> Iterator[list[Product]]:
    waiting = iter(products)
    while some := list(islice(waiting, _AT_ONCE)):
        yield some


def _entry(product: Product, embedding: Embedding) -> Entry:
    return entry_from_product(product, product.photos[0], Vector(embedding.release, embedding.vector))
