"""Stores of vectors by their URL.

"edge:///data/vectors" is a folder ("edge:///./vectors" a relative one), "qdrant://host:6334" a server, with a key and
encrypted "qdrant://:key@host:6334", and "postgresql://user:password@host/shop" a database with pgvector.
"""

from typing import Protocol
from urllib.parse import urlsplit

from shop.vectors.port import Vectors, VectorsError, require_release

_EXPECTED = (
    "edge:///FOLDER (needs qdrant-edge-py), qdrant://[:KEY@]HOST:6334 (needs qdrant-client) or "
    "postgresql://USER:PASSWORD@HOST/NAME is expected"
)


class _Store(Protocol):
    """What each module of a kind of store has. `url` is of its kind."""

    def open_vectors(self, url: str, release: str, width: int) -> Vectors: ...
    def switch_to(self, url: str, release: str) -> None: ...
    def serving_release(self, url: str) -> str | None: ...


def open_vectors(url: str, release: str, width: int) -> Vectors:
    """Open the vectors of one release, and make their collection where there is none.

    Args:
        release: name of the release that makes them; see `vitrine_client.Embedding`.
        width: numbers in a vector.

    Raises:
        VectorsError: it is no such URL, the store does not answer, or its vectors are of another width.
    """
    require_release(release, width)
    return _store(url).open_vectors(url, release, width)


def switch_to(url: str, release: str) -> None:
    """Let the vectors of a release serve, at once; those of the one before stay, and can serve again.

    Raises:
        VectorsError: there are none of that release, or the store does not answer.
    """
    require_release(release, 1)
    _store(url).switch_to(url, release)


def serving_release(url: str) -> str | None:
    """Return the release whose vectors serve; None: none does yet.

    Raises:
        VectorsError: the store does not answer.
    """
    return _store(url).serving_release(url)


def _store(url: str) -> _Store:
    """Return the module of a kind of store; only its own library is imported."""
    try:
        parts = urlsplit(url)
        kind = parts.scheme if parts.netloc or parts.path.strip("/") else ""
        if kind == "edge" and not parts.netloc:
            from shop.vectors import edge

            return edge
        if kind == "qdrant" and parts.hostname and parts.port != 0:
            from shop.vectors import qdrant

            return qdrant
        if kind == "postgresql":
            from shop.vectors import postgres

            return postgres
    except (ValueError, ImportError) as error:
        raise VectorsError(f"the URL of the vectors cannot be used: {_EXPECTED}") from error
    if kind == "edge":
        raise VectorsError(
            "the URL of the vectors names a host where a folder is expected: write three slashes, edge:///data/vectors "
            "for a whole path or edge:///./data/vectors for one from here"
        )
    raise VectorsError(f"the URL of the vectors cannot be used: {_EXPECTED}")
