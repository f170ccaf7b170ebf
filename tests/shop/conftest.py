"""A store of products, and feeds put into it."""

from pathlib import Path

import pytest

from shop.feeds.importing import Imported, import_feed
from shop.products.product import Product
from shop.products.store import ProductStore


@pytest.fixture
def store(tmp_path: Path) -> ProductStore:
    return ProductStore(f"sqlite:///{tmp_path / 'products.db'}")


def put(store: ProductStore, tmp_path: Path, text: str | bytes, name: str = "feed") -> Imported:
    file = tmp_path / name
    file.write_bytes(text if isinstance(text, bytes) else text.encode())
    return import_feed(file, "tea", store)


def product(store: ProductStore, sku: str = "m-1") -> Product:
    found = store.get("tea", sku)
    assert found is not None
    return found
