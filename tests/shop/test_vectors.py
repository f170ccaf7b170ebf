"""The same tests on every store of vectors: Qdrant Edge and a real PostgreSQL, and Qdrant's client on its own double.

No Qdrant server can be had as a package, so `QdrantClient(":memory:")` stands in: it shows that our calls and filters
are right, not that a server is quick or keeps what it is given.
"""

import signal
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from qdrant_client import QdrantClient

from shop.products.product import Money, Product
from shop.vectors import postgres as postgres_store
from shop.vectors import qdrant as qdrant_store
from shop.vectors.entries import entry_from_product
from shop.vectors.opening import open_vectors, serving_release, switch_to
from shop.vectors.port import Entry, Filter, Vector, VectorsError
from tests.helpers.postgres import new_database, postgres

pytestmark = pytest.mark.filterwarnings("ignore:Payload indexes have no effect in the local Qdrant")
R1, R2, WIDTH = "small-0123456789ab", "small-ba9876543210", 8


@pytest.fixture(scope="module")
def server() -> Iterator[Any]:
    with postgres() as running:
        yield running


@pytest.fixture(params=["edge", "qdrant double", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    if request.param == "edge":
        return f"edge://{tmp_path}/vectors"
    if request.param == "postgresql":
        return new_database(request.getfixturevalue("server"))
    client = QdrantClient(":memory:")
    monkeypatch.setattr(client, "close", lambda: None)
    monkeypatch.setattr(qdrant_store, "client_of", lambda _: client)
    return "qdrant://localhost:6334"


def vector(number: int, release: str = R1) -> Vector:
    """A vector of its own for each number, near to those of its neighbours."""
    angles = number * 0.1 * np.arange(1, WIDTH + 1)
    return Vector(release, np.cos(angles).astype(np.float32) * 3)


def entry(number: int, **fields: Any) -> Entry:
    given: dict[str, Any] = {
        "shop": "a",
        "sku": f"s{number}",
        "photo": f"{number}.jpg",
        "vector": vector(number),
    } | fields
    return Entry(**given)


ENTRIES = (
    entry(1, category="mug", colour="red", pattern="plain", price=99.99, currency="CNY", in_stock=True),
    entry(2, category="mug", colour="blue", pattern="dotted", price=100, currency="CNY", in_stock=False),
    entry(3, category="hat", colour="blue", pattern="plain", price=100.01, currency="CNY", in_stock=True),
    entry(4, category="hat", colour="", price=50, currency="USD"),
    entry(5, category="户外 > 帐篷", colour="green"),
    entry(
        1, photo="back.jpg", vector=vector(9), category="mug", colour="red", price=99.99, currency="CNY", in_stock=True
    ),
    entry(1, shop="b", category="mug", colour="red", price=1, currency="CNY", in_stock=True),
)
FILTERS = (
    ("all of the shop, and of no other", Filter("a"), "1 1 2 3 4 5"),
    ("another shop has its own", Filter("b"), "1"),
    ("a shop that has nothing", Filter("c"), ""),
    ("a shop whose name is SQL", Filter("a' OR ''='"), ""),
    ("a category", Filter("a", category="hat"), "3 4"),
    ("a category in the shop's own words", Filter("a", category="户外 > 帐篷"), "5"),
    ("a price below 100 is not 100", Filter("a", currency="CNY", price_below=100), "1 1"),
    ("a price of at most 100 is 100 as well", Filter("a", currency="CNY", price_at_most=100), "1 1 2"),
    ("a price above 100", Filter("a", currency="CNY", price_above=100), "3"),
    ("a price of at least 100", Filter("a", currency="CNY", price_at_least=100), "2 3"),
    ("two bounds", Filter("a", currency="CNY", price_at_least=100, price_below=100.01), "2"),
    ("prices in another currency", Filter("a", currency="USD", price_below=100), "4"),
    ("in stock: not where nobody knows", Filter("a", in_stock=True), "1 1 3"),
    ("sold out", Filter("a", in_stock=False), "2"),
    ("not these products", Filter("a", not_skus=("s1", "s5")), "2 3 4"),
    ("one of two colours", Filter("a", any_of={"colour": ("blue", "green")}), "2 3 5"),
    ("neither of two colours, where unknown too", Filter("a", none_of={"colour": ("blue", "red")}), "4 5"),
    ("all at once", Filter("a", "mug", "CNY", price_at_most=100, in_stock=True, any_of={"pattern": ("plain",)}), "1"),
)


def test_each_filter_finds_what_meets_it(url: str) -> None:
    with closing(open_vectors(url, R1, WIDTH)) as vectors:
        vectors.upsert(ENTRIES)
        for sentence, which, expected in FILTERS:
            found = sorted(hit.sku.removeprefix("s") for hit in vectors.search(vector(1), which, 50))
            assert " ".join(found) == expected, sentence


def test_an_entry_meets_the_filters_that_stores_find_it_by() -> None:
    for sentence, which, expected in FILTERS:
        found = sorted(one.sku.removeprefix("s") for one in ENTRIES if which.is_met_by(one))
        assert " ".join(found) == expected, sentence


def test_the_nearest_come_first_with_their_cosine_and_what_they_are(url: str) -> None:
    with closing(open_vectors(url, R1, WIDTH)) as vectors:
        vectors.upsert(ENTRIES)
        hits = vectors.search(vector(2), Filter("a"), 3)
        units = {(one.sku, one.photo): one.vector.values / np.linalg.norm(one.vector.values) for one in ENTRIES[:6]}
        cosines = {name: float(values @ units["s2", "2.jpg"]) for name, values in units.items()}
        nearest = sorted(cosines, key=lambda name: -cosines[name])[:3]
        assert [(hit.sku, hit.photo) for hit in hits] == nearest
        assert [hit.score for hit in hits] == pytest.approx([cosines[name] for name in nearest], abs=1e-5)
        assert hits[0].payload == ENTRIES[1].payload()


def test_a_photo_is_there_once_and_a_product_goes_with_all_its_photos(url: str) -> None:
    with closing(open_vectors(url, R1, WIDTH)) as vectors:
        vectors.upsert([])
        vectors.upsert(ENTRIES)
        vectors.upsert(
            [replace(ENTRIES[0], price=5.0, vector=vector(7)), replace(ENTRIES[0], price=6.0, vector=vector(7))]
        )
        assert vectors.count() == 7
        (now,) = (one for one in vectors.entries("a") if one.photo == "1.jpg")
        assert now.price == 6.0
        assert now.vector.values == pytest.approx(vector(7).values / np.linalg.norm(vector(7).values), abs=1e-6)
        vectors.delete("a", "s1")
        vectors.delete("a", "s1")
        assert sorted((one.shop, one.sku) for shop in "ab" for one in vectors.entries(shop)) == [
            ("a", "s2"), ("a", "s3"), ("a", "s4"), ("a", "s5"), ("b", "s1"),
        ]  # fmt: skip


def test_single_photos_of_a_product_go(url: str) -> None:
    with closing(open_vectors(url, R1, WIDTH)) as vectors:
        vectors.upsert(ENTRIES)
        vectors.delete("a", "s1", ["back.jpg", "not there.jpg", "'; DROP TABLE vectors"])
        assert sorted(one.photo for one in vectors.entries("a", "s1")) == ["1.jpg"]
        vectors.delete("a", "s1", [])
        assert len(list(vectors.entries("a", "s1"))) == 1


def test_all_entries_of_a_shop_come_page_by_page_as_they_were_put(url: str) -> None:
    many = [entry(number, photo=f"'\"照片{number}😀\\.jpg") for number in range(1, 2102)]
    with closing(open_vectors(url, R1, WIDTH)) as vectors:
        vectors.upsert([*many, entry(1, shop="b")])
        found = {one.sku: one for one in vectors.entries("a")}
        assert len(found) == 2101
        assert found["s77"].payload() == many[76].payload()
        assert found["s77"].in_stock is None


def test_vectors_of_another_release_or_width_are_refused_and_nothing_is_added(url: str) -> None:
    bad = {
        R2: entry(1, vector=vector(1, R2)),
        r"shape \[7\] came, but \[8\]": entry(1, vector=Vector(R1, np.ones(7, np.float32))),
        "no direction": entry(1, vector=Vector(R1, np.zeros(WIDTH, np.float32))),
        "NaN": entry(1, vector=Vector(R1, np.full(WIDTH, np.nan, np.float32))),
        "null byte": entry(1, sku="a\0b"),
        "no Unicode": entry(1, photo="\ud800"),
        "2,000 characters": entry(1, category="x" * 2001),
        "price": entry(1, price=float("nan")),
    }
    with closing(open_vectors(url, R1, WIDTH)) as vectors:
        for message, one in bad.items():
            with pytest.raises(VectorsError, match=message):
                vectors.upsert([entry(2), one])
        assert vectors.count() == 0
        with pytest.raises(VectorsError, match="cannot be compared"):
            vectors.search(vector(1, R2), Filter("a"), 5)
        for limit in (0, 1001):
            with pytest.raises(VectorsError, match="hits"):
                vectors.search(vector(1), Filter("a"), limit)
    with pytest.raises(VectorsError, match=r"of 9 numbers came, but those of .* have 8"):
        open_vectors(url, R1, 9)


def test_a_new_release_is_filled_while_the_old_one_serves_and_then_serves_at_once(url: str) -> None:
    assert serving_release(url) is None
    with pytest.raises(VectorsError, match="no vectors of release"):
        switch_to(url, R1)
    with closing(open_vectors(url, R1, WIDTH)) as old:
        old.upsert([entry(1), entry(2)])
        switch_to(url, R1)
        with closing(open_vectors(url, R2, WIDTH + 1)) as new:
            new.upsert([entry(3, vector=Vector(R2, np.ones(WIDTH + 1, np.float32)))])
            assert serving_release(url) == R1
            assert [hit.sku for hit in old.search(vector(1), Filter("a"), 5)] == ["s1", "s2"]
        switch_to(url, R2)
        assert serving_release(url) == R2
    switch_to(url, R1)
    assert serving_release(url) == R1
    with closing(open_vectors(url, R1, WIDTH)) as again:
        assert again.count() == 2


def test_the_index_finds_what_comparing_all_finds(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Drawn from one seed, so that chance has no part."""
    monkeypatch.setattr(postgres_store, "_FEW", 10)
    random = np.random.default_rng(27)
    values = random.standard_normal((3000, 32)).astype(np.float32)
    values /= np.linalg.norm(values, axis=1, keepdims=True)
    with closing(open_vectors(url, R1, 32)) as vectors:
        kinds = ("mug", "hat", "sofa")
        many = [entry(n, vector=Vector(R1, one), category=kinds[n % 3]) for n, one in enumerate(values)]
        vectors.upsert(many)
        vectors.index()
        vectors.index()
        found = right = 0
        for query in random.standard_normal((20, 32)).astype(np.float32):
            for category, allowed in ((None, slice(None)), ("hat", slice(1, None, 3))):
                numbers = np.arange(3000)[allowed]
                nearest = {f"s{one}" for one in numbers[np.argsort(values[allowed] @ query)[::-1][:10]]}
                hits = vectors.search(Vector(R1, query), Filter("a", category), 10)
                right += len(nearest & {hit.sku for hit in hits})
                found += 10
    assert right / found >= 0.98


def test_many_threads_add_and_search_at_once(url: str) -> None:
    if url.startswith("qdrant"):
        pytest.skip("the double is not safe for threads; a server is")
    with closing(open_vectors(url, R1, WIDTH)) as vectors, ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda part: vectors.upsert([entry(part * 20 + one) for one in range(20)]), range(20)))
        hits = list(pool.map(lambda one: vectors.search(vector(one), Filter("a"), 1)[0].score, range(50)))
        assert vectors.count() == 400
    assert hits == pytest.approx([1.0] * 50, abs=1e-5)


WRITER = """
import sys
from itertools import count
from shop.vectors.opening import open_vectors
from tests.shop.test_vectors import R1, WIDTH, entry
vectors = open_vectors(sys.argv[1], R1, WIDTH)
for part in count():
    vectors.upsert([entry(part * 10 + one) for one in range(10)])
    print(part, flush=True)
"""


def test_a_process_that_is_killed_loses_nothing_that_was_acknowledged(url: str) -> None:
    if url.startswith("qdrant"):
        pytest.skip("the double keeps nothing")
    command = [sys.executable, "-c", WRITER, url]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as writer:
        assert writer.stdout
        for line in writer.stdout:
            if int(line) >= 30:
                break
        if url.startswith("edge"):
            with pytest.raises(VectorsError, match="open in another process"):
                open_vectors(url, R1, WIDTH)
        writer.send_signal(signal.SIGKILL)
        last = int([line, *writer.stdout.read().split()][-1])
    with closing(open_vectors(url, R1, WIDTH)) as vectors:
        found = {one.sku for one in vectors.entries("a")}
    assert {f"s{number}" for number in range((last + 1) * 10)} <= found


def test_a_store_that_is_away_is_said_and_no_path_or_address(tmp_path: Path, server: Any) -> None:
    (tmp_path / "file").write_text("no folder")
    broken = tmp_path / "broken" / R1
    broken.mkdir(parents=True)
    (broken / "collection.json").write_text("{")
    away = (
        f"edge://{tmp_path}/file", f"edge://{tmp_path}/broken", "qdrant://127.0.0.1:9",
        "postgresql://user:secret@127.0.0.1:9/shop", new_database(server).replace("/t", "/none-t", 1),
    )  # fmt: skip
    for url in away:
        with pytest.raises(VectorsError, match="does not answer") as raised:
            open_vectors(url, R1, WIDTH)
        assert str(tmp_path) not in str(raised.value) and "secret" not in str(raised.value)


@pytest.mark.parametrize(
    ("url", "reason"),
    [("", "URL"), ("edge://", "URL"), ("edge://build/vec", "three slashes, edge:///data/vectors"), ("qdrant://", "URL"),
     ("qdrant://h:port", "URL"), ("http://h", "URL"), ("postgresql://h/d?x=1", "URL")],
)  # fmt: skip
def test_a_url_of_no_store_is_refused(url: str, reason: str) -> None:
    with pytest.raises(VectorsError, match=reason):
        open_vectors(url, R1, WIDTH)


@pytest.mark.parametrize("release", ["", "../x", ".serving", "a/b", "a b", "x" * 101, "发布"])
def test_a_release_that_names_no_collection_is_refused(release: str, tmp_path: Path) -> None:
    with pytest.raises(VectorsError, match="release"):
        open_vectors(f"edge://{tmp_path}", release, WIDTH)


def test_a_store_that_is_closed_says_so(tmp_path: Path) -> None:
    vectors = open_vectors(f"edge://{tmp_path}", R1, WIDTH)
    vectors.close()
    with pytest.raises(VectorsError, match="open"):
        vectors.count()


def test_a_filter_on_what_is_no_field_or_without_its_currency_is_refused() -> None:
    with pytest.raises(VectorsError, match="no field 'weight'"):
        Filter("a", any_of={"weight": ("1",)})
    with pytest.raises(VectorsError, match="currency"):
        Filter("a", price_below=100)
    with pytest.raises(VectorsError, match="null byte"):
        Filter("a", none_of={"colour": ("\0",)})


def test_a_product_is_found_by_what_its_catalogue_tells_in_either_language() -> None:
    english = Product(
        "a", "1", category="Kitchen > Mugs", price=Money(Decimal("9.90"), "CNY"), stock=0, is_in_stock=True,
        attributes={"en": {"Colour": "navy blue", "pattern": "polka dots"}},
    )  # fmt: skip
    chinese = Product("a", "1", category="厨房/马克杯", attributes={"zh": {"颜色": "藏青色", "图案": "波点"}})
    for product in (english, chinese):
        made = entry_from_product(product, "1.jpg", vector(1))
        assert (made.category, made.colour, made.pattern) == ("mug", "blue", "dotted")
    made = entry_from_product(english, "1.jpg", vector(1))
    assert (made.price, made.currency, made.in_stock) == (9.9, "CNY", False)
    assert entry_from_product(Product("a", "1", category="帐篷"), "1.jpg", vector(1)).category == "帐篷"
