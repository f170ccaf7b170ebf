"""Similar products and near-duplicate listings, on Qdrant Edge."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from shop.vectors.opening import open_vectors
from shop.vectors.port import Entry, Filter, Vector, Vectors, VectorsError
from shop.vectors.similar import duplicates, similar

RELEASE = "small-0123456789ab"


def at(degrees: float) -> Vector:
    return Vector(RELEASE, np.array([np.cos(np.radians(degrees)), np.sin(np.radians(degrees)), 0], np.float32))


def entry(sku: str, degrees: float, *, photo: str = "1.jpg", shop: str = "a", **more: str) -> Entry:
    return Entry(shop, sku, photo, at(degrees), category=more.get("category", ""), colour=more.get("colour", ""),
                 pattern=more.get("pattern", ""))  # fmt: skip


@pytest.fixture
def vectors(tmp_path: Path) -> Iterator[Vectors]:
    opened = open_vectors(f"edge://{tmp_path}", RELEASE, 3)
    yield opened
    opened.close()


def skus(vectors: Vectors, **asked: object) -> list[str]:
    return [hit.sku for hit in similar(vectors, at(0), Filter("a"), **asked)]  # type: ignore[arg-type]  # a test's own


def test_each_product_comes_once_by_its_nearest_photo(vectors: Vectors) -> None:
    vectors.upsert([entry("many", 1 + number / 100, photo=f"{number}.jpg") for number in range(60)])
    vectors.upsert([entry(f"s{number}", 10 + number) for number in range(5)])
    hits = similar(vectors, at(0), Filter("a"), limit=4)
    assert [hit.sku for hit in hits] == ["many", "s0", "s1", "s2"]
    assert hits[0].photo == "0.jpg"
    assert len(similar(vectors, at(0), Filter("a"), limit=50)) == 6


def test_what_is_wanted_comes_first_even_from_far_away_and_others_follow(vectors: Vectors) -> None:
    vectors.upsert([entry(f"red{number}", number / 10, colour="red", pattern="plain") for number in range(200)])
    vectors.upsert(
        [entry("blue", 80, colour="blue", pattern="plain"), entry("bluest", 90, colour="blue", pattern="dotted")]
    )
    assert skus(vectors, wanted={"colour": ("blue",)}, limit=4) == ["blue", "bluest", "red0", "red1"]
    assert skus(vectors, wanted={"colour": ("blue",), "pattern": ("dotted",)}, limit=2) == ["bluest", "red0"]
    assert skus(vectors, limit=2) == ["red0", "red1"]


def test_what_the_buyer_says_comes_before_what_the_photo_shows(vectors: Vectors) -> None:
    vectors.upsert([
        entry("red umbrella", 1, category="umbrella", colour="red"),
        entry("red lamp", 2, category="lamp", colour="red"),
        entry("blue glasses", 80, category="glasses", colour="blue"),
    ])  # fmt: skip
    alike = {"category": ("umbrella",)}
    found = similar(vectors, at(0), Filter("a"), {"colour": ("blue",)}, alike=alike, limit=2)
    assert [hit.sku for hit in found] == ["blue glasses", "red umbrella"]
    vectors.upsert([entry("blue umbrella", 90, category="umbrella", colour="blue")])
    found = similar(vectors, at(0), Filter("a"), {"colour": ("blue",)}, alike=alike, limit=2)
    assert [hit.sku for hit in found] == ["blue umbrella", "blue glasses"]


def test_likes_pull_and_dislikes_push(vectors: Vectors) -> None:
    vectors.upsert([entry("left", -30), entry("middle", 1), entry("right", 30)])
    assert skus(vectors, limit=1) == ["middle"]
    assert skus(vectors, likes=[at(60)], limit=1) == ["right"]
    assert skus(vectors, dislikes=[at(60), at(61)], limit=1) == ["left"]
    with pytest.raises(VectorsError, match="cancel"):
        similar(vectors, at(0), Filter("a"), dislikes=[at(0)])
    with pytest.raises(VectorsError, match="cannot be compared"):
        similar(vectors, at(0), Filter("a"), likes=[Vector("small-other", at(0).values)])


def test_near_duplicate_listings_of_one_shop_come_once_a_pair(vectors: Vectors) -> None:
    vectors.upsert([
        entry("one", 0), entry("one", 0.1, photo="2.jpg"), entry("two", 1), entry("three", 40), entry("four", 41),
        entry("apart", 90), entry("other", 90, shop="b"),
    ])  # fmt: skip
    found = list(duplicates(vectors, "a", 0.999))
    assert sorted(sorted((one.sku, one.other_sku)) for one in found) == [["four", "three"], ["one", "two"]]
    assert all(one.score >= 0.999 and one.photo for one in found)
    assert list(duplicates(vectors, "b", 0.999)) == []
    with pytest.raises(TimeoutError, match="photos are left"):
        list(duplicates(vectors, "a", 0.999, limit_s=0))
