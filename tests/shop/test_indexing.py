"""A shop's photos go into the vectors of the server's release, and prices into what is there."""

from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from vitrine_client import FakeTransport, ServerUnavailableError, VqaClient

from catalogue.photos import photo_from_seed
from shop.products.product import Money, Product
from shop.vectors.entries import entry_from_product
from shop.vectors.indexing import index_products
from shop.vectors.opening import open_vectors, serving_release
from shop.vectors.port import Entry, Vector

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


@pytest.mark.parametrize("keeps", [False, True])
def test_a_server_that_fails_costs_no_photo_that_is_in(
    client: VqaClient, fake: FakeTransport, photos: Path, *, keeps: bool
) -> None:
    url = f"edge://{photos}/vectors"
    old = replace(PRODUCTS[0], photos=("0.jpg", "2.jpg"))
    index_products(client, [old], photos, url)
    embedding = client.embed(photo_from_seed(5).jpeg_bytes())
    with closing(open_vectors(url, embedding.release, len(embedding.vector))) as vectors:
        for photo in ("posted.jpg", old.sku):
            vectors.upsert([entry_from_product(old, photo, Vector(embedding.release, embedding.vector))])

    class Failing(FakeTransport):
        def infer(self, *given: Any, **more: Any) -> Any:
            if seen:
                raise ServerUnavailableError("no server", code="UNAVAILABLE")
            seen.append(given)  # the first call, which tells the release
            return super().infer(*given, **more)

    seen: list[Any] = []
    with VqaClient(transport=Failing({})) as failing, pytest.raises(ServerUnavailableError):
        index_products(failing, [replace(old, photos=("0.jpg",)), PRODUCTS[2]], photos, url, keeps=keeps)
    with closing(open_vectors(url, embedding.release, len(embedding.vector))) as vectors:
        assert sorted(one.photo for one in vectors.entries("a", old.sku)) == ["0.jpg", old.sku]


def test_a_product_that_is_in_is_not_called_left_out(client: VqaClient, photos: Path) -> None:
    url = f"edge://{photos}/vectors"
    index_products(client, PRODUCTS[:1], photos, url)
    (photos / "0.jpg").unlink()
    done, problems = index_products(client, PRODUCTS[:1], photos, url)
    assert (done, len(problems)) == (1, 1), "it is still found, and its file is named"


def test_where_nothing_is_indexed_nothing_serves(client: VqaClient, tmp_path: Path) -> None:
    url = f"edge://{tmp_path}/vectors"
    done, problems = index_products(client, PRODUCTS, tmp_path, url)
    assert (done, len(problems)) == (0, 3)
    assert serving_release(url) is None
