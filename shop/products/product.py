"""A product, as a shop's catalogue tells it."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from decimal import Decimal
from typing import Literal, get_args

Language = Literal["en", "zh"]
LANGUAGES: tuple[Language, ...] = get_args(Language)


@dataclass(frozen=True)
class Money:
    amount: Decimal
    currency: str
    """ISO 4217, such as "CNY"."""


@dataclass(frozen=True)
class Product:
    """One product of one shop. Texts are the shop's own; "" or None: it does not say."""

    shop: str
    sku: str
    names: Mapping[Language, str] = field(default_factory=dict)
    category: str = ""
    gtin: str = ""
    price: Money | None = None
    stock: int | None = None
    """Pieces in stock; 0: sold out."""
    is_in_stock: bool | None = None
    """Answer to whether it can be bought, where the shop does not say how many there are; None: it does not say."""
    warranty: Mapping[Language, str] = field(default_factory=dict)
    attributes: Mapping[Language, Mapping[str, str]] = field(default_factory=dict)
    """The shop's own names and values, such as {"en": {"material": "cotton"}, "zh": {"材质": "棉"}}."""
    photos: tuple[str, ...] = ()
    """Paths or addresses; nothing is fetched."""

    def digest(self) -> str:
        """SHA-256 of all that is told, in hexadecimal."""
        content = json.dumps(asdict(self), sort_keys=True, ensure_ascii=False, default=str)
        return hashlib.sha256(content.encode("utf-8", "surrogatepass")).hexdigest()
