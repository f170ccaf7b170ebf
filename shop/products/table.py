"""Table of products, and the form in which one stands there."""

import json
from dataclasses import asdict
from decimal import Decimal
from typing import Any

from sqlalchemy import Column, Index, MetaData, String, Table, Text

from shop.products.product import Money, Product

METADATA = MetaData()
_KEY = String().with_variant(String(collation="C"), "postgresql")
"""Sorted by code points in both databases."""
PRODUCTS = Table(
    "products",
    METADATA,
    Column("shop", _KEY, primary_key=True),
    Column("sku", _KEY, primary_key=True),
    Column("gtin", String(14), nullable=False),
    Column("digest", String(64), nullable=False),
    Column("document", Text, nullable=False),
    Index("products_by_gtin", "shop", "gtin"),
)
"""`gtin` has fourteen digits, or none; `document` is the whole product, as JSON in ASCII."""


def gtin_14(gtin: str) -> str:
    """Bring a GTIN of any length to fourteen digits: a scanner reads a UPC with a zero before it."""
    return gtin.zfill(14) if gtin else ""


def row_of(product: Product) -> dict[str, Any]:
    document = json.dumps(asdict(product), default=str)
    return {
        "shop": product.shop, "sku": product.sku, "gtin": gtin_14(product.gtin), "digest": product.digest(),
        "document": document,
    }  # fmt: skip


def product_from(document: str) -> Product:
    fields = json.loads(document)
    price = fields.pop("price")
    photos = tuple(fields.pop("photos"))
    return Product(**fields, price=price and Money(Decimal(price["amount"]), price["currency"]), photos=photos)
