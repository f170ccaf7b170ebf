"""What a product can be found by, from what its shop's catalogue tells."""

from shop.products.product import Product
from shop.vectors.port import Entry, Vector
from shop.vectors.vocabulary import word_of

_NAMES = {"colour": ("colour", "color", "颜色"), "pattern": ("pattern", "图案", "花纹")}


def entry_from_product(product: Product, photo: str, vector: Vector) -> Entry:
    """Return one photo of a product with what is filtered by.

    Category, colour and pattern are words of the closed lists where the shop's own words hold one of them, so that what
    buyers say fits; another category stays as the shop writes it.
    """
    in_stock = product.is_in_stock if product.stock is None else product.stock > 0
    return Entry(
        shop=product.shop,
        sku=product.sku,
        photo=photo,
        vector=vector,
        category=word_of("category", product.category) or product.category,
        colour=_attribute(product, "colour"),
        pattern=_attribute(product, "pattern"),
        price=None if product.price is None else float(product.price.amount),
        currency="" if product.price is None else product.price.currency,
        in_stock=in_stock,
    )


def _attribute(product: Product, name: str) -> str:
    for attributes in product.attributes.values():
        for own_name, value in attributes.items():
            if own_name.strip().lower() in _NAMES[name] and (word := word_of(name, value)):
                return word
    return ""
