"""Vectors in a Qdrant server or cluster."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from typing import Any, TypeVar
from urllib.parse import unquote, urlsplit

import grpc
from qdrant_client import QdrantClient, models
from qdrant_client.http.exceptions import ApiException

from shop.vectors.points import entries_from, hits_from
from shop.vectors.port import (
    KEYWORDS,
    Entry,
    Filter,
    Hit,
    Vector,
    VectorsError,
    checked_entries,
    checked_values,
    missing_release,
    require_limit,
)

Result = TypeVar("Result")
_ALIAS = "vitrine-serving"
_PREFIX = "vitrine-of-"
_PAGE = 1000
_TIMEOUT_S = 30


class QdrantVectors:
    """Collection of one release. See `Vectors`."""

    def __init__(self, client: QdrantClient, release: str, width: int) -> None:
        """Open the collection of a release, and make it where there is none.

        Raises:
            VectorsError: it is of another width, or the server does not answer.
        """
        self.release, self.width, self._client, self._name = release, width, client, f"{_PREFIX}{release}"
        _do(self._open)

    def upsert(self, entries: Sequence[Entry]) -> None:
        points = [
            models.PointStruct(id=id, vector=values, payload=entry.payload())
            for id, (entry, values) in checked_entries(entries, self.release, self.width).items()
        ]
        if points:
            _do(lambda: self._client.upsert(self._name, points, wait=True))

    def search(self, vector: Vector, filter: Filter, limit: int) -> list[Hit]:
        require_limit(limit)
        values = checked_values(vector, self.release, self.width).tolist()
        found = _do(lambda: self._client.query_points(self._name, values, query_filter=_filter(filter), limit=limit))
        return hits_from(found.points)

    def delete(self, shop: str, sku: str, photos: Sequence[str] | None = None) -> None:
        which = models.Filter(
            must=[_has("shop", shop), _has("sku", sku), *([] if photos is None else [_has("photo", *photos)])]
        )
        _do(lambda: self._client.delete(self._name, models.FilterSelector(filter=which), wait=True))

    def entries(self, shop: str, sku: str | None = None) -> Iterator[Entry]:
        which = models.Filter(must=[_has("shop", shop), *([] if sku is None else [_has("sku", sku)])])

        def page(offset: Any) -> Any:
            return _do(lambda: self._client.scroll(self._name, which, _PAGE, offset=offset, with_vectors=True))

        return entries_from(self.release, page)

    def count(self) -> int:
        return _do(lambda: self._client.count(self._name, exact=True).count)

    def index(self) -> None:
        """Do nothing: the server indexes by itself."""

    def close(self) -> None:
        self._client.close()

    def _open(self) -> None:
        if not self._client.collection_exists(self._name):
            config = models.VectorParams(size=self.width, distance=models.Distance.COSINE)
            self._client.create_collection(self._name, config)
        for name in ("shop", "sku", *KEYWORDS):  # where it is there, nothing changes
            self._client.create_payload_index(self._name, name, models.PayloadSchemaType.KEYWORD)
        self._client.create_payload_index(self._name, "price", models.PayloadSchemaType.FLOAT)
        params = self._client.get_collection(self._name).config.params.vectors
        found = params.size if isinstance(params, models.VectorParams) else None
        if found != self.width:
            raise VectorsError(f"vectors of {self.width} numbers came, but those of {self.release} have {found}")


def client_of(url: str) -> QdrantClient:
    """Prepare calls to a server by gRPC; with a key, encrypted."""
    parts = urlsplit(url)
    key = None if parts.password is None else unquote(parts.password)
    return QdrantClient(
        host=parts.hostname, grpc_port=parts.port or 6334, prefer_grpc=True, api_key=key, https=key is not None,
        timeout=_TIMEOUT_S, check_compatibility=False,
    )  # fmt: skip


def open_vectors(url: str, release: str, width: int) -> QdrantVectors:
    return QdrantVectors(client_of(url), release, width)


def switch_to(url: str, release: str) -> None:
    """See `opening.switch_to`: one alias is exchanged at once."""
    name = f"{_PREFIX}{release}"
    with closing(client_of(url)) as client:
        if not _do(lambda: client.collection_exists(name)):
            raise missing_release(release)
        old = models.DeleteAliasOperation(delete_alias=models.DeleteAlias(alias_name=_ALIAS))
        new = models.CreateAliasOperation(create_alias=models.CreateAlias(collection_name=name, alias_name=_ALIAS))
        _do(lambda: client.update_collection_aliases([old, new]))


def serving_release(url: str) -> str | None:
    """See `opening.serving_release`."""
    with closing(client_of(url)) as client:
        aliases = _do(client.get_aliases).aliases
    return next((one.collection_name.removeprefix(_PREFIX) for one in aliases if one.alias_name == _ALIAS), None)


def _has(name: str, *values: str) -> models.FieldCondition:
    return models.FieldCondition(key=name, match=models.MatchAny(any=list(values)))


def _filter(filter: Filter) -> models.Filter:
    must: list[Any] = [_has(name, *values) for name, values in filter.wanted()]
    if bounds := filter.bounds():
        must.append(models.FieldCondition(key="price", range=models.Range(**bounds)))
    return models.Filter(must=must, must_not=[_has(name, *values) for name, values in filter.unwanted()])


def _do(work: Callable[[], Result]) -> Result:
    """Return what `work` does with the server.

    Raises:
        VectorsError: it is away, or refuses.
    """
    try:
        return work()
    except (grpc.RpcError, ApiException, OSError, ValueError, RuntimeError) as error:
        raise VectorsError(
            f"the Qdrant server does not answer ({type(error).__name__}): is it up, and may this key write?"
        ) from error
