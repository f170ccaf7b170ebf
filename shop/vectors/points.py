"""Reading of what stores give back: payloads, and the points of both of Qdrant's libraries."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from shop.vectors.port import Entry, Hit, Vector


def hits_from(points: Sequence[Any]) -> list[Hit]:
    """Return the points that Qdrant has found, of either library."""
    return [Hit(one.payload["sku"], one.payload["photo"], one.score, one.payload) for one in points]


def entries_from(release: str, page: Callable[[Any], tuple[Sequence[Any], Any]]) -> Iterator[Entry]:
    """Go through all points of Qdrant, of either library.

    Args:
        page: from where a page begins to its points and where the next one begins; None: at the start, at the end.
    """
    offset = None
    while True:
        points, offset = page(offset)
        for one in points:
            yield entry_from_payload(one.payload, Vector(release, np.array(one.vector, np.float32)))
        if offset is None:
            return


def entry_from_payload(payload: Mapping[str, Any], vector: Vector) -> Entry:
    in_stock = {"yes": True, "no": False, "": None}[payload["in_stock"]]
    return Entry(**{**payload, "in_stock": in_stock}, vector=vector)
