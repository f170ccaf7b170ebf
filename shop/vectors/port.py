"""Vectors of product photos in a store: what goes in, what is asked, and the three calls that every store answers.

Vectors belong to the release that made them. A store keeps those of each release in a collection of its own, so that
two are never compared, and remembers which collection serves.
"""

import operator
import re
import uuid
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray
from vitrine_client.errors import VitrineError

KEYWORDS = ("category", "colour", "pattern", "currency", "in_stock")
"""Texts that a search can be narrowed by."""
MOST_HITS = 1000
_COMPARE = {"lt": operator.lt, "gt": operator.gt, "lte": operator.le, "gte": operator.ge}
_RELEASE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
_NAMESPACE = uuid.UUID("b0a8f6ce-6f0e-5d0e-9d2c-6a1f6a5d7c11")


class VectorsError(VitrineError):
    """The store of vectors cannot do what was asked; says why and what to do."""


class BadSearchError(VectorsError):
    """What was asked for cannot be searched for, whatever the store holds."""


@dataclass(frozen=True, eq=False)
class Vector:
    """Vector of a photo, as `image_embedding` gives it, with the release that made it."""

    release: str
    values: NDArray[np.float32]
    """[E], of any length but 0: direction alone is compared."""


@dataclass(frozen=True, eq=False)
class Entry:
    """One photo of one product, and what it can be found by. "" or None: not known."""

    shop: str
    sku: str
    photo: str
    """Path or address, as the catalogue has it; nothing is fetched."""
    vector: Vector
    category: str = ""
    """English word of the closed list, such as "mug", where it is one of them; so are colour and pattern."""
    colour: str = ""
    pattern: str = ""
    price: float | None = None
    currency: str = ""
    in_stock: bool | None = None

    @property
    def id(self) -> str:
        """UUID of shop, SKU and photo: the same photo of the same product is there once."""
        return str(uuid.uuid5(_NAMESPACE, "\0".join((self.shop, self.sku, self.photo))))

    def payload(self) -> dict[str, Any]:
        """Return all but the vector, fit for `json.dumps`."""
        fields = {name: value for name, value in vars(self).items() if name != "vector"}
        return fields | {"in_stock": {True: "yes", False: "no", None: ""}[self.in_stock]}


@dataclass(frozen=True)
class Filter:
    """What is looked among: products of one shop, and of these, those that meet all that is named."""

    shop: str
    category: str | None = None
    currency: str | None = None
    """ISO 4217; bounds of the price need it, since prices in two currencies cannot be compared."""
    price_below: float | None = None
    price_above: float | None = None
    price_at_most: float | None = None
    price_at_least: float | None = None
    in_stock: bool | None = None
    not_skus: tuple[str, ...] = ()
    any_of: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Values of which a field has one, such as {"colour": ("blue", "cyan")}; fields are those of `KEYWORDS`."""
    none_of: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Values of which a field has none."""

    def __post_init__(self) -> None:
        if unknown := [name for name in (*self.any_of, *self.none_of) if name not in KEYWORDS]:
            raise BadSearchError(f"there is no field {unknown[0][:40]!r} to filter by: {', '.join(KEYWORDS)} are known")
        if self.bounds() and self.currency is None:
            raise BadSearchError("a bound of the price came without its currency: name one, such as CNY")
        require_texts(self.shop, self.category, self.currency, *self.not_skus)
        require_texts(*(value for values in (*self.any_of.values(), *self.none_of.values()) for value in values))

    def wanted(self) -> list[tuple[str, tuple[str, ...]]]:
        """Return fields, and the values of which each must have one."""
        named = {"shop": self.shop, "category": self.category, "currency": self.currency}
        named["in_stock"] = None if self.in_stock is None else "yes" if self.in_stock else "no"
        return [(name, (value,)) for name, value in named.items() if value is not None] + list(self.any_of.items())

    def unwanted(self) -> list[tuple[str, tuple[str, ...]]]:
        """Return fields, and the values of which each may have none."""
        return [*self.none_of.items(), *([("sku", self.not_skus)] if self.not_skus else [])]

    def is_met_by(self, entry: "Entry") -> bool:
        """Tell whether an entry is what is looked for, as stores do."""
        payload, price = entry.payload(), entry.price
        return (
            all(payload[name] in values for name, values in self.wanted())
            and not any(payload[name] in values for name, values in self.unwanted())
            and all(price is not None and _COMPARE[name](price, bound) for name, bound in self.bounds().items())
        )

    def bounds(self) -> dict[str, float]:
        """Return bounds of the price, by "lt", "gt", "lte" and "gte"."""
        named = {"lt": self.price_below, "gt": self.price_above, "lte": self.price_at_most, "gte": self.price_at_least}
        return {name: bound for name, bound in named.items() if bound is not None}


@dataclass(frozen=True)
class Hit:
    """A photo that was found."""

    sku: str
    photo: str
    score: float
    """Cosine of the angle to what was asked, -1 to 1."""
    payload: Mapping[str, Any]
    """What `Entry.payload` returned."""


class Vectors(Protocol):
    """Collection of one release. Safe for several threads. Each call raises VectorsError where the store is away.

    What `upsert` and `delete` have returned from stays, also where the process is killed at once.
    """

    release: str
    width: int

    def upsert(self, entries: Sequence[Entry]) -> None:
        """Add photos, or replace them. Some hundred at a time are fast.

        Raises:
            VectorsError: a vector is of another release or width, or no number; nothing was added.
        """

    def search(self, vector: Vector, filter: Filter, limit: int) -> list[Hit]:
        """Find the nearest photos, at most `limit` of them (1 to 1,000), the nearest first."""

    def delete(self, shop: str, sku: str, photos: Sequence[str] | None = None) -> None:
        """Remove photos of a product, None: all; one that is not there is no error."""

    def entries(self, shop: str, sku: str | None = None) -> Iterator[Entry]:
        """Go through all photos of a shop, or of one of its products, with vectors of length 1."""

    def count(self) -> int:
        """Count photos, of all shops."""

    def index(self) -> None:
        """Build the index over what was added, after many were: searches are right without it, but slower.

        It takes minutes for a hundred thousand, in which nothing can be added: call it where nobody waits.
        """

    def close(self) -> None: ...


def require_texts(*texts: str | None) -> None:
    """Refuse texts that a database cannot keep.

    Raises:
        VectorsError: one is too long, holds a null byte or is no Unicode text.
    """
    for text in texts:
        if text is not None and (len(text) > 2000 or "\0" in text or any("\ud800" <= one <= "\udfff" for one in text)):
            raise BadSearchError("a text has over 2,000 characters, holds a null byte, or is no Unicode text")


def require_release(release: str, width: int) -> None:
    """Refuse the name of a release that cannot name a collection, or a width that none has."""
    if not _RELEASE.fullmatch(release):
        raise VectorsError("the release's name is not one: up to 100 letters, digits, '.', '_' and '-' are expected")
    if not 1 <= width <= 2000:
        raise VectorsError(f"vectors are {width} wide, but 1 to 2,000 numbers are expected")


def checked_values(vector: Vector, release: str, width: int) -> NDArray[np.float32]:
    """Return a vector's numbers with length 1.

    Raises:
        VectorsError: it is of another release or width, or its numbers are none.
    """
    if vector.release != release:
        raise VectorsError(
            f"a vector of release {vector.release[:100]} came, but this collection is of {release}: "
            "vectors of two releases cannot be compared; embed the photo with the release that serves"
        )
    if vector.values.shape != (width,):
        raise VectorsError(f"a vector of shape {list(vector.values.shape)} came, but [{width}] is expected")
    values = vector.values.astype(np.float32)
    length = float(np.linalg.norm(values.astype(np.float64)))
    if not np.isfinite(length) or length == 0:
        raise VectorsError("a vector is all zeros, or holds NaN or infinity, so that it has no direction")
    return (values / length).astype(np.float32)


def checked_entries(entries: Sequence[Entry], release: str, width: int) -> dict[str, tuple[Entry, list[float]]]:
    """Return entries and their numbers by id; of two with the same one, the later.

    Raises:
        VectorsError: see `checked_values` and `require_texts`; or a price is no number.
    """
    for entry in entries:
        require_texts(*(value for value in vars(entry).values() if isinstance(value, str)))
        if entry.price is not None and not (np.isfinite(entry.price) and entry.price >= 0):
            raise VectorsError("a price is negative or no number")
    return {entry.id: (entry, checked_values(entry.vector, release, width).tolist()) for entry in entries}


def require_limit(limit: int) -> None:
    if not 1 <= limit <= MOST_HITS:
        raise VectorsError(f"{limit} hits were asked for, but 1 to {MOST_HITS:,} are expected")


def missing_release(release: str) -> VectorsError:
    return VectorsError(f"there are no vectors of release {release[:100]}: fill its collection before it serves")
