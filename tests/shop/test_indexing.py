"""A shop's photos go into the vectors of the server's release, and prices into what is there."""

from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest
from vitrine_client import FakeTransport, VqaClient

from catalogue.photos import photo_from_seed
from shop.products.product import Money, Product
from shop.vectors.indexing import index_products
from shop.vectors.opening import open_vectors, serving_release
from shop.vectors.port import Entry

PRODUCTS = [
    Product("a", f"s{number}", price=Money(Decimal(number), "CNY"), photos=(f"{number}.jpg",)) for number in range(3)
]


@pytest.fixture
def fake() -> FakeTransport:
    return FakeTransport({})


@pytest.fixture
def client(fake: FakeTransport) -> Iterator[VqaClient]:
    with VqaClient(transport=fake) as client:
        yield client


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    for number in range(3):
        picture = photo_from_seed(number, long_side_px=(60, 61)).jpeg_bytes()
        (tmp_path / f"{number}.jpg").write_bytes(picture)
    (tmp_path / "1.jpg").unlink()
    return tmp_path


def entries(client: VqaClient, url: str) -> dict[str, Entry]:
    embedding = client.embed(photo_from_seed(0).jpeg_bytes())
    with closing(open_vectors(url, embedding.release, len(embedding.vector))) as vectors:
        return {entry.sku: entry for entry in vectors.entries("a")}


def test_a_photo_that_is_not_there_is_counted_and_the_rest_serves(client: VqaClient, photos: Path) -> None:
    url = f"edge://{photos}/vectors"
    missing = "s1: its photo '1.jpg' is no file in the folder of photos"
    assert index_products(client, PRODUCTS, photos, url) == (2, [missing])
    assert entries(client, url).keys() == {"s0", "s2"}
    assert serving_release(url) is not None


def test_prices_change_without_a_photo_being_embedded_again(
    client: VqaClient, fake: FakeTransport, photos: Path
) -> None:
    url = f"edge://{photos}/vectors"
    index_products(client, PRODUCTS, photos, url)
    before = entries(client, url)
    (photos / "1.jpg").write_bytes((photos / "2.jpg").read_bytes())
    dearer = [replace(product, price=Money(Decimal(70), "CNY")) for product in PRODUCTS]
    dearer[2] = replace(dearer[2], photos=("1.jpg",))
    (photos / "0.jpg").unlink()
    assert index_products(client, dearer, photos, url, keeps=True) == (3, [])
    now = entries(client, url)
    assert {sku: entry.price for sku, entry in now.items()} == {"s0": 70, "s1": 70, "s2": 70}
    assert (now["s0"].vector.values == before["s0"].vector.values).all()


def test_where_nothing_is_indexed_nothing_serves(client: VqaClient, tmp_path: Path) -> None:
    url = f"edge://{tmp_path}/vectors"
    done, problems = index_products(client, PRODUCTS, tmp_path, url)
    assert (done, len(problems)) == (0, 3)
    assert serving_release(url) is None
