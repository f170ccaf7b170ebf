"""Store of products: SQLite, or PostgreSQL."""

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any, TypeVar

from sqlalchemy import ColumnElement, Connection, delete, func, select
from sqlalchemy.dialects import postgresql, sqlite
from vitrine_client.errors import InvalidRequestError
from vitrine_client.feedback.database import answered, engine_of, make_table

from shop.products.product import Product
from shop.products.table import METADATA, PRODUCTS, gtin_14, product_from, row_of

Result = TypeVar("Result")
BATCH = 500
"""Products of one transaction."""
_SKU = PRODUCTS.c.sku
_NO_TEXT = re.compile("[\0\ud800-\udfff]")


@dataclass(frozen=True)
class Changes:
    """What came of products that were put into a store."""

    added: int = 0
    changed: int = 0
    same: int = 0

    def __add__(self, other: "Changes") -> "Changes":
        return Changes(self.added + other.added, self.changed + other.changed, self.same + other.same)


class ProductStore:
    """Products of many shops, each of which sees its own alone. Safe for several threads and processes.

    What `put` has returned from is on disk: a process that is killed loses nothing of it.
    """

    def __init__(self, url: str, *, waits: bool = False) -> None:
        """Open a store, and make its table where there is none.

        Args:
            url: "sqlite:///products.db" or "postgresql://user:password@host/shop", for instance.
            waits: True: the database may come later; until it is there, calls fail.

        Raises:
            FeedbackError: it is no such URL, or the database cannot be reached. So does every other call.
        """
        self._engine = engine_of(url)
        self._has_table = False
        if not waits:
            self._do(lambda _: None)

    def put(self, products: Iterable[Product]) -> Changes:
        """Add products, or change them where something is new; those that stay the same are not written.

        Args:
            products: any number, of any shops; of two with one SKU the last counts. 500 at a time are written, all or
                none of them.

        Raises:
            InvalidRequestError: a shop, SKU or GTIN is no text.
        """
        waiting, changes = iter(products), Changes()
        while batch := list(islice(waiting, BATCH)):
            if not all(is_text(one.shop, one.sku, one.gtin) for one in batch):
                raise InvalidRequestError(
                    "a shop, SKU or GTIN has characters that no text has: NUL, or half a character"
                )
            rows = {(one.shop, one.sku): row_of(one) for one in batch}
            changes += self._do(lambda connection, rows=rows: _put(connection, rows))  # type: ignore[misc]  # its default
        return changes

    def get(self, shop: str, sku: str) -> Product | None:
        """Return a product; None: this shop has none of this SKU."""
        return next(iter(self._products(shop, sku, PRODUCTS.c.sku == sku, 1)), None)

    def by_gtin(self, shop: str, gtin: str) -> Product | None:
        """Return the product with this barcode; None: the shop has none, or several, so that it may be another one."""
        found = self._products(shop, gtin, PRODUCTS.c.gtin == gtin_14(gtin), 2) if gtin else []
        return found[0] if len(found) == 1 else None

    def page(self, shop: str, after: str = "", limit: int = 100) -> list[Product]:
        """List products by SKU, in the order of code points.

        Args:
            after: SKU that they stand behind.
        """
        return self._products(shop, after, after < _SKU, limit)

    def all(self, shop: str) -> Iterator[Product]:
        """Go through all products of a shop, without holding them at once."""
        after = ""
        while found := self.page(shop, after, BATCH):
            yield from found
            after = found[-1].sku

    def remove(self, shop: str, sku: str) -> bool:
        """Remove a product; False: there was none."""
        which = (PRODUCTS.c.shop == shop) & (PRODUCTS.c.sku == sku)
        return bool(is_text(shop, sku) and self._do(lambda link: link.execute(delete(PRODUCTS).where(which)).rowcount))

    def count(self, shop: str) -> int:
        query = select(func.count()).select_from(PRODUCTS).where(PRODUCTS.c.shop == shop)
        return self._do(lambda connection: int(connection.execute(query).scalar_one())) if is_text(shop) else 0

    def close(self) -> None:
        self._engine.dispose()

    def __enter__(self) -> "ProductStore":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _products(self, shop: str, asked: str, which: ColumnElement[bool], limit: int) -> list[Product]:
        if not is_text(shop, asked):
            return []
        query = select(PRODUCTS.c.document).where(PRODUCTS.c.shop == shop, which).order_by(_SKU).limit(limit)
        return self._do(lambda connection: [product_from(row.document) for row in connection.execute(query)])

    def _do(self, work: Callable[[Connection], Result]) -> Result:
        def in_transaction() -> Result:
            if not self._has_table:
                make_table(self._engine, METADATA)
                self._has_table = True
            with self._engine.begin() as connection:
                return work(connection)

        return answered(in_transaction, "products")


def is_text(*texts: str) -> bool:
    """Tell whether a database can hold texts: no NUL, no half of a character."""
    return not any(_NO_TEXT.search(text) for text in texts)


def _put(connection: Connection, rows: dict[tuple[str, str], dict[str, Any]]) -> Changes:
    known: dict[tuple[str, str], str] = {}
    for shop in {shop for shop, _ in rows}:
        skus = [sku for owner, sku in rows if owner == shop]
        query = select(_SKU, PRODUCTS.c.digest).where(PRODUCTS.c.shop == shop, _SKU.in_(skus))
        known |= {(shop, row.sku): row.digest for row in connection.execute(query)}
    new = [row for key, row in rows.items() if known.get(key) != row["digest"]]
    if new:
        insert = sqlite.insert if connection.dialect.name == "sqlite" else postgresql.insert
        statement: Any = insert(PRODUCTS).values(new)  # both dialects have these clauses, without a common type
        changed = {name: statement.excluded[name] for name in ("gtin", "digest", "document")}
        differs = PRODUCTS.c.digest != statement.excluded.digest
        keys = [PRODUCTS.c.shop, _SKU]
        connection.execute(statement.on_conflict_do_update(index_elements=keys, set_=changed, where=differs))
    return Changes(len(rows.keys() - known), len(new) - len(rows.keys() - known), len(rows) - len(new))
