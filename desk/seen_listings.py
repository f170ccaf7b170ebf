"""Listings that sure answers contradict, as they are seen while buyers ask; the shop is told, and no buyer."""

import threading
from collections.abc import Iterable
from dataclasses import dataclass, field

from prometheus_client import Counter as Metric
from vitrine_client import Answer

from shop.facts.asked import plain
from shop.facts.listing_check import FIELDS, Contradiction, known_words, listed_value
from shop.products.product import Product

CONTRADICTIONS = Metric("vitrine_desk_contradictions", "Sure answers that a listing contradicts.", ["field"])
_MOST_KEPT = 1_000
_SURE = 0.99  # of an answer from an open list, where listing_check has a closed one
_WHOLE_PRODUCT: dict[str, tuple[str, ...]] = {
    "colour": (
        "what colour is it",
        "what color is it",
        "what colour is this",
        "它是什么颜色的",
        "是什么颜色",
        "什么颜色",
    ),
    "category": ("what is this", "what is it", "what product is this", "这是什么", "这是什么商品", "是什么"),
}
"""Questions about the whole product: another may be about its lid."""


@dataclass
class ListingChecks:
    """Contradictions that were seen while buyers asked, the newest of each product and field. Safe for threads."""

    found: dict[tuple[str, str, str], Contradiction] = field(default_factory=dict)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def note(self, shop: str, contradictions: Iterable[Contradiction]) -> None:
        with self.lock:
            for one in contradictions:
                CONTRADICTIONS.labels(one.field).inc()
                self.found.pop((shop, one.sku, one.field), None)
                self.found[shop, one.sku, one.field] = one
                of_shop = [key for key in self.found if key[0] == shop]
                if len(of_shop) > _MOST_KEPT:
                    del self.found[of_shop[0]]

    def forget(self, shop: str, sku: str) -> None:
        with self.lock:
            for key in [key for key in self.found if key[:2] == (shop, sku)]:
                del self.found[key]

    def of(self, shop: str) -> list[Contradiction]:
        with self.lock:
            return [one for (whose, _, _), one in self.found.items() if whose == shop]


def contradicted(product: Product, answers: Iterable[tuple[str, Answer]]) -> list[Contradiction]:
    """Compare sure answers about the whole product with its listing. The buyer is not told."""
    found = []
    for question, answer in answers:
        is_sure = answer.status == "answered" and (answer.confidence or 0.0) >= _SURE and answer.source == "photo"
        for name in FIELDS if is_sure else ():
            listed = listed_value(product, name)
            known = known_words(listed, name)
            said = known_words(answer.text, name)
            if plain(question).rstrip("?？.。! ") in _WHOLE_PRODUCT[name] and known and said and not known & said:
                found.append(Contradiction(product.sku, "", name, listed, answer.text, answer.confidence or 0.0))
    return found
