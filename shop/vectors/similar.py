"""Products that look alike: those that a buyer may like as well, and listings that are there twice."""

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from shop.vectors.port import MOST_HITS, BadSearchError, Filter, Hit, Vector, Vectors, checked_values

_PHOTOS_A_PRODUCT = 4
"""Photos that are fetched for each product that is wanted, since a product may have several."""
_NEIGHBOURS = 10
DUPLICATE_COSINE = 0.97
"""See docs/how-to/similar-products.md for how it was chosen."""


@dataclass(frozen=True)
class Duplicate:
    """Two listings of a shop with nearly the same photo."""

    sku: str
    other_sku: str
    photo: str
    other_photo: str
    score: float
    """Cosine of their vectors."""


def similar(
    vectors: Vectors, vector: Vector, filter: Filter, wanted: Mapping[str, tuple[str, ...]] | None = None,
    likes: Sequence[Vector] = (), dislikes: Sequence[Vector] = (), limit: int = 10,
    alike: Mapping[str, tuple[str, ...]] | None = None,
) -> list[Hit]:  # fmt: skip
    """Find products that look like a photo, each once.

    Those that have more of what is wanted come first, whether or not they are near, so that "like this, but blue"
    finds what is blue; of these, those that have more of what the photo shows; and of these, the nearer.

    Args:
        wanted: values that come first, by field, such as {"colour": ("blue",)}; see `words.Wish`.
        alike: values that come next: those of what is looked at, such as {"category": ("umbrella",)}.
        likes, dislikes: photos towards which, and away from which, is searched.

    Raises:
        VectorsError: a vector is of another release or width, they cancel each other out, or the store is away.
    """
    target, wanted, alike = _moved(vectors, vector, likes, dislikes), wanted or {}, alike or {}
    found: dict[str, Hit] = {}
    # What has all of it may lie far away, and there may be nothing that has: so each is looked for by itself.
    narrowings = [filter]
    for narrowed in (wanted, alike, {**alike, **wanted}):
        which = replace(filter, any_of={**narrowed, **filter.any_of})
        narrowings += [which] if which not in narrowings else []
    for which in narrowings:
        found |= {hit.sku: hit for hit in _products(vectors, target, which, limit)}

    def rank(hit: Hit) -> tuple[int, int, float]:
        of_wanted, of_alike = (sum(hit.payload[name] in of[name] for name in of) for of in (wanted, alike))
        return of_wanted, of_alike, hit.score

    return sorted(found.values(), key=rank, reverse=True)[:limit]


def duplicates(
    vectors: Vectors, shop: str, threshold: float = DUPLICATE_COSINE, limit_s: float | None = None
) -> Iterator[Duplicate]:
    """Go through pairs of a shop's listings whose photos are nearly the same; each pair comes once.

    Of each photo, the ten nearest of other listings are looked at.

    Args:
        threshold: cosine from which on two photos are nearly the same.
        limit_s: seconds that the search may take; None: all that it needs.

    Raises:
        TimeoutError: they are over, and photos are left; what came until then is right.
    """
    start_s = time.monotonic()
    seen: set[frozenset[str]] = set()
    for entry in vectors.entries(shop):
        if limit_s is not None and time.monotonic() - start_s > limit_s:
            raise TimeoutError(f"photos are left to compare after {limit_s:.0f} s")
        for hit in vectors.search(entry.vector, Filter(shop, not_skus=(entry.sku,)), _NEIGHBOURS):
            pair = frozenset((entry.sku, hit.sku))
            if hit.score >= threshold and pair not in seen:
                seen.add(pair)
                yield Duplicate(entry.sku, hit.sku, entry.photo, hit.photo, hit.score)


def _moved(vectors: Vectors, vector: Vector, likes: Sequence[Vector], dislikes: Sequence[Vector]) -> Vector:
    """Return the vector plus the mean of those that are liked, less the mean of those that are not."""
    values = checked_values(vector, vectors.release, vectors.width)
    for sign, others in ((1, likes), (-1, dislikes)):
        if others:
            checked = [checked_values(one, vectors.release, vectors.width) for one in others]
            values = values + sign * np.mean(checked, axis=0, dtype=np.float32)
    if np.linalg.norm(values) < 1e-6:
        raise BadSearchError("what is liked and what is not cancel each other out: nothing is left to search for")
    return Vector(vector.release, values)


def _products(vectors: Vectors, target: Vector, filter: Filter, limit: int) -> list[Hit]:
    """Return the nearest photo of each product; more are fetched where few products have many photos."""
    count = limit * _PHOTOS_A_PRODUCT
    while True:
        count = min(count, MOST_HITS)
        hits = vectors.search(target, filter, count)
        nearest = {hit.sku: hit for hit in reversed(hits)}
        if len(nearest) >= limit or len(hits) < count or count == MOST_HITS:
            return [hit for hit in hits if nearest[hit.sku] is hit][:limit]
        count *= _PHOTOS_A_PRODUCT
