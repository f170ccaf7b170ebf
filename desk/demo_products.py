"""Products drawn for the demo shop: photos, facts in both languages, and vectors."""

import random
from decimal import Decimal
from pathlib import Path

from tqdm import tqdm
from vitrine_client import VqaClient

from catalogue.attributes import CATEGORIES, COLOURS, PATTERNS, word
from catalogue.dataset import first_seed
from catalogue.photos import attributes_from_seed, photo_from_seed
from shop.products.product import LANGUAGES, Money, Product
from shop.products.store import ProductStore
from shop.vectors.indexing import index_products

SHOP = ""
"""Whoever reaches a desk without keys is this shop."""
_RULES = """\
rules:
  - asks: [allergy]
    do: hand_over
  - asks: [price, stock, warranty]  # a person answers where the catalogue does not
    do: catalogue_only
"""
_MATERIALS = (("cotton", "棉"), ("steel", "不锈钢"), ("bamboo", "竹"), ("glass", "玻璃"))


def drawn_product(number: int) -> Product:
    """Make up a product around a drawn photo; the same number gives the same."""
    attributes = attributes_from_seed(first_seed("test") + number)
    draw = random.Random(f"demo shop {number}")
    material = draw.choice(_MATERIALS)
    months = draw.choice((6, 12, 24))
    said = {
        language: {
            "material" if language == "en" else "材质": material[place],
            "colour" if language == "en" else "颜色": word(COLOURS, attributes.colour, language),
            "pattern" if language == "en" else "图案": word(PATTERNS, attributes.pattern, language),
        }
        for place, language in enumerate(LANGUAGES)
    }
    category = word(CATEGORIES, attributes.category, "en")
    return Product(
        shop=SHOP,
        sku=f"P{number:05}",
        names={
            "en": f"{word(COLOURS, attributes.colour, 'en').capitalize()} {category}",
            "zh": f"{word(COLOURS, attributes.colour, 'zh')}{word(CATEGORIES, attributes.category, 'zh')}",
        },
        category=category,
        price=Money(Decimal(draw.randrange(900, 30_000)).scaleb(-2), "CNY"),
        stock=draw.choice((0, 3, 12, 140)),
        warranty={"en": f"{months} months", "zh": f"{months} 个月"},
        attributes=said,
        photos=(f"P{number:05}.jpg",),
    )


def vectors_url(folder: Path) -> str:
    return f"edge://{folder.absolute()}/vectors"


def fill(folder: Path, count: int, url: str) -> None:
    """Draw what is not there yet, import it, and index it with the server at `url`."""
    photos = folder / "photos"
    photos.mkdir(parents=True, exist_ok=True)
    products = [drawn_product(number) for number in range(count)]
    for number, product in enumerate(tqdm(products, desc="photos", disable=None)):
        file = photos / product.photos[0]
        if not file.exists():
            file.write_bytes(photo_from_seed(first_seed("test") + number, long_side_px=(300, 400)).jpeg_bytes())
    (folder / "rules.yaml").write_text(_RULES, "utf-8")
    with ProductStore(f"sqlite:///{folder}/products.db") as store, VqaClient(url, timeout_s=60) as client:
        changes = store.put(products)
        bar = tqdm(products, desc="vectors", disable=None)
        done, _ = index_products(client, bar, photos, vectors_url(folder))
    print(f"{changes.added} products added, {changes.same} the same; {done} can be found by what they look like")
