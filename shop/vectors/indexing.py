"""All photos of a shop's products into the vectors of the server's release, which then serve."""

from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from itertools import islice
from pathlib import Path

from PIL import Image
from vitrine_client import Embedding, InvalidPhotoError, InvalidRequestError, VqaClient

from shop.facts.listing_check import photo_file
from shop.products.product import Product
from shop.vectors.entries import entry_from_product
from shop.vectors.opening import open_vectors, serving_release, switch_to
from shop.vectors.port import Entry, Vector, Vectors

_AT_ONCE = 256
ANY_PHOTO = Image.new("RGB", (32, 32))
"""Black square: what is embedded to learn a server's release, and the width of its vectors."""


def index_products(
    client: VqaClient, products: Iterable[Product], folder: Path, url: str, *, threads: int = 4, switches: bool = True,
    keeps: bool = False,
) -> tuple[int, list[str]]:  # fmt: skip
    """Embed the first photo of each product, and fill the collection of the release that the server has.

    The collection of the release before goes on serving until this one is made to serve.

    Args:
        folder: that the photos' paths stand in.
        url: of the vectors.
        keeps: whether a photo that is in already keeps its vector, though the file may be another by now: only what is
            filtered by is renewed.
        switches: whether this release's collection serves from then on: for all shops that are in it.

    Returns:
        How many products are in, and whose photo was not read and why; what is in of such a product stays.

    Raises:
        VitrineError: the server or the store is away; or the server was exchanged for another release meanwhile.
    """

    def embedded(product: Product) -> Embedding | str:
        try:
            return client.embed(photo_file(product, folder))
        except (InvalidPhotoError, InvalidRequestError) as error:
            return f"{product.sku}: {error.message}"

    done, problems = 0, list[str]()
    with ThreadPoolExecutor(threads) as pool, closing(_open(client.embed(ANY_PHOTO), url)) as vectors:
        for some in _some(products):
            there = [entry for product in some for entry in _renewed(vectors, product)]
            known = {(entry.sku, entry.photo) for entry in there} if keeps else set()
            new = [product for product in some if (product.sku, *product.photos[:1]) not in known]
            found = list(pool.map(embedded, new))
            made = [_entry(product, one) for product, one in zip(new, found, strict=True) if isinstance(one, Embedding)]
            vectors.upsert(there + made)
            done += len({entry.sku for entry in (*there, *made)})
            problems += [one for one in found if isinstance(one, str)]
        vectors.index()
    if done and (switches or serving_release(url) is None):
        switch_to(url, vectors.release)
    return done, problems


def _open(embedding: Embedding, url: str) -> Vectors:
    return open_vectors(url, embedding.release, len(embedding.vector))


def _renewed(vectors: Vectors, product: Product) -> list[Entry]:
    """Return what is there of a product as the catalogue tells it now, without photos that it names no more."""
    there = list(vectors.entries(product.shop, product.sku))
    named = [entry for entry in there if entry.photo in (*product.photos, product.sku)]
    if gone := [entry.photo for entry in there if entry not in named]:
        vectors.delete(product.shop, product.sku, gone)
    return [entry_from_product(product, entry.photo, entry.vector) for entry in named]


def _some(products: Iterable[Product]) -> Iterator[list[Product]]:
    waiting = iter(products)
    while some := list(islice(waiting, _AT_ONCE)):
        yield some


def _entry(product: Product, embedding: Embedding) -> Entry:
    return entry_from_product(product, product.photos[0], Vector(embedding.release, embedding.vector))
