"""Routes of products that look alike."""

import asyncio
from dataclasses import asdict, replace
from itertools import islice
from typing import Annotated, Any

import numpy as np
from fastapi import APIRouter, File, Form, Query
from pydantic import BaseModel, Field

from desk.asking import Photo
from desk.context import Desk, DeskNow, KnowledgeNow, ShopName
from desk.inbox import in_store_thread
from desk.knowledge import any_embedding, product_out, vector_of
from desk.problems import ProblemError
from shop.facts.listing_check import CANDIDATES, FIELDS, QUESTIONS
from shop.products.product import Product
from shop.vectors.entries import entry_from_product
from shop.vectors.port import Entry, Filter, Hit, Vector, Vectors
from shop.vectors.similar import DUPLICATE_COSINE, duplicates, similar
from shop.vectors.words import wish_from_words

_MOST_DUPLICATES = 1_000
_DUPLICATES_LIMIT_S = 30.0
_FETCHED = 4
"""Hits that are looked at for each that is shown: the catalogue may have changed since they were indexed."""
_NO_VECTOR = Vector("", np.empty(0, np.float32))
router = APIRouter(prefix="/v1", tags=["similar"])
SkuText = Annotated[str, Field(max_length=200)]
Sku = Annotated[str, Form(max_length=200)]


class HitOut(BaseModel):
    sku: str
    photo: str
    score: float = Field(description="Cosine of the photos' vectors, -1 to 1.")
    product: dict[str, Any]


class SimilarOut(BaseModel):
    hits: list[HitOut]
    understood: list[dict[str, Any]] = Field(description="What the wish was taken for.")
    not_found: list[dict[str, Any]] = Field(description="What was understood, and no hit has.")
    contradictions: list[dict[str, Any]]
    not_understood: list[str]
    release: str


class DuplicateOut(BaseModel):
    sku: str
    other_sku: str
    photo: str
    other_photo: str
    score: float


class DuplicatesOut(BaseModel):
    pairs: list[DuplicateOut]
    is_complete: bool = Field(description="Whether all photos were compared; else there may be more pairs.")


@router.post("/similar")
async def find(
    desk: DeskNow,
    knows: KnowledgeNow,
    shop: ShopName,
    photo: Annotated[bytes | None, File(description="What it shall look like; or a product.")] = None,
    product: Sku = "",
    wish: Annotated[str, Form(max_length=500, description='Such as "blue, under 100 yuan".')] = "",
    like: Annotated[list[SkuText] | None, Form(max_length=20, description="SKUs that please.")] = None,
    dislike: Annotated[list[SkuText] | None, Form(max_length=20, description="SKUs that do not.")] = None,
    limit: Annotated[int, Form(ge=1, le=50)] = 10,
) -> SimilarOut:
    """Find products that look like a photo or a product, narrowed by the buyer's words."""
    photo = photo or None
    if photo is None and not product:
        raise ProblemError(422, "a photo or a product is expected")
    shown = await knows.product(shop, product) if product else None
    price = shown.price if shown else None
    wished = wish_from_words(
        wish, shop, currency=price.currency if price else "CNY", price=float(price.amount) if price else None
    )
    embedding = await (desk.client.embed(photo) if photo else any_embedding(desk.client))
    shown_by_photo = await _attributes(desk, photo) if photo else {}

    def work() -> list[tuple[Hit, Product]]:
        vectors = knows.vectors(embedding)
        target = vector_of(embedding)
        shows = shown_by_photo
        if photo is None:
            entry = _entry_of(vectors, shop, product)
            target, shows = entry.vector, {name: getattr(entry, name) for name in FIELDS}
        liked, disliked = ([_entry_of(vectors, shop, sku).vector for sku in skus or ()] for skus in (like, dislike))
        not_skus = tuple(one for one in (product, *(dislike or ())) if one)
        told = {*wished.filter.any_of, *wished.filter.none_of, *wished.wanted}
        alike = {str(name): (value,) for name, value in shows.items() if value and name not in told}
        which = replace(wished.filter, not_skus=not_skus)
        found = similar(vectors, target, which, wished.wanted, liked, disliked, _FETCHED * limit, alike)
        today = ((hit, knows.products.get(shop, hit.sku)) for hit in found)
        return list(islice(((hit, one) for hit, one in today if one and _is_wanted(one, hit, which)), limit))

    found = await in_store_thread(work)
    there = {hit.payload[name] for hit, _ in found for name in FIELDS}
    unmet = [one for one in wished.understood
             if not found or (one.is_wanted and one.field in wished.wanted and one.value not in there)]  # fmt: skip
    return SimilarOut(
        hits=[HitOut(sku=hit.sku, photo=hit.photo, score=hit.score, product=product_out(one)) for hit, one in found],
        not_found=[asdict(one) for one in unmet],
        understood=[asdict(one) for one in wished.understood],
        contradictions=[asdict(one) for one in wished.contradictions],
        not_understood=list(wished.not_understood),
        release=embedding.release,
    )


@router.post("/products/{sku:path}/photos", status_code=204)
async def add_photo(
    desk: DeskNow, knows: KnowledgeNow, shop: ShopName, sku: str, photo: Photo,
    name: Annotated[str, Form(max_length=500, description="Path or address, as the catalogue has it.")] = "",
) -> None:  # fmt: skip
    """Let a product be found by a photo; the photo itself is not kept."""
    found = await knows.product(shop, sku)
    embedding = await desk.client.embed(photo)
    entry = entry_from_product(found, name or next(iter(found.photos), sku), vector_of(embedding))
    await in_store_thread(lambda: knows.vectors(embedding, may_begin=True).upsert([entry]))


@router.get("/duplicates")
async def twice(
    desk: DeskNow, knows: KnowledgeNow, shop: ShopName,
    threshold: Annotated[float, Query(ge=0.5, le=1, description="Least cosine.")] = DUPLICATE_COSINE,
) -> DuplicatesOut:  # fmt: skip
    """List pairs of listings whose photos are nearly the same: up to a thousand, and what 30 seconds find."""
    embedding = await any_embedding(desk.client)

    def work() -> DuplicatesOut:
        pairs: list[DuplicateOut] = []
        try:
            for pair in duplicates(knows.vectors(embedding), shop, threshold, limit_s=_DUPLICATES_LIMIT_S):
                if len(pairs) == _MOST_DUPLICATES:
                    break
                pairs.append(DuplicateOut(**asdict(pair)))
            else:
                return DuplicatesOut(pairs=pairs, is_complete=True)
        except TimeoutError:
            pass
        return DuplicatesOut(pairs=pairs, is_complete=False)

    async with desk.explaining:  # few at a time: each is a search for every photo
        return await asyncio.to_thread(work)


async def _attributes(desk: Desk, photo: bytes) -> dict[str, str]:
    """Ask the model what the photo shows, where it is sure: what is alike has the same category and colour."""
    found = {}
    for field in FIELDS:
        choice = await desk.client.choose(photo, QUESTIONS[field], CANDIDATES[field])
        if choice.status == "answered":
            found[str(field)] = choice.text
    return found


def _is_wanted(product: Product, hit: Hit, wanted: Filter) -> bool:
    """Tell whether a product that was found meets the filter by what the catalogue says today."""
    return wanted.is_met_by(entry_from_product(product, hit.photo, _NO_VECTOR))


def _entry_of(vectors: Vectors, shop: str, sku: str) -> Entry:
    """Return a product's indexed photo.

    Raises:
        ProblemError: 404, it has none.
    """
    found = next(iter(vectors.entries(shop, sku)), None)
    if found is None:
        raise ProblemError(404, "a product that was named has no indexed photo: python -m shop index, or POST one")
    return found
