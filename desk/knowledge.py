"""What the shops know, for an event loop: products, rules, and vectors of photos. Each call is of one shop."""

import asyncio
import threading
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from prometheus_client import Counter as Metric
from vitrine_client import Answer, AsyncVqaClient, Embedding, InvalidRequestError, Reading
from vitrine_client.text_answers import refuses_context

from desk.inbox import in_store_thread
from desk.problems import ProblemError
from shop.facts.answers import answer_from_shop, context_from_product
from shop.facts.asked import kinds_asked
from shop.facts.listing_check import FIELDS, THRESHOLD, Contradiction, known_words, listed_value
from shop.facts.rules import ShopRule
from shop.products.product import Product
from shop.products.store import ProductStore
from shop.vectors.opening import open_vectors, serving_release, switch_to
from shop.vectors.port import Vector, Vectors

CONTRADICTIONS = Metric("vitrine_desk_contradictions", "Sure answers that a listing contradicts.", ["field"])
_MOST_KEPT = 1_000


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
                if len(self.found) > _MOST_KEPT:
                    del self.found[next(iter(self.found))]

    def of(self, shop: str) -> list[Contradiction]:
        with self.lock:
            return [one for (whose, _, _), one in self.found.items() if whose == shop]


@dataclass
class Knowledge:
    """Stores of what the shops know."""

    products: ProductStore
    rules: Sequence[ShopRule] = ()
    vectors_url: str | None = None
    """Where vectors are; None: nothing similar is found."""
    checks: ListingChecks = field(default_factory=ListingChecks)
    _opened: dict[str, Vectors] = field(default_factory=dict)
    _opening: threading.Lock = field(default_factory=threading.Lock)
    _no_context_in: str = ""
    """Release that takes no context; "": none is known."""

    async def product(self, shop: str, sku: str) -> Product:
        """Return a product that was named.

        Raises:
            ProblemError: 404, it is not there.
        """
        found = await self.find(shop, sku)
        if found is None:
            raise ProblemError(404, "there is no such product of this shop: import it first")
        return found

    async def find(self, shop: str, sku: str) -> Product | None:
        """Return a product, where the shop has it: what a question names may be in no catalogue."""
        return await in_store_thread(self.products.get, shop, sku)

    async def by_barcode(self, shop: str, reading: Reading) -> Product | None:
        """Return the product whose barcode was read."""
        for code in reading.codes:
            if code.text.isdecimal() and (found := await in_store_thread(self.products.by_gtin, shop, code.text)):
                return found
        return None

    async def answers(
        self, client: AsyncVqaClient, photo: bytes, questions: Sequence[str], product: Product | None,
        context: str | None, max_risk: float | None,
    ) -> list[Answer]:  # fmt: skip
        """Answer what rules and catalogue answer, and ask the model the rest.

        Args:
            product: None: it is not known, so that rules alone answer.
        """
        found: list[Answer | None] = [
            await asyncio.to_thread(answer_from_shop, self.rules, one, product) for one in questions
        ]
        rest = [question for question, answer in zip(questions, found, strict=True) if answer is None]
        asked = iter(await self._ask(client, photo, rest, product, context, max_risk) if rest else ())
        answers = [answer or next(asked) for answer in found]
        if product:
            pairs = [(q, a) for q, a, known in zip(questions, answers, found, strict=True) if known is None]
            self.checks.note(product.shop, _contradicted(product, pairs))
        return answers

    async def _ask(
        self, client: AsyncVqaClient, photo: bytes, questions: Sequence[str], product: Product | None,
        context: str | None, max_risk: float | None,
    ) -> list[Answer]:  # fmt: skip
        """Ask the model; one that reads a context gets the product's facts as data."""
        facts = context_from_product(product) if product and context is None and not self._no_context_in else context
        try:
            return await client.ask_many(photo, questions, context=facts, max_risk=max_risk)
        except InvalidRequestError as error:
            if facts is context or not refuses_context(error):
                raise
        answers = await client.ask_many(photo, questions, context=context, max_risk=max_risk)
        self._no_context_in = answers[0].release
        return answers

    def vectors(self, embedding: Embedding) -> Vectors:
        """Open the vectors of the release that made an embedding, which must be the ones that serve.

        Raises:
            ProblemError: 503, there are none, or those of another release serve.
        """
        if self.vectors_url is None:
            raise ProblemError(503, "no vectors are kept here: start the desk with --vectors")
        with self._opening:
            serving = serving_release(self.vectors_url)
            if serving is not None and serving != embedding.release:
                raise ProblemError(503, "the vectors are of another release than the server: python -m shop index")
            if embedding.release not in self._opened:
                opened = open_vectors(self.vectors_url, embedding.release, len(embedding.vector))
                self._opened[embedding.release] = opened
            if serving is None:
                switch_to(self.vectors_url, embedding.release)
            return self._opened[embedding.release]

    def close(self) -> None:
        for vectors in self._opened.values():
            vectors.close()
        self.products.close()


def vector_of(embedding: Embedding) -> Vector:
    return Vector(embedding.release, embedding.vector)


def _contradicted(product: Product, answers: Iterable[tuple[str, Answer]]) -> list[Contradiction]:
    """Compare sure answers with the listing. The buyer is not told."""
    found = []
    for question, answer in answers:
        is_sure = answer.status == "answered" and (answer.confidence or 0.0) >= THRESHOLD and answer.source == "photo"
        for name in FIELDS if is_sure else ():
            listed = listed_value(product, name)
            known = known_words(listed, name)
            said = known_words(answer.text, name)
            if name in kinds_asked(question) and known and said and not known & said:
                found.append(Contradiction(product.sku, "", name, listed, answer.text, answer.confidence or 0.0))
    return found


def product_out(product: Product) -> dict[str, Any]:
    """Write a product as JSON takes it."""
    price = product.price
    return {
        "sku": product.sku, "names": dict(product.names), "category": product.category, "gtin": product.gtin,
        "price": None if price is None else {"amount": str(price.amount), "currency": price.currency},
        "stock": product.stock, "is_in_stock": product.is_in_stock, "warranty": dict(product.warranty),
        "attributes": {language: dict(pairs) for language, pairs in product.attributes.items()},
        "photos": list(product.photos),
    }  # fmt: skip
