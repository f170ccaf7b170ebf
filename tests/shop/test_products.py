"""The store of products: the same tests on SQLite and on a real PostgreSQL."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest
from sqlalchemy.exc import SQLAlchemyError
from vitrine_client import InvalidRequestError
from vitrine_client.feedback.database import FeedbackError, engine_of

from shop.products.product import Money, Product
from shop.products.store import Changes, ProductStore
from shop.products.table import METADATA
from tests.helpers.postgres import new_database, postgres

MUG = Product(
    shop="tea", sku="m-1", names={"en": "Mug", "zh": "马克杯"}, category="mugs", gtin="4006381333931",
    price=Money(Decimal("59.00"), "CNY"), stock=3, is_in_stock=True, warranty={"en": "2 years", "zh": "两年"},
    attributes={"en": {"material": "porcelain"}, "zh": {"材质": "陶瓷"}}, photos=("a.jpg", "https://shop.example/b.jpg"),
)  # fmt: skip


@pytest.fixture(scope="module")
def database() -> Iterator[str]:
    with postgres() as running:
        yield new_database(running)


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'products.db'}"
    found: str = request.getfixturevalue("database")
    engine = engine_of(found)
    METADATA.drop_all(engine)
    engine.dispose()
    return found


@pytest.fixture
def store(url: str) -> Iterator[ProductStore]:
    with ProductStore(url) as opened:
        yield opened


def test_a_product_comes_back_as_it_was_put(store: ProductStore) -> None:
    assert store.put([MUG]) == Changes(added=1)
    assert store.get("tea", "m-1") == MUG
    assert store.get("tea", "m-2") is None
    bare = Product("tea", "m-2")
    store.put([bare])
    assert store.get("tea", "m-2") == bare


def test_what_stays_the_same_is_not_written_again(store: ProductStore) -> None:
    others = [replace(MUG, sku=f"m-{number}") for number in range(1_200)]
    assert store.put(others) == Changes(added=1_200)
    assert store.put(others) == Changes(same=1_200)
    assert store.put([replace(others[7], stock=0), others[8], Product("tea", "new")]) == Changes(1, 1, 1)
    assert store.get("tea", "m-7") == replace(others[7], stock=0)


def test_of_two_products_with_one_sku_the_last_counts(store: ProductStore) -> None:
    assert store.put([replace(MUG, stock=1), replace(MUG, stock=2)]) == Changes(added=1)
    found = store.get("tea", "m-1")
    assert found is not None
    assert found.stock == 2


def test_a_shop_sees_its_own_products_alone(store: ProductStore) -> None:
    theirs = replace(MUG, shop="coffee", stock=9)
    store.put([MUG, theirs, replace(theirs, sku="c-2", gtin="")])
    assert store.get("tea", "m-1") == MUG
    assert store.get("tea", "c-2") is None
    assert store.by_gtin("tea", MUG.gtin) == MUG
    assert [one.sku for one in store.page("tea")] == ["m-1"]
    assert (store.count("tea"), store.count("coffee"), store.count("")) == (1, 2, 0)
    assert not store.remove("tea", "c-2")
    assert store.remove("tea", "m-1")
    assert store.get("tea", "m-1") is None
    assert store.get("coffee", "m-1") == theirs


def test_a_barcode_finds_a_product_or_none(store: ProductStore) -> None:
    twins = [replace(MUG, sku=f"t-{number}", gtin="96385074") for number in range(2)]
    store.put([MUG, replace(MUG, sku="us", gtin="036000291452"), *twins])
    us = store.by_gtin("tea", "0036000291452")
    assert us is not None
    assert us.sku == "us"
    assert store.by_gtin("tea", "96385074") is None, "two products have it"
    assert store.by_gtin("tea", "") is None
    assert store.by_gtin("tea", "4006381333932") is None


def test_pages_go_through_all_in_one_order(store: ProductStore) -> None:
    skus = ["A", "Z", "a", "é", "中", "b-10", "b-2"]
    store.put([Product("tea", sku) for sku in skus])
    assert [one.sku for one in store.all("tea")] == sorted(skus)
    assert [one.sku for one in store.page("tea", after="a", limit=2)] == sorted(skus)[3:5]


@pytest.mark.parametrize("odd", ["a\0b", "\ud800", "'; DROP TABLE products; --", "%", "a" * 5_000])
def test_odd_names_find_nothing_and_break_nothing(store: ProductStore, odd: str) -> None:
    store.put([MUG])
    assert store.get("tea", odd) is None
    assert store.get(odd, "m-1") is None
    assert store.by_gtin("tea", odd) is None
    assert store.count(odd) == 0
    assert not store.remove(odd, odd)
    assert store.count("tea") == 1


def test_texts_of_a_product_may_hold_anything(store: ProductStore) -> None:
    odd = replace(MUG, names={"en": "=cmd|' /C calc'!A0 <script>\0\ud800"}, attributes={"en": {"\0": "x"}})
    store.put([odd])
    assert store.get("tea", "m-1") == odd
    with pytest.raises(InvalidRequestError, match="no text has"):
        store.put([Product("tea", "a\0b")])


def test_a_store_that_is_away_says_so(tmp_path: Path) -> None:
    with pytest.raises(FeedbackError, match="the store of products does not answer"):
        ProductStore(f"sqlite:///{tmp_path / 'none' / 'products.db'}")
    with pytest.raises(FeedbackError, match="is expected"):
        ProductStore("mysql://somewhere")
    later = ProductStore("postgresql://nobody@127.0.0.1:1/none", waits=True)
    with pytest.raises(FeedbackError, match="does not answer") as caught:
        later.get("tea", "m-1")
    assert isinstance(caught.value.__cause__, SQLAlchemyError)


_ENDLESS = """
import sys
from itertools import count
from shop.products.product import Product
from shop.products.store import BATCH, ProductStore
store = ProductStore(sys.argv[1])
for start in count(step=BATCH):
    store.put([Product("tea", f"{number:08}") for number in range(start, start + BATCH)])
    print(start + BATCH, flush=True)
"""


def test_a_killed_import_loses_nothing_of_what_was_acknowledged(url: str) -> None:
    command = [sys.executable, "-c", _ENDLESS, url]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        acknowledged = [process.stdout.readline() for _ in range(4)]
        os.kill(process.pid, signal.SIGKILL)
        acknowledged += process.stdout.readlines()
    with ProductStore(url) as store:
        last = int([line for line in acknowledged if line.endswith("\n")][-1])
        skus = [one.sku for one in store.all("tea")]
    assert len(skus) >= last
    assert len(skus) % 500 == 0, "a batch is written as a whole"
    assert skus[:last] == [f"{number:08}" for number in range(last)]
