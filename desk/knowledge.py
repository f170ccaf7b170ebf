"""What the shops know, for an event loop: products, rules, and vectors of photos. Each call is of one shop."""

import asyncio
import json
import threading
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from vitrine_client import Answer, AsyncVqaClient, Embedding, InvalidRequestError, Reading
from vitrine_client.text_answers import refuses_context, refuses_every_context

from desk.inbox import in_store_thread
from desk.problems import ProblemError
from desk.seen_listings import ListingChecks, contradicted
from shop.facts.answers import answer_from_shop, context_from_product
from shop.facts.rules import ShopRule
from shop.products.product import Product
from shop.products.store import ProductStore
from shop.vectors.indexing import ANY_PHOTO
from shop.vectors.opening import open_vectors, serving_release, switch_to
from shop.vectors.port import Vector, Vectors

_KNOWN_S = 5.0
_BARCODES = ("EAN-13", "EAN-8", "UPC-A", "UPC-E", "ITF")  # as zxing-cpp names them


@dataclass(frozen=True)
class Asked:
    """Questions about a photo, and how they are asked."""

    photo: bytes
    questions: Sequence[str]
    context: str | None = None
    max_risk: float | None = None
    reads: bool = False
    """Switch for answers from what is printed, where it says them."""


async def ask_model(client: AsyncVqaClient, asked: Asked) -> list[Answer]:
    more: dict[str, Any] = {"context": asked.context, "max_risk": asked.max_risk}
    if asked.reads:
        return [await client.ask(asked.photo, one, read_text=True, **more) for one in asked.questions]
    return await client.ask_many(asked.photo, asked.questions, **more)


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
    _serving: tuple[str | None, float] = (None, 0.0)
    """Release whose vectors serve, and until when that is believed, by `time.monotonic`."""

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
        """Return the product whose barcode was read; None: there is none, or there are several."""
        found = {}
        for code in reading.codes:
            if code.kind in _BARCODES and (one := await in_store_thread(self.products.by_gtin, shop, code.text)):
                found[one.sku] = one
        return next(iter(found.values())) if len(found) == 1 else None

    async def answers(self, client: AsyncVqaClient, asked: Asked, product: Product | None) -> list[Answer]:
        """Answer what rules and catalogue answer, and ask the model the rest.

        Args:
            product: None: it is not known, so that rules alone answer.
        """

        def from_shop() -> list[Answer | None]:
            return [answer_from_shop(self.rules, one, product) for one in asked.questions]

        found = await asyncio.to_thread(from_shop)
        rest = [question for question, answer in zip(asked.questions, found, strict=True) if answer is None]
        of_model = iter(await self._ask(client, replace(asked, questions=rest), product) if rest else ())
        answers = [answer or next(of_model) for answer in found]
        if product:
            pairs = [(q, a) for q, a, known in zip(asked.questions, answers, found, strict=True) if known is None]
            self.checks.note(product.shop, contradicted(product, pairs))
        return answers

    async def _ask(self, client: AsyncVqaClient, asked: Asked, product: Product | None) -> list[Answer]:
        """Ask the model; one that reads a context gets the product's facts as data."""
        facts = context_from_product(product) if product and asked.context is None else None
        if facts is None or self._no_context_in:
            answers = await ask_model(client, asked)
            if answers[0].release != self._no_context_in:
                self._no_context_in = ""  # another release may take a context
            return answers
        try:
            return await ask_model(client, replace(asked, context=facts))
        except InvalidRequestError as error:
            if not refuses_context(error):
                raise
            takes_none = refuses_every_context(error)
        answers = await ask_model(client, asked)
        self._no_context_in = answers[0].release if takes_none else ""
        return answers

    def serving(self) -> str | None:
        """Return the release whose vectors serve, as of the last few seconds."""
        if self.vectors_url is None:
            raise ProblemError(404, "no vectors are kept here: start the desk with --vectors")
        release, until_s = self._serving
        if time.monotonic() > until_s:
            release = serving_release(self.vectors_url)
            self._serving = release, time.monotonic() + _KNOWN_S
        return release

    def vectors(self, embedding: Embedding, *, may_begin: bool = False) -> Vectors:
        """Open the vectors of the release that made an embedding, which must be the ones that serve.

        Args:
            may_begin: whether the first collection of all is made, and serves from now on.

        Raises:
            ProblemError: 409, there are none, or those of another release serve; 404, none are kept here.
        """
        serving = self.serving()
        if serving is None and not may_begin:
            raise ProblemError(409, "no photos have been indexed yet: python -m shop index, or POST a product's photo")
        if serving not in (None, embedding.release):
            raise ProblemError(409, "the vectors are of another release than the server: python -m shop index")
        with self._opening:
            for release in [one for one in self._opened if one != embedding.release]:
                self._opened.pop(release).close()
            if embedding.release not in self._opened:
                assert self.vectors_url
                opened = open_vectors(self.vectors_url, embedding.release, len(embedding.vector))
                self._opened[embedding.release] = opened
                if serving is None:
                    switch_to(self.vectors_url, embedding.release)
                    self._serving = embedding.release, time.monotonic() + _KNOWN_S
            return self._opened[embedding.release]

    def forget(self, shop: str, sku: str) -> bool:
        """Remove a product, and what was seen of its listing; see `forget_vectors`."""
        self.checks.forget(shop, sku)
        return self.products.remove(shop, sku)

    def forget_vectors(self, shop: str, sku: str, embedding: Embedding) -> None:
        """Remove a product's vectors.

        Args:
            embedding: any of the server's, which tells whose vectors serve.
        """
        if self.serving():
            self.vectors(embedding).delete(shop, sku)

    def close(self) -> None:
        for vectors in self._opened.values():
            vectors.close()
        self.products.close()


async def any_embedding(client: AsyncVqaClient) -> Embedding:
    """Embed a black square, to learn the server's release and the width of its vectors."""
    return await client.embed(ANY_PHOTO)


def vector_of(embedding: Embedding) -> Vector:
    return Vector(embedding.release, embedding.vector)


def product_out(product: Product) -> dict[str, Any]:
    """Write a product as JSON takes it; amounts are texts, so that none is rounded."""
    told = json.loads(json.dumps(asdict(product), default=str))
    return {name: value for name, value in told.items() if name != "shop"}
