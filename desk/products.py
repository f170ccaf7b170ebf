"""Routes of the catalogue: products, imports, and listings that a photo contradicts."""

import asyncio
import tempfile
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

from fastapi import APIRouter, File, Form, Query
from pydantic import BaseModel, Field

from desk.asking import Photo
from desk.context import DeskNow, KnowledgeNow, ShopName
from desk.inbox import in_store_thread
from desk.knowledge import any_embedding, product_out
from desk.problems import ProblemError
from shop.facts.listing_check import CANDIDATES, FIELDS, QUESTIONS, contradictions, known_words, listed_value
from shop.feeds.importing import Format, import_feed
from shop.feeds.rows import FeedError

_PROBLEMS_TOLD = 100
router = APIRouter(prefix="/v1", tags=["catalogue"])


class ImportOut(BaseModel):
    added: int
    changed: int
    same: int
    bad: int = Field(description="Rows that are no products.")
    notes: int
    problems: list[str] = Field(description="Places and reasons, the first hundred.")


class ContradictionOut(BaseModel):
    sku: str
    photo: str
    field: str
    listed: str = Field(description="What the shop says.")
    seen: str = Field(description="What the photo shows.")
    confidence: float


@router.post("/products")
async def add(
    knows: KnowledgeNow,
    shop: ShopName,
    feed: Annotated[bytes, File(description="Google Merchant TSV or XML, schema.org JSON-LD, CSV or JSON Lines.")],
    format: Annotated[Format | None, Form(description="Told from the file, where it is left out.")] = None,
) -> ImportOut:
    """Import products; good rows are kept where others are bad, and the same feed again changes nothing."""

    def work() -> ImportOut:
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / "feed"
            file.write_bytes(feed)
            done = import_feed(file, shop, knows.products, kind=format)
        told = done.problems[:_PROBLEMS_TOLD]
        return ImportOut(**asdict(done.changes), bad=done.bad, notes=done.notes, problems=told)

    try:
        return await asyncio.to_thread(work)
    except FeedError as error:
        raise ProblemError(422, str(error)) from error


@router.get("/products")
async def show(
    knows: KnowledgeNow,
    shop: ShopName,
    after: Annotated[str, Query(max_length=200, description="SKU that they stand behind.")] = "",
    limit: Annotated[int, Query(ge=1, le=500)] = 100,
) -> list[dict[str, Any]]:
    """List the shop's products by SKU."""
    return [product_out(one) for one in await in_store_thread(knows.products.page, shop, after, limit)]


@router.get("/products/{sku:path}")
async def one(knows: KnowledgeNow, shop: ShopName, sku: str) -> dict[str, Any]:
    """Return a product."""
    return product_out(await knows.product(shop, sku))


@router.delete("/products/{sku:path}")
async def remove(desk: DeskNow, knows: KnowledgeNow, shop: ShopName, sku: str) -> dict[str, bool]:
    """Remove a product, and its vectors."""
    removed = await in_store_thread(knows.forget, shop, sku)
    if knows.vectors_url:  # where this fails, the same request again goes on with it
        await in_store_thread(knows.forget_vectors, shop, sku, await any_embedding(desk.client))
    return {"removed": removed}


@router.post("/listing-checks")
async def check(
    desk: DeskNow, knows: KnowledgeNow, shop: ShopName, photo: Photo, product: Annotated[str, Form(max_length=200)]
) -> list[ContradictionOut]:
    """Tell in what a photo contradicts a product's listing."""
    found = await knows.product(shop, product)
    asked = [field for field in FIELDS if known_words(listed_value(found, field), field)]
    choices = [await desk.client.choose(photo, QUESTIONS[field], CANDIDATES[field]) for field in asked]
    seen = contradictions(found, dict(zip(asked, choices, strict=True)))
    knows.checks.note(shop, seen)
    return [ContradictionOut(**asdict(row)) for row in seen]


@router.get("/listing-checks")
async def checks(knows: KnowledgeNow, shop: ShopName) -> list[ContradictionOut]:
    """List contradictions that were seen since the desk was opened, the newest last; buyers are not told of them."""
    return [ContradictionOut(**asdict(row)) for row in knows.checks.of(shop)]
